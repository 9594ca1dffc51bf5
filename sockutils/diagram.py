"""Pictures for a lecture hall, each with the text that it draws."""

import base64
import functools
import html
import io
import itertools
import textwrap
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from sockutils.wire import Packet, Packets, Row, transcript

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sockutils.trace import Call, Calls

# Okabe and Ito, Color Universal Design (2008): told apart with any kind of colour vision
CLIENT = "#0072B2"  # blue
SERVER = "#D55E00"  # vermilion
KERNEL = "#009E73"  # bluish green
OTHER = "#555555"
FAINT = "#BBBBBB"

WIDTH = 10.0  # inches, as every length below
DPI = 110
SIZE = 16  # points
PITCH = 0.38  # from packet to packet
CLOSE = 0.29  # the same where room is dear: on a time axis, and beyond MANY packets
MANY = 16
HEAD = 0.95  # down to the first packet
FOOT = 0.35
TALLEST = 8.5  # of the time axis
LINE = 0.28  # of text above a lane
BAR = 0.4
BLOCKED = 0.2  # a call as wide as this is a bar, a shorter one a tick


class Picture:
    """A matplotlib figure as PNG, and the text that says the same: for a reader who cannot see
    it, for nbval, which compares texts, and as the alternative text of the image."""

    def __init__(self, figure: "Figure", text: str) -> None:
        self.text = text
        self.png = _png(figure)

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        alt = "; ".join(" ".join(line.split()) for line in self.text.splitlines())
        image = base64.b64encode(self.png).decode()
        # JupyterLab drops the alt of an image/png, so the image comes as HTML too
        tag = f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{image}"'
        data = {
            "text/html": f'{tag} style="max-width:100%">',
            "image/png": image,
            "text/plain": self.text,
        }
        return data, {"image/png": {"alt": alt}}


def canvas(height: float = 4.0) -> tuple["Figure", "Axes"]:
    """A white figure 10 inches wide, and axes whose text is read from the back row.

    Nothing is shown until it is a `Picture`; pyplot and its global state stay out of it. Text that
    you add, a title too, needs `fontsize=SIZE`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), facecolor="white", layout="constrained")
    axes = figure.add_subplot(facecolor="white")
    axes.tick_params(labelsize=SIZE, width=1.5, length=6)
    axes.xaxis.label.set_fontsize(SIZE)
    axes.yaxis.label.set_fontsize(SIZE)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_linewidth(1.5)
    return figure, axes


def _png(figure: "Figure") -> bytes:
    from PIL import Image

    pixels = io.BytesIO()
    figure.savefig(pixels, format="rgba", dpi=DPI, facecolor="white")
    width, height = (int(inches * DPI) for inches in figure.get_size_inches())
    image = Image.frombuffer("RGBA", (width, height), pixels.getvalue()).convert("RGB")
    packed = io.BytesIO()
    # few colours are in use: a palette makes the file a third as large
    image.quantize(64, Image.Quantize.MAXCOVERAGE).save(packed, format="png", optimize=True)
    return packed.getvalue()


@functools.cache
def _width(text: str) -> float:
    from matplotlib.textpath import TextPath

    return float(TextPath((0, 0), text, size=SIZE).get_extents().width) / 72


def _sheet(height: float) -> tuple["Figure", "Axes"]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(height, 0))  # inches, downwards
    axes.axis("off")
    return figure, axes


def sequence(
    packets: Iterable[Packet], seconds: bool = False, names: Mapping[int, str] | None = None
) -> Picture:
    """Draw the packets as a ladder: a lifeline for each role, an arrow for each packet.

    With `seconds` the way down is time, to scale, from the first packet on; packets that nearly
    coincide are spread below one another, each with a line to its time. `names` maps a port to
    a role. A packet whose SYN, FIN or data was sent before is marked (again).
    """
    rows = Packets(packets).rows(names)
    return Picture(_ladder(rows, seconds), transcript(rows, seconds))


def _ladder(rows: list[Row], seconds: bool) -> "Figure":
    times = [row.seconds for row in rows]
    scale = _scale(times) if seconds else 0.0
    pitch = CLOSE if seconds or len(rows) > MANY else PITCH
    heights = _spread([HEAD + time * scale for time in times], pitch)
    figure, axes = _sheet(max(heights, default=HEAD) + FOOT)
    if not rows:
        _say(axes, "no packets")
        return figure
    places, column = _places(rows, 2.2 if seconds else 0.9)
    for role, x in places.items():
        _lifeline(axes, role, x, role in (row.left for row in rows), len(places))
    if seconds:
        _time_axis(axes, times, scale, heights, max(places.values()))
    for row, y in zip(rows, heights, strict=True):
        _arrow(axes, row, y, places, column)
    return figure


def _say(axes: "Axes", text: str) -> None:
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=SIZE)


def _words(row: Row) -> str:
    return f"{row.label}  {row.size}".strip()


def _places(rows: list[Row], margin: float) -> tuple[dict[str, float], bool]:
    roles = list(dict.fromkeys([row.left for row in rows] + [row.right for row in rows]))
    widest = max(_width(_words(row)) for row in rows)
    spaces = max(len(roles) - 1, 1)
    right = WIDTH - 0.9
    # a label stands on its arrow; where the arrows are too short, all labels stand at the right
    column = len(roles) == 1 or (right - margin) / spaces < widest + 0.8
    if column:
        right -= widest - 0.2
    if len(roles) == 1:
        margin = WIDTH / 3
    return {role: margin + (right - margin) * i / spaces for i, role in enumerate(roles)}, column


def _lifeline(axes: "Axes", role: str, x: float, is_client: bool, among: int) -> None:
    axes.plot([x, x], [HEAD / 2, axes.get_ylim()[0] - 0.1], color=FAINT, linewidth=2.5, zorder=1)
    role = role.replace(" ", "\n") if among > 4 else role
    _badge(axes, x, HEAD / 2 - 0.05, role, CLIENT if is_client else SERVER)


def _badge(axes: "Axes", x: float, y: float, text: str, colour: str) -> None:
    box = {"boxstyle": "round,pad=0.3", "facecolor": colour, "edgecolor": "none"}
    style: dict[str, Any] = {
        "fontsize": SIZE,
        "fontweight": "bold",
        "color": "white",
        "bbox": box,
        "zorder": 4,
    }
    axes.text(x, y, text, ha="center", va="center", **style)


def _arrow(axes: "Axes", row: Row, y: float, places: dict[str, float], column: bool) -> None:
    left, right = places[row.left], places[row.right]
    start, end = (left, right) if row.forward else (right, left)
    colour = KERNEL if row.label.startswith("ICMP") else CLIENT if row.forward else SERVER
    if left == right:  # a socket connected to itself: out and back
        axes.plot([left, left + 0.6], [y - 0.09, y - 0.09], color=colour, linewidth=2.5)
        axes.plot([left + 0.6, left + 0.6], [y - 0.09, y + 0.09], color=colour, linewidth=2.5)
        start, y = left + 0.6, y + 0.09
    arrow = {"arrowstyle": "-|>", "linewidth": 2.5, "color": colour, "mutation_scale": 22}
    arrow |= {"shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (end, y), (start, y), arrowprops=arrow, zorder=2)
    if column:
        x = max(places.values()) + (0.9 if left == right else 0.4)
        axes.text(x, y, _words(row), va="center", fontsize=SIZE)
        return
    step = (max(places.values()) - min(places.values())) / (len(places) - 1)
    box = {"facecolor": "white", "edgecolor": "none", "pad": 2}
    style: dict[str, Any] = {
        "ha": "center",
        "va": "center",
        "fontsize": SIZE,
        "bbox": box,
        "zorder": 3,
    }
    axes.text(min(left, right) + step / 2, y, _words(row), **style)


def _spread(wanted: list[float], pitch: float) -> list[float]:
    return list(itertools.accumulate(wanted, lambda above, y: max(y, above + pitch)))


def _scale(times: list[float]) -> float:
    # inches for a second: as many as let what follows a pause stand at its true height
    span = times[-1] - times[0] if times else 0
    if span <= 0:
        return 0.0
    scale, packets = 3 / span, 0
    for earlier, later in itertools.pairwise(times):
        packets += 1
        if later - earlier > span / 8:
            scale = max(scale, packets * CLOSE / (later - earlier))
            packets = 0
    return min(scale, TALLEST / span)


def _ticks(span: float) -> list[tuple[float, str]]:
    from matplotlib.ticker import MaxNLocator

    unit, factor = ("ms", 1000) if 0 < span < 1 else ("s", 1)
    ticks = MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(0, span * factor)
    return [(tick / factor, f"{tick:g} {unit}") for tick in ticks if 0 <= tick <= span * factor]


def _time_axis(
    axes: "Axes", times: list[float], scale: float, heights: list[float], right: float
) -> None:
    x = 1.35
    axes.plot([x, x], [HEAD, HEAD + times[-1] * scale], color="black", linewidth=2.5)
    for time, text in _ticks(times[-1]):
        y = HEAD + time * scale
        axes.plot([x - 0.12, x], [y, y], color="black", linewidth=2.5)
        axes.text(x - 0.18, y, text, ha="right", va="center", fontsize=SIZE)
    for time, y in zip(times, heights, strict=True):
        true = HEAD + time * scale
        axes.plot([x, x + 0.3, right], [true, y, y], color=FAINT, linewidth=1, zorder=0)


class _Mark(NamedTuple):
    start: float
    end: float
    track: int  # 0, or below the bars of other threads that are in a call at the same time
    text: str

    def holds_its_text(self) -> bool:
        return self.end - self.start > _width(self.text) + 0.2


class _Label(NamedTuple):
    x: float
    level: int  # lines above the lane
    text: str


class _Lane(NamedTuple):
    marks: list[_Mark]
    labels: list[_Label]

    def lines(self) -> int:
        return max((label.level + label.text.count("\n") + 1 for label in self.labels), default=0)

    def tracks(self) -> int:
        return max(mark.track for mark in self.marks) + 1


def timeline(calls: "Calls") -> Picture:
    """Draw who was in which call when: a lane for each socket, a bar for each call that took
    its time, a tick for each that returned at once. A bar without an end had not returned.

    `calls` is what `trace()` yields; the text is its own.
    """
    if not calls:
        figure, axes = _sheet(HEAD + FOOT)
        _say(axes, "no calls")
        return Picture(figure, "no calls")
    return Picture(_lanes(calls), repr(calls))


def _lanes(calls: "Calls") -> "Figure":
    first = min(call.start for call in calls)
    span = max((call.end or call.start) - first for call in calls) or 1e-3
    left = max(map(_width_bold, calls.lanes())) + 0.7
    right = WIDTH - 0.6
    while True:  # until what is written at the last calls fits on the sheet
        scale = (right - left) / span
        lanes = {
            name: _lane([_placed(call, left - first * scale, scale) for call in lane])
            for name, lane in calls.lanes().items()
        }
        ends = [
            x + max(map(_width, text.split("\n")))
            for lane in lanes.values()
            for x, _, text in lane.labels
        ]
        over = max(ends, default=0) - (WIDTH - 0.2)
        if over <= 0 or right - left < 3:
            break
        right -= over + 0.05
    return _drawn(lanes, left, right, span)


def _width_bold(text: str) -> float:
    return 1.15 * _width(text)


def _placed(call: "Call", origin: float, scale: float) -> _Mark:
    start = origin + call.start * scale
    if call.end is None:
        return _Mark(start, WIDTH, 0, f"{call.name} …")
    outcome = call.text.rpartition(" → ")[2]
    failed = call.error is not None or (call.name == "connect_ex" and outcome != "0")
    text = f"{call.name} → {outcome}" if failed else call.name
    return _Mark(start, origin + call.end * scale, 0, text)


def _lane(marks: list[_Mark]) -> _Lane:
    ends: list[float] = []
    tracked = []
    for mark in marks:
        track = next((i for i, end in enumerate(ends) if end <= mark.start), len(ends))
        ends[track : track + 1] = [mark.end]
        tracked.append(mark._replace(track=track))
    return _Lane(tracked, _labels(_neighbours(tracked)))


def _neighbours(marks: list[_Mark]) -> list[tuple[float, str]]:
    groups: list[tuple[float, list[str]]] = []
    for mark in marks:
        if mark.holds_its_text():
            continue
        if not groups or mark.start - groups[-1][0] > BLOCKED:
            groups.append((mark.start, []))
        groups[-1][1].append(mark.text)
    return [(x, textwrap.fill(_counted(texts), 36)) for x, texts in groups]


def _counted(texts: list[str]) -> str:
    runs = [(text, len(list(run))) for text, run in itertools.groupby(texts)]
    return ", ".join(
        text if count == 1 else f"{text} \N{MULTIPLICATION SIGN}{count}" for text, count in runs
    )


def _labels(groups: list[tuple[float, str]]) -> list[_Label]:
    labels: list[_Label] = []
    taken: list[float] = []  # by level: where the leftmost label begins
    # from the right, so that the pole of a label on high passes to the left of those below it
    for x, text in reversed(groups):
        end = x + max(map(_width, text.split("\n"))) + 0.25
        level = sum(end > begin for begin in taken)
        top = level + text.count("\n") + 1
        taken[:top] = [x] * top
        labels.append(_Label(x, level, text))
    return labels


def _drawn(lanes: dict[str, _Lane], left: float, right: float, span: float) -> "Figure":
    heights = [lane.lines() * LINE + lane.tracks() * (BAR + 0.06) + 0.3 for lane in lanes.values()]
    bottom = 0.2 + sum(heights)
    figure, axes = _sheet(bottom + 0.6)
    for time, text in _ticks(span):
        x = left + (right - left) * time / span
        axes.plot([x, x], [0.2, bottom], color=FAINT, linewidth=1, zorder=0)
        axes.plot([x, x], [bottom, bottom + 0.12], color="black", linewidth=2.5)
        axes.text(x, bottom + 0.18, text, ha="center", va="top", fontsize=SIZE)
    axes.plot([left, right], [bottom, bottom], color="black", linewidth=2.5)
    top = 0.2
    for (name, lane), height in zip(lanes.items(), heights, strict=True):
        _draw_lane(axes, name, lane, left, top + lane.lines() * LINE)
        top += height
    return figure


def _draw_lane(axes: "Axes", name: str, lane: _Lane, left: float, y: float) -> None:
    from matplotlib.patches import Rectangle

    role = name.split()[0]
    colour = {"client": CLIENT, "listener": SERVER, "server": SERVER}.get(role, OTHER)
    _badge(axes, (left - 0.3) / 2, y + BAR / 2, name, colour)
    axes.plot([left, WIDTH], [y + BAR / 2] * 2, color=FAINT, linewidth=2.5, zorder=1)
    style: dict[str, Any] = {"color": "white", "fontsize": SIZE, "ha": "center", "va": "center"}
    for mark in lane.marks:
        low = y + mark.track * (BAR + 0.06)
        width = max(mark.end - mark.start, 0.04)
        corner = (mark.start, low)
        axes.add_patch(Rectangle(corner, width, BAR, color=colour, linewidth=0, zorder=2))
        if mark.holds_its_text():
            middle = (mark.start + mark.end) / 2
            axes.text(middle, low + BAR / 2, mark.text, zorder=3, **style)
    for x, level, text in lane.labels:
        low = y - level * LINE
        axes.plot([x, x], [y, low - LINE * (text.count("\n") + 1)], color=colour, linewidth=1.5)
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1}  # no line through the words
        style = {"va": "bottom", "fontsize": SIZE, "linespacing": 1.1, "bbox": box}
        axes.text(x + 0.07, low - 0.06, text, **style)
