"""What the headers of a packet say, in one line: what a picture shows of it on focus."""

from collections.abc import Iterable, Iterator

from sockutils.packets.headers import END_OF_OPTIONS, NO_OPERATION, parts
from sockutils.packets.packet import Address, Packet

SHOWN = 24  # bytes of data
# RFC 9293, 3.2; RFC 7323; RFC 2018; RFC 7413; RFC 8684: a TCP option's name, and whether it has a
# number to tell
OPTIONS = {2: ("MSS", True), 3: ("window scale", True), 4: ("SACK permitted", False)}
OPTIONS |= {5: ("SACK", False), 8: ("timestamps", False), 30: ("MPTCP", False)}
OPTIONS |= {34: ("Fast Open", False)}


def told(packets: Iterable[Packet]) -> Iterator[str]:
    """Yield the fields of each packet's headers; sequence numbers count from the first one that is
    seen of its direction."""
    first: dict[tuple[Address, Address], int] = {}
    for packet in packets:
        there = packet.source, packet.destination
        if packet.flags:
            first.setdefault(there, packet.seq)
        yield " · ".join(_fields(packet, first.get(there, 0), first.get(there[::-1])))


def _fields(packet: Packet, base: int, other: int | None) -> Iterator[str]:
    yield f"{_end(packet.source)} → {_end(packet.destination)}"
    raw, (_, _, header, data, end) = packet.raw, parts(packet.raw)
    if packet.flags:
        yield from _tcp(raw[header:data], base, other)
    yield f"TTL {raw[8]}" if packet.version == 4 else f"hop limit {raw[7]}"
    if payload := raw[data:end]:
        rest = " …" * (len(payload) > SHOWN)
        yield f"{packet.size or f'{len(payload)} bytes'}: {payload[:SHOWN]!r}{rest}"


def _end(address: Address) -> str:
    host, port = address
    return (f"[{host}]:{port}" if ":" in host else f"{host}:{port}") if port else host


def _tcp(header: bytes, base: int, other: int | None) -> Iterator[str]:
    seq, ack = int.from_bytes(header[4:8]), int.from_bytes(header[8:12])
    yield f"seq {(seq - base) % (1 << 32)}"
    if header[13] & 16:
        yield f"ack {(ack - (other or 0)) % (1 << 32)}"
    yield f"window {int.from_bytes(header[14:16])}"
    yield from _options(header[20:])


def _options(options: bytes) -> Iterator[str]:
    while len(options) > 1 and options[0] != END_OF_OPTIONS:
        kind, length = options[0], max(options[1], 2)
        if kind == NO_OPERATION:
            options = options[1:]
            continue
        name, has_number = OPTIONS.get(kind, (f"option {kind}", False))
        yield f"{name} {int.from_bytes(options[2:length])}" if has_number else name
        options = options[length:]
