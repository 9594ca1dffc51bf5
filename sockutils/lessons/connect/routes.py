"""Entries of the kernel's routing table, and what a router on the way says."""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

# <linux/netlink.h>, <linux/rtnetlink.h>
NETLINK_ROUTE, RTM_NEWROUTE, RTM_DELROUTE = 0, 24, 25
NLM_F_REQUEST, NLM_F_ACK, NLM_F_EXCL, NLM_F_CREATE = 0x1, 0x4, 0x200, 0x400
NEW, DELETE = NLM_F_EXCL | NLM_F_CREATE, 0
RTN = {"blackhole": 6, "unreachable": 7, "prohibit": 8}
RT_TABLE_MAIN, RTPROT_STATIC, RTA_DST = 254, 4, 1
UNREACHABLE = 3  # ICMP's type "destination unreachable", RFC 792
QUOTED = 28  # bytes of the packet that an ICMP error is about: the IP header, the ports, the number


@contextmanager
def route(kind: str, host: str) -> Iterator[None]:
    """What `ip route add KIND HOST` does, for as long as the block runs. rtnetlink(7)

    OSError: EPERM without CAP_NET_ADMIN, EEXIST if there is such a route.
    """
    ask(RTM_NEWROUTE, NEW, kind, host)
    try:
        yield
    finally:
        ask(RTM_DELROUTE, DELETE, kind, host)


def ask(command: int, flags: int, kind: str, host: str) -> None:
    # struct rtmsg for one IPv4 address (32 bits of it count), then the address as its attribute
    table = RT_TABLE_MAIN, RTPROT_STATIC
    message = struct.pack("=8BI", socket.AF_INET, 32, 0, 0, *table, 0, RTN[kind], 0)
    message += struct.pack("=HH4s", 8, RTA_DST, socket.inet_aton(host))
    flags |= NLM_F_REQUEST | NLM_F_ACK
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE) as kernel:
        kernel.send(struct.pack("=IHHII", 16 + len(message), command, flags, 0, 0) + message)
        (status,) = struct.unpack_from("=i", kernel.recv(4096), 16)  # 0 or -errno
    if status:
        raise OSError(-status, os.strerror(-status))


def unreachable(code: int, packet: bytes) -> bytes:
    """The ICMP message "destination unreachable", with this code, about an IPv4 packet. RFC 792"""
    quoted = packet[:QUOTED]
    message = struct.pack("!BBHI", UNREACHABLE, code, 0, 0) + quoted
    return struct.pack("!BBHI", UNREACHABLE, code, checksum(message), 0) + quoted


def checksum(message: bytes) -> int:
    """RFC 1071, of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(message) // 2}H", message))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF
