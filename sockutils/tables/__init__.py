"""The kernel's own table of sockets, asked by netlink (sock_diag(7)), and who holds each.

`sockets()` lists what `ss` would; `holders` finds the processes of a socket in /proc, and `busy`
what stands in the way of a bind(); `descriptors` is what this process itself has open. `states`
follows a connection through the table; `tcp`, `options` and `snmp` ask a socket, or the stack, for
its numbers. It only looks: nothing here makes or ends a socket of others.
"""
