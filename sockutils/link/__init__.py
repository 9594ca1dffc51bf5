"""Bad lines: `Link` delays, loses, duplicates and reorders packets, `deaf()` loses what arrives.

`Link` is a tun interface whose far end is Python: a packet for 10.0.0.2 comes back from there. `lo`
gives the loopback one more address. Both need the private network; `deaf()`, a filter on one
socket, does not, nor does `relay`, which treats datagrams on 127.0.0.1 as a link would. Recording
what crosses an interface is in `sockutils.packets`.
"""
