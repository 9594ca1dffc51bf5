"""What is worth a remark about a packet: it was sent before, lost, overtaken."""

import math
from collections.abc import Iterator, Sequence

from sockutils.packet import Address, Packet


def remarks_on(packets: Sequence[Packet]) -> Iterator[list[str]]:
    """Yield the remarks on each packet, none for most; "again" needs a packet that takes a sequence
    number, the others a Link."""
    again = _again(packets)
    for packet, repeated, overtaken in zip(packets, again, _overtaken(packets), strict=True):
        times = packet.arrivals
        remarks = (
            ("again", repeated),
            ("lost", times == ()),
            ("on its way", times is None),
            ("twice", times and len(times) > 1),
            ("overtaken", overtaken),
        )
        yield [remark for remark, true in remarks if true]


def _overtaken(packets: Sequence[Packet]) -> list[bool]:
    """Whether a later packet from the same source arrived before it."""
    earliest: dict[Address, float] = {}
    overtaken = []
    for packet in reversed(packets):
        arrival = packet.arrivals[0] if packet.arrivals else math.inf
        first = earliest.get(packet.source, math.inf)
        overtaken.append(first < arrival < math.inf)
        earliest[packet.source] = min(first, arrival)
    return overtaken[::-1]


def _again(packets: Sequence[Packet]) -> Iterator[bool]:
    seen = set()
    for packet in packets:
        flags = packet.flags
        sent = (packet.source, packet.destination, flags, packet.seq)
        yield sent in seen
        # an ACK that repeats is news; what takes a sequence number is not
        if flags and (packet.payload or "SYN" in flags or "FIN" in flags):
            seen.add(sent)
