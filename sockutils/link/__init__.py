"""A bad line between two addresses: `Link` delays, loses, duplicates and reorders packets.

It is a tun interface whose far end is Python: a packet for 10.0.0.2 comes back from there. `lo`
gives the loopback one more address. Both need the private network. Recording what crosses an
interface is in `sockutils.packets`.
"""
