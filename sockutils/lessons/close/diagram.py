"""The way of a connection through TCP's states, as its packets tell it."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from sockutils.figures import picture
from sockutils.figures.picture import Picture
from sockutils.figures.svg import WIDE, Drawing
from sockutils.packets.packet import Packet
from sockutils.packets.roles import rows
from sockutils.tables.states import GONE
from sockutils.workbench.states import (
    BOX,
    PLACES,
    SIZE,
    WAYS,
    WIDE_BOX,
    draw_state,
    draw_way,
    middle,
)

SENDS, COMES = "sends", "comes"
# RFC 9293, 3.10.7, in the order in which Linux takes them from one packet: the ACK, then the FIN
ON_SENDING = {
    ("CLOSED", "SYN"): "SYN-SENT",
    ("ESTAB", "FIN"): "FIN-WAIT-1",
    ("SYN-RECV", "FIN"): "FIN-WAIT-1",
    ("CLOSE-WAIT", "FIN"): "LAST-ACK",
}
ON_ARRIVAL = {
    ("LISTEN", "SYN"): "SYN-RECV",
    ("SYN-SENT", "SYN"): "SYN-RECV",
    ("SYN-SENT", "SYN ACK"): "ESTAB",
    ("SYN-RECV", "ACK"): "ESTAB",
    ("FIN-WAIT-1", "ACK"): "FIN-WAIT-2",
    ("CLOSING", "ACK"): "TIME-WAIT",
    ("LAST-ACK", "ACK"): GONE,
    ("ESTAB", "FIN"): "CLOSE-WAIT",
    ("FIN-WAIT-1", "FIN"): "CLOSING",
    ("FIN-WAIT-2", "FIN"): "TIME-WAIT",
}
# pixels
LEFT = SIZE[0] + 24  # of the list beside the diagram
PITCH = 44
BESIDE = {"client": -8.0, "server": 8.0}


class Step(NamedTuple):
    """An end goes from one state to the next: it sends something, or something comes.

    In nanoseconds: when that was sent, and when the state changed.
    """

    sent: int
    time: int
    who: str
    state: str
    before: str
    what: str
    how: str

    def __str__(self) -> str:
        words = f"sends {self.what}" if self.how == SENDS else f"{self.what} comes"
        return f"{self.who}: {words} → {self.state}"


class Event(NamedTuple):
    time: int
    packet: Packet
    how: str


def walk(packets: Sequence[Packet]) -> Picture:
    """Draw the ways that the two ends of a connection take through TCP's states.

    They are told from the packets, so none is too short to be seen: a state changes when a packet
    leaves or arrives. (One that changes by the clock does not show: TIME-WAIT ends after a minute.)
    """
    kept = [packet for packet in packets if packet.flags]
    if not kept:
        return picture.say("no packets of TCP")
    pair = {kept[0].source, kept[0].destination}
    kept = [packet for packet in kept if {packet.source, packet.destination} == pair]
    opened = any("SYN" in packet.flags for packet in kept)
    first = {"client": "CLOSED", "server": "LISTEN"} if opened else dict.fromkeys(BESIDE, "ESTAB")
    forward = [row.forward for row in rows(kept)]
    steps = list(chain.from_iterable(steps_of(who, first[who], kept, forward) for who in BESIDE))
    steps.sort(key=lambda step: (step.time, step.how != SENDS))  # on lo it comes at once
    text = [f"client: {first['client']}, server: {first['server']}", *map(str, steps)]
    return Picture(drawn(first, steps), "\n".join(text))


def steps_of(
    who: str, state: str, packets: Sequence[Packet], forward: Sequence[bool]
) -> Iterator[Step]:
    """The steps of one end."""
    mine = [packet for packet, on in zip(packets, forward, strict=True) if on == (who == "client")]
    theirs = [packet for packet in packets if packet not in mine]
    fin = next((end_of(packet) for packet in mine if "FIN" in packet.flags.split()), None)
    for event in events(mine, theirs):
        flags = event.packet.flags.split()
        ways = ON_SENDING if event.how == SENDS else ON_ARRIVAL
        for what in marks(flags, event, fin, state):
            after = GONE if what == "RST" else ways.get((state, what))
            if after and state != after and state not in ("CLOSED" * (what == "RST"), GONE):
                yield Step(event.packet.nanoseconds, event.time, who, after, state, what, event.how)
                state = after


def events(mine: Sequence[Packet], theirs: Sequence[Packet]) -> list[Event]:
    """What this end sends, and what comes, in the order in which its kernel has seen it.

    A FIN that does not confirm the other side's was sent before that came, whatever the clocks of
    a Link say: there a packet's time is that at which it was taken from the kernel.
    """
    came = [Event(min(each.arrivals), each, COMES) for each in theirs if each.arrivals]
    ends = [event for event in came if "FIN" in event.packet.flags.split()][:1]
    sent = []
    for packet in mine:
        late = [event.time for event in ends if before(packet.ack, end_of(event.packet))]
        time = min([packet.nanoseconds, *(time - 1 for time in late)])
        sent.append(Event(time if "FIN" in packet.flags else packet.nanoseconds, packet, SENDS))
    return sorted([*sent, *came], key=lambda event: event.time)


def marks(flags: Sequence[str], event: Event, fin: int | None, state: str) -> Iterator[str]:
    """What of the packet can change the state, in the kernel's order."""
    if "RST" in flags:
        yield "RST"
        return
    if "SYN" in flags:
        yield "SYN ACK" if "ACK" in flags else "SYN"
        return
    confirms = fin is not None and not before(event.packet.ack, fin)
    if "ACK" in flags and (state == "SYN-RECV" or (event.how == COMES and confirms)):
        yield "ACK"
    if "FIN" in flags:
        yield "FIN"


def end_of(packet: Packet) -> int:
    """The number that confirms the packet's FIN."""
    return (packet.seq + len(packet.payload) + 1) % 2**32


def before(one: int, other: int) -> bool:
    """Whether a sequence number is lower: they are counted modulo 2³² (RFC 9293, 3.4)."""
    return (one - other) % 2**32 >= 2**31


def drawn(first: dict[str, str], steps: Sequence[Step]) -> str:
    drawing = Drawing("Point at a line for its time (keys: Tab, ↑, ↓).")
    for way in WAYS:
        draw_way(drawing, way)
    for name in PLACES:
        draw_state(drawing, name, [])
    start = min((step.sent for step in steps), default=0)
    seen: dict[str, set[str]] = {}
    for who, state in first.items():
        visit(drawing, seen, who, state)
    ways = [(step.before, step.state) for step in steps]
    for place, (step, way) in enumerate(zip(steps, ways, strict=True)):
        began = min(step.sent, step.time) - start
        when = began / 1e9, (step.time - start) / 1e9
        with drawing.at(when[0], when[1]):
            if way in WAYS:
                draw_way(drawing, way, step.who, BESIDE[step.who] if ways.count(way) > 1 else 0)
        with drawing.at(when[1], when[1]):
            visit(drawing, seen, step.who, step.state)
        with drawing.at(when[1], when[1], f"{step}, after {when[1] * 1000:.2f} ms"):
            drawing.text(LEFT, PITCH * (place + 1), str(step), step.who, "")
    return drawing.svg(WIDE, max(SIZE[1], PITCH * (len(steps) + 1)))


def visit(drawing: Drawing, seen: dict[str, set[str]], who: str, state: str) -> None:
    """Light the state; where both ends have been, each has a half."""
    others = seen.setdefault(state, set()) - {who}
    seen[state].add(who)
    (x, y), (wide, high) = middle(state), WIDE_BOX if state == "ESTAB" else BOX
    corner, size = (x - wide / 2, y - high / 2), (wide, high)
    if others or state == "ESTAB":
        corner, size = (corner[0] + wide / 2 * (who == "server"), corner[1]), (wide / 2, high)
    drawing.box(corner, size, who, "ink", 3, round=10)
    if state == "ESTAB":
        drawing.text(corner[0] + wide / 4, y, state, "on", "mb")
    else:
        drawing.text(x, y, state, "on", "mb")
