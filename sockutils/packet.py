"""One packet, dissected by scapy, in the words of a lesson."""

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scapy.packet import Packet as ScapyPacket

Address = tuple[str, int]

# <linux/tcp.h>, in the order in which they are read aloud
FLAGS = {2: "SYN", 4: "RST", 1: "FIN", 8: "PSH", 32: "URG", 16: "ACK", 64: "ECE", 128: "CWR"}


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
        from scapy.layers.inet import IP
        from scapy.layers.inet6 import IPv6

        return IPv6(self.raw) if self.raw[0] >> 4 == 6 else IP(self.raw)

    @property
    def protocol(self) -> str:
        """TCP, UDP, ICMP, ICMPv6, or scapy's word for what else follows the IP header."""
        return str(self.scapy.payload.name).split()[0]

    @cached_property
    def _ends(self) -> tuple[Address, Address]:
        quoted = self.scapy.payload.payload
        is_error = " in ICMP" in str(quoted.name)
        header = quoted if is_error else self.scapy
        source = header.src, getattr(header, "sport", 0)
        destination = header.dst, getattr(header, "dport", 0)
        return (destination, source) if is_error else (source, destination)

    @property
    def source(self) -> Address:
        """(host, port), port 0 where there is none; for an ICMP error, what the error is about."""
        return self._ends[0]

    @property
    def destination(self) -> Address:
        """(host, port), like `source`."""
        return self._ends[1]

    @property
    def flags(self) -> str:
        """TCP's flags, such as SYN ACK; nothing for other protocols."""
        value = int(self.scapy.payload.flags) if self.protocol == "TCP" else 0
        return " ".join(name for bit, name in FLAGS.items() if value & bit)

    @property
    def payload(self) -> bytes:
        """What the program sent: the bytes after the TCP, UDP or ICMP header."""
        # not bytes(payload): scapy would build what it knows (DNS) anew
        return bytes(getattr(self.scapy.payload.payload, "original", b""))

    @property
    def label(self) -> str:
        """What the packet is, in a word or two: SYN ACK, UDP, ICMP port unreachable."""
        if not self.protocol.startswith("ICMP"):
            return self.flags or self.protocol
        words = self.scapy.payload.sprintf("%type%")
        if "unreach" in words:  # what, says the code
            words = self.scapy.payload.sprintf("%code%")
        return f"{self.protocol} {words.lower().replace('-', ' ')}"

    @property
    def size(self) -> str:
        """The length of a TCP or UDP payload in words; nothing for a TCP packet without one."""
        count = len(self.payload)
        if self.protocol not in ("TCP", "UDP") or (self.flags and not count):
            return ""
        return "1 byte" if count == 1 else f"{count} bytes"

    def __repr__(self) -> str:
        protocol = "TCP" if self.flags else ""
        return " ".join(filter(None, [protocol, self.label, self.size]))
