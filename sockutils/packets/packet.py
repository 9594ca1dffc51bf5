"""One packet, in the words of a lesson; scapy dissects it further for those who ask."""

import socket
import struct
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING

from sockutils.packets.dns import words_of
from sockutils.packets.headers import (
    ECHO_REPLY,
    ERRORS,
    ICMPV6,
    TCP,
    UDP,
    WITH_PORTS,
    Parts,
    is_multipath,
    is_whole,
    parts,
)

if TYPE_CHECKING:
    from scapy.packet import Packet as ScapyPacket

Address = tuple[str, int]

# <linux/tcp.h>, in the order in which they are read aloud
FLAGS = {2: "SYN", 4: "RST", 1: "FIN", 8: "PSH", 32: "URG", 16: "ACK", 64: "ECE", 128: "CWR"}
PORTS = struct.Struct("!HH")
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
    def _parts(self) -> Parts:
        return parts(self.raw)

    @property
    def protocol(self) -> str:
        """TCP, UDP, ICMP, ICMPv6, SCTP, IGMP, ...: what follows the IP header."""
        number = self._parts.protocol
        return NAMES.get(number, f"protocol {number}")

    @cached_property
    def _ends(self) -> tuple[Address, Address]:
        raw, (protocol, fragment, header, _, end) = self.raw, self._parts
        if protocol in ERRORS and (quoted := self._quoted):
            return quoted.destination, quoted.source
        here, there = (raw[12:16], raw[16:20]) if self.version == 4 else (raw[8:24], raw[24:40])
        if fragment or protocol not in WITH_PORTS or end < header + 4:
            return (_host(here), 0), (_host(there), 0)
        port, other = PORTS.unpack_from(raw, header)
        return (_host(here), port), (_host(there), other)

    @property
    def _quoted(self) -> "Packet | None":
        protocol, _, _, data, end = self._parts
        quoted = self.raw[data:end]
        is_error = self._kind in ERRORS.get(protocol, ())
        return Packet(0, quoted) if is_error and is_whole(quoted) else None

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
        protocol = self._parts.protocol
        return protocol in ERRORS and self._kind in (*ERRORS[protocol], ECHO_REPLY[protocol])

    @property
    def _kind(self) -> int:
        _, fragment, header, _, end = self._parts
        return self.raw[header] if end > header and not fragment else -1

    @property
    def flags(self) -> str:
        """TCP's flags, such as SYN ACK; nothing for other protocols."""
        protocol, fragment, header, _, end = self._parts
        has_some = protocol == TCP and end > header + 13 and not fragment
        return _words(self.raw[header + 13]) if has_some else ""

    @property
    def seq(self) -> int:
        """TCP's sequence number; 0 for other protocols."""
        header = self._parts.header
        return int.from_bytes(self.raw[header + 4 : header + 8]) if self.flags else 0

    @property
    def ack(self) -> int:
        """TCP's acknowledgement number; 0 for other protocols."""
        header = self._parts.header
        return int.from_bytes(self.raw[header + 8 : header + 12]) if self.flags else 0

    @property
    def payload(self) -> bytes:
        """What the program sent: the bytes after the TCP, UDP or ICMP header."""
        return self.raw[self._parts.data : self._parts.end]

    @property
    def label(self) -> str:
        """What the packet is, in a few words: SYN ACK, UDP, ICMP port unreachable, DNS NXDOMAIN."""
        number, fragment, header, data, _ = self._parts
        if fragment:
            return f"{self.protocol} fragment"
        if flags := self.flags:
            return f"MPTCP {flags}" if is_multipath(self.raw[header + 20 : data]) else flags
        if number in ERRORS:
            return f"{self.protocol} {self._words_of_icmp}".rstrip()
        is_dns = number == UDP and DNS in (self.source[1], self.destination[1])
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
        protocol, _, _, data, end = self._parts
        count = end - data
        if protocol not in (TCP, UDP) or (not count and self.flags):
            return ""
        return "1 byte" if count == 1 else f"{count} bytes"

    def __repr__(self) -> str:
        label = self.label
        protocol = "TCP" if label == self.flags else ""
        return " ".join(filter(None, [protocol, label, self.size]))


@lru_cache
def _host(address: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)


@cache
def _words(flags: int) -> str:
    return " ".join(name for bit, name in FLAGS.items() if flags & bit)
