"""What crossed the wire: `capture()` records, `sequence()` draws, a transcript tells.

In order: a ring of memory that the kernel fills, headers, packets, the roles of their ends, remarks
on what they hold, the ladder. Nothing here sends: a line that Python disturbs is `sockutils.link`.
"""
