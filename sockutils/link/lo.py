"""One more address for `lo`."""

import fcntl
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from sockutils.link.tun import tentative
from sockutils.peers.waits import wait_until

# <linux/sockios.h>, <linux/if_addr.h>
SIOCSIFADDR, SIOCDIFADDR = 0x8916, 0x8936
DISABLED = "/proc/sys/net/ipv6/conf/lo/disable_ipv6"


@contextmanager
def address_on_lo(host: str) -> Iterator[None]:
    """Give `lo` one more IPv6 address for this block, with IPv6 switched on.

    It needs a private network that may write DISABLED.
    """
    packed = socket.inet_pton(socket.AF_INET6, host)
    entry = packed + struct.pack("=Ii", 64, socket.if_nametoindex("lo"))
    with open(DISABLED) as file:
        usual = file.read()
    put(DISABLED, "0")
    try:
        with socket.socket(socket.AF_INET6) as control:
            fcntl.ioctl(control, SIOCSIFADDR, entry)
            try:
                wait_until(lambda: not tentative(packed))
                yield
            finally:
                fcntl.ioctl(control, SIOCDIFADDR, entry)
    finally:
        put(DISABLED, usual)


def put(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)
