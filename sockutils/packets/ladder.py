"""Packets as a ladder: a lifeline for each role, an arrow for each packet."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from sockutils.figures import picture
from sockutils.figures.picture import Picture
from sockutils.figures.svg import LINE, Drawing, Place, ticks, width
from sockutils.packets.fields import told
from sockutils.packets.lifelines import Lifelines, lifelines
from sockutils.packets.packet import Packet
from sockutils.packets.roles import MOST, Row, elided, rows, transcript

# pixels
FOOT = 38
AXIS = 150  # from the left edge to the time axis
PITCH = 42  # from packet to packet
CLOSE = 32  # the same where time is to scale
LEAST = 340  # of the time axis: with few packets a panel's picture is about as high as with more
HINT = "Point at a packet for its headers (keys: Tab, ↑, ↓)."
# of the way: where the label of a slow packet stands, since slow ones cross
EARLY, LATE = 0.3, 0.75


def sequence(
    packets: Iterable[Packet], seconds: bool = False, names: Mapping[int, str] | None = None
) -> Picture:
    """Draw the packets as a ladder: a lifeline for each role, an arrow for each packet.

    With `seconds` the way down is time, to scale, from the first packet on; packets that nearly
    coincide are spread below one another, each with a line to its time. `names` maps a port to
    a role. A packet whose SYN, FIN or data was sent before is marked (again). Of more than 60
    packets the picture and its text have the first and the last 30, and how many are left out.

    In a page each packet shows its headers, and the picture plays, in real time or slower.
    """
    packets = list(packets)
    table = rows(packets, names)
    if not table:
        return picture.say("no packets")
    shown = elided(table)
    seen = packets if len(packets) <= MOST else [*packets[: MOST // 2], *packets[-MOST // 2 :]]
    return Picture(_ladder(shown, list(told(seen)), seconds), transcript(shown, seconds))


def _ladder(table: list[Row], fields: Sequence[str], seconds: bool) -> str:
    times = [row.seconds for row in table]
    last = max(row.seconds + max(row.flights, default=0) for row in table)
    crossing = any("(overtaken)" in row.label for row in table)
    lines = _lifelines(table, AXIS if seconds else 0)
    scale = _scale(last, len(table) + 3 * crossing) if seconds else 0
    pitch = CLOSE if seconds else PITCH
    true = [lines.head() + time * scale for time in times]
    labels = [_label(row, lines, scale, crossing) for row in table]
    heights = _spread(true, labels, pitch)
    ends = [y + max(row.flights, default=0) * scale for row, y in zip(table, heights, strict=True)]
    high = max(ends) + FOOT
    drawing = Drawing(HINT)
    if seconds:
        _time_axis(drawing, lines, last, scale, list(zip(times, heights, strict=True)))
    colours = {row.left: "client" for row in table} | {row.right: "server" for row in table}
    lines.draw(drawing, colours, high - 11)
    titles = iter(fields)
    for row, y in zip(table, heights, strict=True):
        if row.left:
            with drawing.at(
                row.seconds, row.seconds + min(row.flights, default=0), _title(row, next(titles))
            ):
                _packet(drawing, row, lines, y, scale, crossing)
        else:
            _gap(drawing, row, lines, y)
    return drawing.svg(lines.wide, high)


class Label(NamedTuple):
    """Where what is written on an arrow stands: x of its middle, how far below the arrow's start,
    and how wide it is."""

    x: float
    down: float
    wide: float


def _spread(true: list[float], labels: Sequence[Label], pitch: float) -> list[float]:
    """Where each packet starts: at its height, or lower, if there it would touch the one above."""
    heights = true[:1]
    for y, (above, label) in zip(true[1:], pairwise(labels), strict=True):
        beside = abs(above.x - label.x) > (above.wide + label.wide) / 2
        apart = pitch if beside else max(pitch, pitch + above.down - label.down)
        heights.append(max(y, heights[-1] + apart))
    return heights


def _lifelines(table: list[Row], margin: float) -> Lifelines:
    clients = list(dict.fromkeys(row.left for row in table if row.left))
    servers = list(dict.fromkeys(row.right for row in table if row.right))
    return lifelines(clients, servers, max(width(_words(row)) for row in table if row.left), margin)


def _words(row: Row) -> str:
    return f"{row.label}  {row.size}".strip()


def _title(row: Row, fields: str) -> str:
    ends = (row.left, row.right) if row.forward else (row.right, row.left)
    size = f", {row.size}" if row.size else ""
    return f"{' → '.join(ends)}: {row.label}{size} · {row.seconds * 1000:.2f} ms · {fields}"


def _scale(last: float, count: int) -> float:
    # pixels for a second: the longer and the more packets, the more room for their true heights
    return min(max(132 * last + 110, 72 * count, LEAST), 715) / (last or 1)


def _time_axis(
    drawing: Drawing, lines: Lifelines, last: float, scale: float, moments: list[Place]
) -> None:
    head = lines.head()
    for time, y in moments:
        bend = [(AXIS, head + time * scale), (AXIS + 33, y), (lines.wide - 100, y)]
        drawing.line(bend, "faint", 1)
    drawing.line([(AXIS, head), (AXIS, head + last * scale)], "faint", 2.75)
    with drawing.at(0, last):  # it grows while the picture plays
        drawing.line([(AXIS, head), (AXIS, head + last * scale)], "ink", 2.75, grows=True)
    for time, text in ticks(last):
        y = head + time * scale
        drawing.line([(AXIS - 13, y), (AXIS, y)], "ink", 2.75)
        drawing.text(AXIS - 20, y, text, kind="e")


def _packet(
    drawing: Drawing, row: Row, lines: Lifelines, y: float, scale: float, crossing: bool
) -> None:
    ends = lines.places[row.left], lines.places[row.right]
    start, end = ends if row.forward else ends[::-1]
    colour = "kernel" if row.label.startswith("ICMP") else "client" if row.forward else "server"
    for flight in row.flights:
        arrow(drawing, colour, (start, y), (end, y + flight * scale))
    if not row.flights:
        lost(drawing, colour, (start, y), (start + (end - start) * 0.85, y))
    label = _label(row, lines, scale, crossing)
    middle = y + label.down
    drawing.box((label.x - label.wide / 2, middle - LINE / 2), (label.wide, LINE), "ground")
    drawing.text(label.x, middle, _words(row))


def _label(row: Row, lines: Lifelines, scale: float, crossing: bool) -> Label:
    if not row.left:  # how many are left out
        return Label(sum(lines.middle) / 2, 0, width(row.label))
    ends = lines.places[row.left], lines.places[row.right]
    start, end = ends if row.forward else ends[::-1]
    down = min(row.flights, default=0) * scale
    share = 0.5 if down < CLOSE else LATE if crossing else EARLY
    near, far = lines.middle if row.forward else lines.middle[::-1]
    wide = width(_words(row)) + 8
    left, right = lines.middle[0] + wide / 2 + 30, lines.middle[1] - wide / 2 - 30
    x = min(max(near + (far - near) * share, left), right)
    return Label(x, down * (x - start) / (end - start), wide)


def arrow(drawing: Drawing, colour: str, start: Place, end: Place) -> None:
    far = math.dist(start, end)
    dx, dy = (end[0] - start[0]) / far, (end[1] - start[1]) / far
    back = end[0] - 20 * dx, end[1] - 20 * dy
    drawing.line([start, back], colour, 2.75, grows=True)
    sides = [(back[0] - side * dy, back[1] + side * dx) for side in (9, -9)]
    drawing.shape([end, *sides], colour)


def lost(drawing: Drawing, colour: str, start: Place, end: Place) -> None:
    drawing.line([start, end], colour, 2.75)
    x, y = end
    for side in (9, -9):
        drawing.line([(x - 9, y - side), (x + 9, y + side)], colour, 6)


def _gap(drawing: Drawing, row: Row, lines: Lifelines, y: float) -> None:
    left, right = (edge(lines.places.values()) for edge in (min, max))
    drawing.box((left - 30, y - LINE / 2), (right - left + 60, LINE), "ground")
    drawing.text((left + right) / 2, y, row.label, "other")
