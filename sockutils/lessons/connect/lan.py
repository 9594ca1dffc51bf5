"""A network of one's own in which nobody else is, and the setting of the ephemeral ports."""

import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# <linux/if_tun.h>, <linux/sockios.h>, <linux/if.h>
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
SIOCSIFADDR, SIOCSIFNETMASK, SIOCSIFFLAGS, IFF_UP = 0x8916, 0x891C, 0x8914, 0x1
NAME = b"tap0"
RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


@contextmanager
def empty_lan() -> Iterator[None]:
    """An Ethernet interface with the address 10.1.0.1/24 for a block; nobody else is on it.

    OSError: EPERM outside a private network, ENOENT or EACCES if /dev/net/tun is missing or closed.
    Source: Linux, Documentation/networking/tuntap
    """
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", NAME, IFF_TAP | IFF_NO_PI))
        with socket.socket(type=socket.SOCK_DGRAM) as control:
            for request, host in ((SIOCSIFADDR, "10.1.0.1"), (SIOCSIFNETMASK, "255.255.255.0")):
                address = socket.AF_INET, 0, socket.inet_aton(host)
                fcntl.ioctl(control, request, struct.pack("16sHH4s16x", NAME, *address))
            fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH22x", NAME, IFF_UP))
        yield
    finally:
        os.close(tap)


@contextmanager
def ephemeral(ports: str) -> Iterator[None]:
    """Write the range of the ephemeral ports for a block, such as "20000 20003". ip(7)"""
    usual = RANGE.read_text()
    RANGE.write_text(ports)
    try:
        yield
    finally:
        RANGE.write_text(usual)
