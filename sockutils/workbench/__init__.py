"""Programs side by side, whose calls are made by a click: `bench()`.

In order: a step is a line of text, a story some of them; a call runs in a thread of its own, and an
end is what a program has of a connection; the core makes the calls and keeps what happened; of that
are made a text, pictures, a program to copy. Only `view` knows of a page, and holds no state. Every
call is a real one of the socket API: nothing here stands for it or plays it.
"""
