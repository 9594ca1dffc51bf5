"""The steps of the learner's own server and client, one for each lesson.

Each is driven through its files alone. What all steps need is in `sockutils.practice`.
"""
