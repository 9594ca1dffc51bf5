"""How names become addresses: who is asked, and a name server that answers as it is told.

In order: the answers of a zone, the server on port 53 that gives them, the files that say whom the
C library asks, the errors of its calls. Nothing here resolves a name: that is for the cells.
"""
