"""What a learner does: exercises, questions, panels; limits of time, and what was passed.

A check drives the learner's function with real peers and says what it saw. The checks themselves,
the questions and the wrong answers belong to `sockutils.lessons`.
"""
