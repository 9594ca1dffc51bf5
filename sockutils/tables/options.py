"""Every option of a socket that has a name, as this kernel answers."""

import socket
import struct
import sys
from typing import NamedTuple

from sockutils.errors.shown import name_of

# How an option's name begins: the level, and the family and type of the socket to ask
LEVELS = {
    "SO_": ("SOL_SOCKET", socket.SOL_SOCKET, socket.AF_INET, socket.SOCK_STREAM),
    "IP_": ("IPPROTO_IP", socket.IPPROTO_IP, socket.AF_INET, socket.SOCK_STREAM),
    "IPV6_": ("IPPROTO_IPV6", socket.IPPROTO_IPV6, socket.AF_INET6, socket.SOCK_STREAM),
    "TCP_": ("IPPROTO_TCP", socket.IPPROTO_TCP, socket.AF_INET, socket.SOCK_STREAM),
    "UDP_": ("IPPROTO_UDP", socket.IPPROTO_UDP, socket.AF_INET, socket.SOCK_DGRAM),
}
# Names of Python's module that begin like an option and are none, or not of an internet socket
OTHERS = ("SO_J1939", "SO_VM_SOCKETS", "IP_DEFAULT", "IP_MAX", "IPV6_RTHDR_TYPE")
TEXTS = {"SO_BINDTODEVICE", "TCP_CONGESTION", "TCP_ULP"}
TIMES = {"SO_RCVTIMEO", "SO_SNDTIMEO"}
LONGS = {"SO_MAX_PACING_RATE", "SO_COOKIE", "SO_NETNS_COOKIE"}
INTS = {"SO_LINGER", "SO_PEERCRED", "SO_TIMESTAMPING", "SO_MEMINFO", "SO_TXTIME", "TCP_CC_INFO"}
# What Python's module has no name for: <asm-generic/socket.h>, <linux/in.h>, <linux/in6.h>,
# <linux/tcp.h>, <linux/udp.h>
NUMBERS = {
    "SO_NO_CHECK": 11,
    "SO_GET_FILTER": 26,
    "SO_PEERNAME": 28,
    "SO_TIMESTAMP": 29,
    "SO_SNDBUFFORCE": 32,
    "SO_RCVBUFFORCE": 33,
    "SO_TIMESTAMPNS": 35,
    "SO_TIMESTAMPING": 37,
    "SO_RXQ_OVFL": 40,
    "SO_PEEK_OFF": 42,
    "SO_NOFCS": 43,
    "SO_LOCK_FILTER": 44,
    "SO_SELECT_ERR_QUEUE": 45,
    "SO_BUSY_POLL": 46,
    "SO_MAX_PACING_RATE": 47,
    "SO_MEMINFO": 55,
    "SO_INCOMING_NAPI_ID": 56,
    "SO_COOKIE": 57,
    "SO_PEERGROUPS": 59,
    "SO_ZEROCOPY": 60,
    "SO_TXTIME": 61,
    "SO_BINDTOIFINDEX": 62,
    "SO_PREFER_BUSY_POLL": 69,
    "SO_BUSY_POLL_BUDGET": 70,
    "SO_NETNS_COOKIE": 71,
    "SO_BUF_LOCK": 72,
    "SO_RESERVE_MEM": 73,
    "SO_TXREHASH": 74,
    "SO_RCVMARK": 75,
    "SO_PASSPIDFD": 76,
    "SO_PEERPIDFD": 77,
    "IP_PKTINFO": 8,
    "IP_MTU_DISCOVER": 10,
    "IP_RECVERR": 11,
    "IP_RECVTTL": 12,
    "IP_MTU": 14,
    "IP_FREEBIND": 15,
    "IP_MINTTL": 21,
    "IP_MULTICAST_ALL": 49,
    "IP_UNICAST_IF": 50,
    "IP_LOCAL_PORT_RANGE": 51,
    "IP_PROTOCOL": 52,
    "IPV6_FLOWINFO": 11,
    "IPV6_ROUTER_ALERT": 22,
    "IPV6_MTU_DISCOVER": 23,
    "IPV6_MTU": 24,
    "IPV6_RECVERR": 25,
    "IPV6_MULTICAST_ALL": 29,
    "IPV6_FLOWINFO_SEND": 33,
    "IPV6_AUTOFLOWLABEL": 70,
    "IPV6_ADDR_PREFERENCES": 72,
    "IPV6_MINHOPCOUNT": 73,
    "IPV6_TRANSPARENT": 75,
    "IPV6_UNICAST_IF": 76,
    "IPV6_RECVFRAGSIZE": 77,
    "IPV6_FREEBIND": 78,
    "UDP_CORK": 1,
    "UDP_ENCAP": 100,
    "UDP_NO_CHECK6_TX": 101,
    "UDP_NO_CHECK6_RX": 102,
    "UDP_SEGMENT": 103,
    "UDP_GRO": 104,
    "TCP_MD5SIG": 14,
    "TCP_THIN_LINEAR_TIMEOUTS": 16,
    "TCP_THIN_DUPACK": 17,
    "TCP_REPAIR": 19,
    "TCP_REPAIR_QUEUE": 20,
    "TCP_QUEUE_SEQ": 21,
    "TCP_REPAIR_OPTIONS": 22,
    "TCP_TIMESTAMP": 24,
    "TCP_CC_INFO": 26,
    "TCP_SAVE_SYN": 27,
    "TCP_SAVED_SYN": 28,
    "TCP_REPAIR_WINDOW": 29,
    "TCP_FASTOPEN_CONNECT": 30,
    "TCP_ULP": 31,
    "TCP_MD5SIG_EXT": 32,
    "TCP_FASTOPEN_KEY": 33,
    "TCP_FASTOPEN_NO_COOKIE": 34,
    "TCP_ZEROCOPY_RECEIVE": 35,
    "TCP_INQ": 36,
    "TCP_TX_DELAY": 37,
    "TCP_IS_MPTCP": 43,
    "TCP_RTO_MAX_MS": 44,
    "TCP_RTO_MIN_US": 45,
    "TCP_DELACK_MAX_US": 46,
}


class Option(NamedTuple):
    """One option as this kernel answers: a value in words, or the name of the error."""

    level: str
    name: str
    number: int
    value: str


class Options(list[Option]):
    """All options that were asked for; as text, a table."""

    def __repr__(self) -> str:
        lines = [f"{o.level:<12}  {o.number:>3}  {o.name:<24}  {o.value}" for o in self]
        return "\n".join(lines)


def options() -> Options:
    """Ask fresh sockets for every option that Python or the list above has a name for."""
    known = {name: number for name, number in vars(socket).items() if isinstance(number, int)}
    # The numbers of SO_ differ on Alpha, MIPS, PA-RISC and SPARC: there only those of Python
    generic = socket.SO_KEEPALIVE == 9
    known |= {name: NUMBERS[name] for name in NUMBERS if generic or not name.startswith("SO_")}
    rows = Options()
    for prefix, (level, number, family, kind) in LEVELS.items():
        names = [name for name in known if name.startswith(prefix) and not name.startswith(OTHERS)]
        for name in sorted(names, key=lambda name: (known[name], name)):
            rows.append(Option(level, name, known[name], ask(family, kind, number, name, known)))
    return rows


def ask(family: int, kind: int, level: int, name: str, known: dict[str, int]) -> str:
    try:
        with socket.socket(family, kind) as sock:
            return in_words(name, sock.getsockopt(level, known[name], 1024))
    except OSError as error:
        return name_of(error)


def in_words(name: str, raw: bytes) -> str:
    """The value as text, number, numbers, or how long it is."""
    if name in TEXTS:
        return repr(raw.rstrip(b"\0").decode())
    if name in TIMES:
        seconds, microseconds = struct.unpack("ll", raw)
        return f"{seconds} s, {microseconds} µs"
    if name in LONGS or len(raw) == 4:
        return str(int.from_bytes(raw, sys.byteorder, signed=True))
    if name in INTS and raw:
        return ", ".join(map(str, struct.unpack(f"{len(raw) // 4}i", raw)))
    return f"{len(raw)} bytes"
