"""The private-network kernel: what Jupyter starts, and how it leaves the host's network.

`python -m sockutils.kernel -f FILE` is a kernel (kernel.json says so), `install` writes a
kernelspec, `run COMMAND` runs anything in a private network of its own.
"""
