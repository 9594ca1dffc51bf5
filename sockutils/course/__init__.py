"""The learner's copy of the lessons: laid out without outputs, updated, restored, opened.

What a learner has touched is never overwritten or lost. The lessons themselves are in notebooks/
(in a wheel: sockutils/notebooks). What a learner has passed is in `sockutils.practice`.
"""
