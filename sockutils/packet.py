"""One packet, dissected by scapy, in the words of a lesson."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scapy.packet import Packet as ScapyPacket

Address = tuple[str, int]

# <linux/tcp.h>, in the order in which they are read aloud
FLAGS = {2: "SYN", 4: "RST", 1: "FIN", 8: "PSH", 32: "URG", 16: "ACK", 64: "ECE", 128: "CWR"}
DNS = 53  # RFC 1035, 4.2: its port


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
        """What the packet is, in a few words: SYN ACK, UDP, ICMP port unreachable, DNS NXDOMAIN."""
        if not self.protocol.startswith("ICMP"):
            is_dns = self.protocol == "UDP" and DNS in (self.source[1], self.destination[1])
            return self.flags or (_message(self.payload) if is_dns else "") or self.protocol
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


def _message(payload: bytes) -> str:
    """What a DNS message says; nothing if it is none."""
    from dnslib import DNSError, DNSRecord  # type: ignore[import-untyped]

    try:
        return f"DNS {_said(DNSRecord.parse(payload))}"
    except DNSError:
        return ""


def _said(message: Any) -> str:
    from dnslib import RCODE

    if not message.header.qr:
        asked = [f"{_type(asked.qtype)} {_name(asked.qname)}" for asked in message.questions]
        return " ".join(["query", *asked])
    if message.header.rcode:
        return str(RCODE.get(message.header.rcode))
    if message.header.tc:
        return "answer, truncated"
    if not message.rr:
        return "NODATA"  # RFC 2308, 2.2: no error, and no answer either
    first, *others = [_name(record.rdata) for record in message.rr]
    return f"answer {first}" + (f" and {len(others)} more" if others else "")


def _type(number: int) -> str:
    from dnslib import QTYPE

    return str(QTYPE.get(number))


def _name(data: object) -> str:
    return str(data).removesuffix(".") or "."
