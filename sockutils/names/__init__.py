"""How names become addresses: who is asked, and a name server that answers as it is told.

In order: the answers of a zone, the server on port 53 that gives them, the errors of the C
library's calls. Nothing here resolves a name: that is for the cells.
"""
