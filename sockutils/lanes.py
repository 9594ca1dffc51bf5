"""Calls as lanes: who was in which call when."""

from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from sockutils import picture
from sockutils.calls import Call, Calls
from sockutils.elide import elide, left_out
from sockutils.picture import CLIENT, FAINT, OTHER, SERVER, SIZE, WIDTH, Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"client": CLIENT, "listener": SERVER, "server": SERVER}
# inches
TOP = 0.2
LINE = 0.28  # of text above the bars
BAR = 0.4
PITCH = 1.04  # from lane to lane
AXIS = 0.6  # for the times below the lanes
GAP = 0.6  # for the words between the first calls and the last
END = WIDTH - 1.8  # of the time axis: what is written at the last calls needs room


class Mark(NamedTuple):
    """A call on its lane, from inch to inch."""

    start: float
    end: float
    text: str

    def holds_its_text(self) -> bool:
        return self.end - self.start > _width(self.text) + 0.2


class Label(NamedTuple):
    """What stands above the lane for calls too short to hold their texts; the first is at x."""

    x: float
    texts: list[str]

    def words(self) -> str:
        import textwrap

        runs = [(text, len(list(run))) for text, run in groupby(self.texts)]
        counted = [text + f" \N{MULTIPLICATION SIGN}{n}" * (n > 1) for text, n in runs]
        return textwrap.shorten(", ".join(counted), 56, placeholder=" …")

    def left(self) -> float:
        return min(self.x + 0.07, WIDTH - 0.2 - _width(self.words()))

    def right(self) -> float:
        return self.left() + _width(self.words())


class Part(NamedTuple):
    """Calls that are drawn to one scale, from `first` to `end` in seconds, down from `top`."""

    lanes: dict[str, list[Call]]
    first: float
    end: float
    top: float

    def bottom(self) -> float:
        return self.top + PITCH * len(self.lanes)


def timeline(calls: Calls) -> Picture:
    """Draw who was in which call when: a lane for each socket, a bar for each call that took
    its time, a tick for each that returned at once. A bar without an end had not returned.

    `calls` is what `trace()` yields; the text is its own. Of more than 60 calls the first 20 and,
    below them, the last 20 are drawn and told; what is left out is in `calls`.
    """
    return Picture(_lanes(calls), _text(calls)) if calls else picture.say("no calls")


def _text(calls: Calls) -> str:
    first, number, last = elide(calls)
    gap = [left_out(number, "call"), repr(Calls(last))] if number else []
    return "\n".join([repr(Calls(first)), *gap])


def _lanes(calls: Calls) -> "Figure":
    first, number, last = elide(calls)
    start = min(call.start for call in calls)
    end = max(call.end or call.start for call in calls)
    parts = [Part(Calls(first).lanes(), start, end, TOP)]
    if number:
        parts = [parts[0]._replace(end=calls[len(first)].start)]
        below = parts[0].bottom() + AXIS + GAP
        parts.append(Part(Calls(last).lanes(), last[0].start, end, below))
    left = 1.15 * max(_width(name) for part in parts for name in part.lanes) + 0.7  # bold is wider

    figure, axes = picture.sheet(parts[-1].bottom() + AXIS)
    for part in parts:
        _draw_part(axes, part, left, part.first - start)
    if number:
        y = parts[0].bottom() + AXIS + GAP / 2
        picture.write(axes, WIDTH / 2, y, left_out(number, "call"))
    return figure


def _draw_part(axes: "Axes", part: Part, left: float, since: float) -> None:
    span = part.end - part.first or 1e-3
    scale = (END - left) / span
    _time_axis(axes, part, left, span, since)
    for number, (name, lane) in enumerate(part.lanes.items()):
        marks = [_mark(call, left - part.first * scale, scale, part.end) for call in lane]
        _draw(axes, name, marks, left, part.top + LINE + PITCH * number)


def _mark(call: Call, origin: float, scale: float, until: float) -> Mark:
    start = origin + call.start * scale
    if call.end is None or call.end > until:
        return Mark(start, WIDTH, f"{call.name} …")
    outcome = call.text.rpartition(" → ")[2]
    failed = call.error or (call.name == "connect_ex" and outcome != "0")
    text = f"{call.name} → {outcome}" if failed else call.name
    return Mark(start, origin + call.end * scale, text)


def _labels(marks: list[Mark]) -> list[Label]:
    labels: list[Label] = []
    for mark in marks:
        if not mark.holds_its_text():
            labels.append(Label(mark.start, [mark.text]))
        # what would overlap becomes one
        while len(labels) > 1 and labels[-1].left() < labels[-2].right() + 0.2:
            last = labels.pop()
            labels[-1].texts.extend(last.texts)
    return labels


def _time_axis(axes: "Axes", part: Part, left: float, span: float, since: float) -> None:
    y = part.bottom()
    axes.plot([left, END], [y, y], color="black", linewidth=2.5)
    for time, text in picture.ticks(span):
        x = left + (END - left) * time / span
        axes.plot([x, x], [part.top, y], color=FAINT, linewidth=1, zorder=0)
        axes.plot([x, x], [y, y + 0.12], color="black", linewidth=2.5)
        words = text if not since else f"+{text}" if time else _time(since)
        axes.text(x, y + 0.18, words, ha="center", va="top", fontsize=SIZE)


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _draw(axes: "Axes", name: str, marks: list[Mark], left: float, y: float) -> None:
    middle, colour = y + BAR / 2, COLOURS.get(name.split()[0], OTHER)
    picture.badge(axes, (left - 0.3) / 2, middle, name, colour)
    axes.plot([left, WIDTH], [middle, middle], color=FAINT, linewidth=2.5, zorder=1)
    for mark in marks:
        width = max(mark.end - mark.start, 0.04)
        axes.barh(y, width, BAR, mark.start, align="edge", color=colour, zorder=2)
        if mark.holds_its_text():
            x = mark.start + width / 2
            axes.text(x, middle, mark.text, color="white", fontsize=SIZE, ha="center", va="center")
    for label in _labels(marks):
        axes.plot([label.x, label.x], [y - LINE, y], color=colour, linewidth=1.5)
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1}  # no line through the words
        axes.text(label.left(), y - 0.06, label.words(), va="bottom", fontsize=SIZE, bbox=box)


@cache
def _width(text: str) -> float:
    from matplotlib.textpath import TextPath

    return float(TextPath((0, 0), text, size=SIZE).get_extents().width) / 72
