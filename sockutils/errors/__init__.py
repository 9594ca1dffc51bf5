"""Every way a call fails: `fails()` expects an error, `errors_shown()` lists the manual's.

errors.toml holds the ERRORS sections of the man pages in our own words. Numbers are read here and
nowhere else: errno, EAI_, h_errno and OpenSSL's. What a learner is told below an error that nobody
expected is in `sockutils.words`.
"""
