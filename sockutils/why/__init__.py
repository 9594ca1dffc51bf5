"""What somebody sees, and why: the texts of errors, symptoms, their causes, the cells of the cure.

What does not belong here: what an error means for one call (`words`), the manual's list (`errors`).
"""
