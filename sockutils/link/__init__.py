"""A bad line between two addresses: `Link` delays, loses, duplicates and reorders packets.

It is a tun interface whose far end is Python: a packet for 10.0.0.2 comes back from there. It needs
the private network. Recording what crosses `lo` is in `sockutils.packets`.
"""
