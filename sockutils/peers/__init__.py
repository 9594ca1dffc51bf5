"""The other end of a conversation: a plain function that runs while a block does.

`background()` starts it, hands on what it raises, and ends it with the block. `waits` looks for
what the other end does, `ends` does what it has to notice. None of them may know what the function
does: servers and clients of the lessons live in the lessons.
"""
