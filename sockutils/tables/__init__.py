"""The kernel's own table of sockets, asked by netlink (sock_diag(7)), and who holds each.

`sockets()` lists what `ss` would; `holders` finds the processes of a socket in /proc, and `busy`
what stands in the way of a bind(). `descriptors` is what this process itself has open. It only
looks: nothing here makes or ends a socket of others.
"""
