"""Packets as a ladder: a lifeline for each role, an arrow for each packet."""

from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import TYPE_CHECKING

from sockutils import picture
from sockutils.packet import Packet
from sockutils.picture import CLIENT, FAINT, KERNEL, OTHER, SERVER, WIDTH, Picture
from sockutils.roles import AT, Row, elided, rows, transcript

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# inches
HEAD = 0.95  # down to the first packet
FOOT = 0.35
SIDE = 0.9  # beside the first and the last lifeline
AXIS = 1.35  # from the left edge to the time axis
PITCH = 0.38  # from packet to packet
CLOSE = 0.29  # the same where time is to scale
# of the way: where the label of a slow packet stands, since slow ones cross
EARLY, LATE = 0.3, 0.75

Place = tuple[float, float]


def sequence(
    packets: Iterable[Packet], seconds: bool = False, names: Mapping[int, str] | None = None
) -> Picture:
    """Draw the packets as a ladder: a lifeline for each role, an arrow for each packet.

    With `seconds` the way down is time, to scale, from the first packet on; packets that nearly
    coincide are spread below one another, each with a line to its time. `names` maps a port to
    a role. A packet whose SYN, FIN or data was sent before is marked (again). Of more than 60
    packets the picture and its text have the first and the last 30, and how many are left out.
    """
    table = rows(list(packets), names)
    if not table:
        return picture.say("no packets")
    shown = elided(table)
    return Picture(_ladder(shown, seconds), transcript(shown, seconds))


def _ladder(table: list[Row], seconds: bool) -> "Figure":
    times = [row.seconds for row in table]
    last = max(row.seconds + max(row.flights, default=0) for row in table)
    crossing = sum("(overtaken)" in row.label for row in table)
    scale = _scale(last, len(table) + 3 * crossing) if seconds else 0
    pitch = CLOSE if seconds else PITCH
    true = [HEAD + time * scale for time in times]
    heights = list(accumulate(true, lambda above, y: max(y, above + pitch)))
    ends = [y + max(row.flights, default=0) * scale for row, y in zip(table, heights, strict=True)]
    figure, axes = picture.sheet(max(ends) + FOOT)
    if seconds:
        _time_axis(axes, times, last, scale, heights)
    _draw(axes, table, heights, AXIS + SIDE if seconds else SIDE, scale)
    return figure


def _scale(last: float, count: int) -> float:
    # inches for a second: the longer and the more packets, the more room for their true heights
    return min(max(1.2 * last + 1, 0.65 * count), 6.5) / (last or 1)


def _time_axis(
    axes: "Axes", times: list[float], last: float, scale: float, heights: list[float]
) -> None:
    axes.plot([AXIS, AXIS], [HEAD, HEAD + last * scale], color="black", linewidth=2.5)
    for time, text in picture.ticks(last):
        y = HEAD + time * scale
        axes.plot([AXIS - 0.12, AXIS], [y, y], color="black", linewidth=2.5)
        picture.write(axes, AXIS - 0.18, y, text, ha="right")
    for time, y in zip(times, heights, strict=True):
        bend = [HEAD + time * scale, y, y]
        axes.plot([AXIS, AXIS + 0.3, WIDTH - SIDE], bend, color=FAINT, linewidth=1, zorder=0)


def _draw(
    axes: "Axes", table: list[Row], heights: list[float], margin: float, scale: float
) -> None:
    crossing = any("(overtaken)" in row.label for row in table)
    clients = list(dict.fromkeys(row.left for row in table if row.left))
    servers = list(dict.fromkeys(row.right for row in table if row.right))
    step = (WIDTH - SIDE - margin) / (len(clients) + len(servers) - 1)
    left = {role: margin + step * i for i, role in enumerate(clients)}
    right = {role: margin + step * i for i, role in enumerate(servers, len(clients))}
    _lifelines(axes, left, CLIENT)
    _lifelines(axes, right, SERVER)
    for row, y in zip(table, heights, strict=True):
        if not row.left:
            _break(axes, margin, y, row.label)
            continue
        ends = (left[row.left], right[row.right])
        start, end = ends if row.forward else ends[::-1]
        for flight in row.flights or (0,):
            _arrow(axes, row, (start, y), (end, y + flight * scale))
        down = min(row.flights, default=0) * scale
        share = 0.5 if down < CLOSE else LATE if crossing else EARLY
        place = start + (end - start) * share, y + down * share
        picture.label(axes, *place, f"{row.label}  {row.size}".strip())


def _break(axes: "Axes", margin: float, y: float, words: str) -> None:
    band = margin - SIDE + 0.3, WIDTH - SIDE + 0.2
    axes.fill_between(band, y - CLOSE / 2, y + CLOSE / 2, color="white", linewidth=0, zorder=2)
    picture.write(axes, (margin + WIDTH - SIDE) / 2, y, words, OTHER, zorder=3)


def _lifelines(axes: "Axes", places: dict[str, float], colour: str) -> None:
    for role, x in places.items():
        axes.plot(
            [x, x], [HEAD / 2, axes.get_ylim()[0] - 0.1], color=FAINT, linewidth=2.5, zorder=1
        )
        picture.badge(axes, x, HEAD / 2 - 0.05, role.replace(AT, "\n"), colour)


def _arrow(axes: "Axes", row: Row, start: Place, end: Place) -> None:
    colour = KERNEL if row.label.startswith("ICMP") else CLIENT if row.forward else SERVER
    style = {"arrowstyle": "-|>", "linewidth": 2.5, "color": colour, "mutation_scale": 22}
    style |= {"shrinkA": 0, "shrinkB": 0}
    if not row.flights:  # it ends on the way
        end = start[0] + (end[0] - start[0]) * 0.85, end[1]
        style["arrowstyle"] = "-"
        axes.plot(*end, "X", color=colour, markersize=14, zorder=3)
    axes.annotate("", end, start, arrowprops=style, zorder=2)
