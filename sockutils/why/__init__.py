"""What somebody sees, and why: texts of errors, symptoms, their causes, the cells of the cure.

In order: a symptom, the search for one, what a terminal says. What an error means for one call is
in `words`, the manual's list in `errors`; here nothing is run, and nothing asks the machine.
"""
