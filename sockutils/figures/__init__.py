"""What is drawn, whatever it shows: pictures with a text that says the same, grids, columns.

A picture knows sizes, colours and how to elide, and nothing of sockets, calls or packets. What
draws one kind of thing (a ladder of packets, lanes of calls, a lesson's own figure) lives with that
thing.
"""
