"""The other end of a conversation: a plain function that runs while a block does.

`background()` starts it, hands on what it raises, and ends it with the block. It must not know what
the function does: servers and clients of the lessons live in the lessons.
"""
