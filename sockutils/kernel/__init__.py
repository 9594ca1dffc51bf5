"""The private network: a kernel that leaves the host's, and what a cell may ask of it.

`python -m sockutils.kernel -f FILE` is a kernel (kernel.json says so), `install` writes a
kernelspec, `run COMMAND` runs anything in a private network of its own. `network` tells which it is
and stops cells that need another; `files` gives those of /etc another text for a while. What
happens inside, calls and packets, lives elsewhere.
"""
