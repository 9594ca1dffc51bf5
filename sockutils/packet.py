"""One packet, in the words of a lesson; scapy dissects it further for those who ask."""

import socket
from functools import cache, cached_property
from typing import TYPE_CHECKING

from sockutils.dns import words_of
from sockutils.raw import (
    ECHO_REPLY,
    ERRORS,
    ICMPV6,
    TCP,
    UDP,
    WITH_PORTS,
    Layout,
    header_length,
    is_multipath,
    is_whole,
    layout,
)

if TYPE_CHECKING:
    from scapy.packet import Packet as ScapyPacket

Address = tuple[str, int]

# <linux/tcp.h>, in the order in which they are read aloud
FLAGS = {2: "SYN", 4: "RST", 1: "FIN", 8: "PSH", 32: "URG", 16: "ACK", 64: "ECE", 128: "CWR"}
DNS = 53  # RFC 1035, 4.2: its port
NAMES = {
    number: name.removeprefix("IPPROTO_")
    for name, number in vars(socket).items()
    if name.startswith("IPPROTO_")
} | {33: "DCCP", ICMPV6: "ICMPv6"}


class Packet:
    """One IP packet: `nanoseconds` since 1970 by the kernel's clock, and its `raw` bytes.

    `scapy` is the dissected packet, with every field of its headers: `packet.scapy.seq`.
    `arrivals` are the nanoseconds at which it came out of a Link: several if it was duplicated,
    none if it was lost; the attribute is None while it is on its way. On lo it arrives at once.
    """

    def __init__(self, nanoseconds: int, raw: bytes) -> None:
        self.nanoseconds, self.raw = nanoseconds, raw
        self.arrivals: tuple[int, ...] | None = (nanoseconds,)

    @cached_property
    def scapy(self) -> "ScapyPacket":
        """The packet as scapy dissects it."""
        import scapy.layers.dns  # noqa: F401  (so that it knows what is in port 53)
        from scapy.layers.inet import IP
        from scapy.layers.inet6 import IPv6

        return IPv6(self.raw) if self.version == 6 else IP(self.raw)

    @property
    def version(self) -> int:
        """4 or 6: which IP it is."""
        return self.raw[0] >> 4

    # What a text needs is read here: scapy takes ten times as long, and a flood has many packets.

    @cached_property
    def _layout(self) -> Layout:
        try:
            return layout(self.raw)
        except IndexError:  # cut off within IPv6's extension headers
            return Layout(self.raw[6], len(self.raw), 0)

    @cached_property
    def _header(self) -> bytes:
        """What follows the IP header, without the padding of a short frame."""
        whole = int.from_bytes(self.raw[2:4] if self.version == 4 else self.raw[4:6])
        length = whole + (0 if self.version == 4 else 40)
        return self.raw[self._layout.start : length if whole else None]

    @property
    def protocol(self) -> str:
        """TCP, UDP, ICMP, ICMPv6, SCTP, IGMP, ...: what follows the IP header."""
        number = self._layout.protocol
        return NAMES.get(number, f"protocol {number}")

    @cached_property
    def _ends(self) -> tuple[Address, Address]:
        if self._layout.protocol in ERRORS and (quoted := self._quoted):
            return quoted.destination, quoted.source
        raw, ports = self.raw, b""
        if self._layout.protocol in WITH_PORTS and not self._layout.fragment:
            ports = self._header[:4]
        ends = raw[12:20] if self.version == 4 else raw[8:40]
        half = len(ends) // 2
        family = socket.AF_INET if half == 4 else socket.AF_INET6
        source = socket.inet_ntop(family, ends[:half]), int.from_bytes(ports[:2])
        return source, (socket.inet_ntop(family, ends[half:]), int.from_bytes(ports[2:]))

    @property
    def _quoted(self) -> "Packet | None":
        if self._kind not in ERRORS.get(self._layout.protocol, ()):
            return None
        quoted = Packet(0, self._header[8:])
        return quoted if is_whole(quoted.raw) else None

    @property
    def source(self) -> Address:
        """(host, port), port 0 where there is none; for an ICMP error, what the error is about."""
        return self._ends[0]

    @property
    def destination(self) -> Address:
        """(host, port), like `source`."""
        return self._ends[1]

    @property
    def is_answer(self) -> bool:
        """Whether it says so itself: an ICMP error, or the reply to an echo request."""
        protocol = self._layout.protocol
        return protocol in ERRORS and self._kind in (*ERRORS[protocol], ECHO_REPLY[protocol])

    @property
    def _kind(self) -> int:
        return self._header[0] if self._header and not self._layout.fragment else -1

    @cached_property
    def _tcp(self) -> bytes:
        protocol, _, fragment = self._layout
        return self._header if protocol == TCP and not fragment else b""

    @property
    def flags(self) -> str:
        """TCP's flags, such as SYN ACK; nothing for other protocols."""
        return _words(self._tcp[13]) if len(self._tcp) > 13 else ""

    @property
    def seq(self) -> int:
        """TCP's sequence number; 0 for other protocols."""
        return int.from_bytes(self._tcp[4:8])

    @property
    def payload(self) -> bytes:
        """What the program sent: the bytes after the TCP, UDP or ICMP header."""
        return self._header[header_length(self._layout, self._header) :]

    @property
    def label(self) -> str:
        """What the packet is, in a few words: SYN ACK, UDP, ICMP port unreachable, DNS NXDOMAIN."""
        if self._layout.fragment:
            return f"{self.protocol} fragment"
        if self.flags:
            return f"MPTCP {self.flags}" if is_multipath(self._tcp) else self.flags
        if self._layout.protocol in ERRORS:
            return f"{self.protocol} {self._words_of_icmp}".rstrip()
        is_dns = self.protocol == "UDP" and DNS in (self.source[1], self.destination[1])
        return (is_dns and words_of(self.payload)) or self.protocol

    @property
    def _words_of_icmp(self) -> str:
        layers = self.scapy.iterpayloads()
        icmp = next((layer for layer in layers if "type" in layer.fields), None)
        if icmp is None:  # cut off
            return ""
        words = icmp.sprintf("%type%")
        if "unreach" in words:  # what, says the code
            words = icmp.sprintf("%code%")
        return str(words.lower().replace("-", " "))

    @property
    def size(self) -> str:
        """The length of a TCP or UDP payload in words; nothing for a TCP packet without one."""
        count = len(self.payload)
        if self._layout.protocol not in (TCP, UDP) or (self.flags and not count):
            return ""
        return "1 byte" if count == 1 else f"{count} bytes"

    def __repr__(self) -> str:
        protocol = "TCP" if self.flags and not is_multipath(self._tcp) else ""
        return " ".join(filter(None, [protocol, self.label, self.size]))


@cache
def _words(flags: int) -> str:
    return " ".join(name for bit, name in FLAGS.items() if flags & bit)
