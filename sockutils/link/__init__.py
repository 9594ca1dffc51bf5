"""Bad lines: `Link` delays, loses, duplicates and reorders packets, `deaf()` loses what arrives.

`Link` is a tun interface whose far end is Python: a packet for 10.0.0.2 comes back from there. It
needs the private network; `deaf()`, a filter on one socket, does not. Recording what crosses `lo`
is in `sockutils.packets`.
"""
