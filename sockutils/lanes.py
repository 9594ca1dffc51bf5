"""Calls as lanes: who was in which call when."""

from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from sockutils import picture
from sockutils.picture import CLIENT, FAINT, OTHER, SERVER, SIZE, WIDTH, Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sockutils.trace import Call, Calls

COLOURS = {"client": CLIENT, "listener": SERVER, "server": SERVER}
# inches
TOP = 0.2
LINE = 0.28  # of text above the bars
BAR = 0.4
PITCH = 1.04  # from lane to lane
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


def timeline(calls: "Calls") -> Picture:
    """Draw who was in which call when: a lane for each socket, a bar for each call that took
    its time, a tick for each that returned at once. A bar without an end had not returned.

    `calls` is what `trace()` yields; the text is its own.
    """
    return Picture(_lanes(calls), repr(calls)) if calls else picture.say("no calls")


def _lanes(calls: "Calls") -> "Figure":
    lanes = calls.lanes()
    first = min(call.start for call in calls)
    span = max((call.end or call.start) - first for call in calls) or 1e-3
    left = 1.15 * max(map(_width, lanes)) + 0.7  # the names are bold, hence wider
    scale = (END - left) / span

    bottom = TOP + PITCH * len(lanes)
    figure, axes = picture.sheet(bottom + 0.6)
    _time_axis(axes, left, bottom, span)
    for number, (name, lane) in enumerate(lanes.items()):
        marks = [_mark(call, left - first * scale, scale) for call in lane]
        _draw(axes, name, marks, left, TOP + LINE + PITCH * number)
    return figure


def _mark(call: "Call", origin: float, scale: float) -> Mark:
    start = origin + call.start * scale
    if call.end is None:
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


def _time_axis(axes: "Axes", left: float, y: float, span: float) -> None:
    axes.plot([left, END], [y, y], color="black", linewidth=2.5)
    for time, text in picture.ticks(span):
        x = left + (END - left) * time / span
        axes.plot([x, x], [TOP, y], color=FAINT, linewidth=1, zorder=0)
        axes.plot([x, x], [y, y + 0.12], color="black", linewidth=2.5)
        axes.text(x, y + 0.18, text, ha="center", va="top", fontsize=SIZE)


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
