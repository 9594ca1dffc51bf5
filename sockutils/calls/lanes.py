"""Calls as lanes: who was in which call when."""

import errno
import os
import textwrap
from itertools import groupby
from typing import NamedTuple

from sockutils.calls.call import Call, Calls
from sockutils.figures import picture
from sockutils.figures.elide import elide, left_out
from sockutils.figures.picture import Picture
from sockutils.figures.svg import WIDE, Drawing, ticks, width

COLOURS = {"client": "client", "listener": "server", "server": "server"}
HINT = "Point at a call for its arguments and outcome (keys: Tab, ↑, ↓)."
# pixels
TOP = 22
LINE = 31  # of text above the bars
BAR = 44
PITCH = 114  # from lane to lane
AXIS = 66  # for the times below the lanes
GAP = 66  # for the words between the first calls and the last
END = WIDE - 198  # of the time axis: what is written at the last calls needs room
THIN = 4  # a bar at least


class Mark(NamedTuple):
    """A call on its lane, from pixel to pixel."""

    start: float
    end: float
    text: str
    call: Call

    def holds_its_text(self) -> bool:
        return self.end - self.start > width(self.text) + 22


class Label(NamedTuple):
    """What stands above the lane for calls too short to hold their texts; the first is at x."""

    x: float
    call: Call
    texts: list[str]

    def words(self) -> str:
        runs = [(text, len(list(run))) for text, run in groupby(self.texts)]
        counted = [text + f" \N{MULTIPLICATION SIGN}{n}" * (n > 1) for text, n in runs]
        return textwrap.shorten(", ".join(counted), 56, placeholder=" …")

    def left(self) -> float:
        return min(self.x + 8, WIDE - 22 - width(self.words()))

    def right(self) -> float:
        return self.left() + width(self.words())


class Part(NamedTuple):
    """Calls that are drawn to one scale, from `first` to `end` in seconds, down from `top`; `since`
    is when the whole picture begins."""

    lanes: dict[str, list[Call]]
    first: float
    end: float
    top: float
    since: float

    def bottom(self) -> float:
        return self.top + PITCH * len(self.lanes)


def timeline(calls: Calls) -> Picture:
    """Draw who was in which call when: a lane for each socket, a bar for each call that took
    its time, a tick for each that returned at once. A bar without an end had not returned.

    `calls` is what `trace()` yields; the text is its own. Of more than 60 calls the first 20 and,
    below them, the last 20 are drawn and told; what is left out is in `calls`.

    In a page each call shows its arguments and its errno, and the picture plays, in real time or
    slower.
    """
    return Picture(_lanes(calls), _text(calls)) if calls else picture.say("no calls")


def _text(calls: Calls) -> str:
    first, number, last = elide(calls)
    gap = [left_out(number, "call"), repr(Calls(last))] if number else []
    return "\n".join([repr(Calls(first)), *gap])


def _lanes(calls: Calls) -> str:
    first, number, last = elide(calls)
    start = min(call.start for call in calls)
    end = max(call.end or call.start for call in calls)
    parts = [Part(Calls(first).lanes(), start, end, TOP, start)]
    if number:
        parts = [parts[0]._replace(end=calls[len(first)].start)]
        below = parts[0].bottom() + AXIS + GAP
        parts.append(Part(Calls(last).lanes(), last[0].start, end, below, start))
    left = max(width(name, bold=True) for part in parts for name in part.lanes) + 60

    drawing = Drawing(HINT)
    for part in parts:
        _draw_part(drawing, part, left)
    if number:
        y = parts[0].bottom() + AXIS + GAP / 2
        drawing.text(WIDE / 2, y, left_out(number, "call"))
    return drawing.svg(WIDE, parts[-1].bottom() + AXIS)


def _draw_part(drawing: Drawing, part: Part, left: float) -> None:
    span = part.end - part.first or 1e-3
    scale = (END - left) / span
    _time_axis(drawing, part, left, span)
    for number, (name, lane) in enumerate(part.lanes.items()):
        marks = [_mark(call, left - part.first * scale, scale, part.end) for call in lane]
        _draw(drawing, part, name, marks, left, part.top + LINE + PITCH * number)


def _mark(call: Call, origin: float, scale: float, until: float) -> Mark:
    start = origin + call.start * scale
    if call.end is None or call.end > until:
        return Mark(start, WIDE, f"{call.name} …", call)
    outcome = call.text.rpartition(" → ")[2]
    failed = call.error or (call.name == "connect_ex" and outcome != "0")
    text = f"{call.name} → {outcome}" if failed else call.name
    return Mark(start, origin + call.end * scale, text, call)


def _labels(marks: list[Mark]) -> list[Label]:
    labels: list[Label] = []
    for mark in marks:
        if not mark.holds_its_text():
            labels.append(Label(mark.start, mark.call, [mark.text]))
        # what would overlap becomes one
        while len(labels) > 1 and labels[-1].left() < labels[-2].right() + 22:
            last = labels.pop()
            labels[-1].texts.extend(last.texts)
    return labels


def _time_axis(drawing: Drawing, part: Part, left: float, span: float) -> None:
    y, since = part.bottom(), part.first - part.since
    for time, text in ticks(span):
        x = left + (END - left) * time / span
        drawing.line([(x, part.top), (x, y)], "faint", 1)
        drawing.line([(x, y), (x, y + 13)], "ink", 2.75)
        words = text if not since else f"+{text}" if time else _time(since)
        drawing.text(x, y + 32, words)
    drawing.line([(left, y), (END, y)], "faint", 2.75)
    with drawing.at(since, since + span):  # it grows while the picture plays
        drawing.line([(left, y), (END, y)], "ink", 2.75, grows=True)


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _short(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} µs" if seconds < 1e-3 else _time(seconds)


def _draw(
    drawing: Drawing, part: Part, name: str, marks: list[Mark], left: float, y: float
) -> None:
    middle, colour = y + BAR / 2, COLOURS.get(name.split()[0], "other")
    drawing.badge((left - 33) / 2, middle, name, colour)
    drawing.line([(left, middle), (WIDE, middle)], "faint", 2.75)
    for mark in marks:
        wide = max(mark.end - mark.start, THIN)
        start = mark.call.start - part.since
        end = part.end if mark.end == WIDE else mark.call.end or part.end
        with drawing.at(start, end - part.since if wide > THIN else start, _title(mark, start)):
            drawing.box((mark.start, y), (wide, BAR), colour, grows=True)
            if mark.holds_its_text():
                drawing.text(mark.start + wide / 2, middle, mark.text, "on")
    for label in _labels(marks):
        with drawing.at(label.call.start - part.since):
            drawing.line([(label.x, y - LINE), (label.x, y)], colour, 1.5)
            drawing.text(label.left(), y - 18, label.words(), kind="h")


def _title(mark: Mark, start: float) -> str:
    call = mark.call
    lasted = "has not returned" if call.end is None else f"took {_short(call.end - call.start)}"
    name = call.error or call.text.rpartition(" → ")[2]
    number = getattr(errno, name, None) if name.isidentifier() else None
    words = f" · errno {number}, {os.strerror(number)}" if number else ""
    return f"{call.lane}: {call.text}{words} · at {_time(start)}, {lasted}"
