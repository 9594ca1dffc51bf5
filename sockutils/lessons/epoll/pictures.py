"""Pictures of what is reported over time, and of who wakes up."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sockutils.figures.columns import aligned
from sockutils.figures.picture import (
    CLIENT,
    FAINT,
    KERNEL,
    OTHER,
    SERVER,
    WIDTH,
    Picture,
    sheet,
    write,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Moment(NamedTuple):
    """What has happened, how many bytes then wait, and what each instance then reports."""

    happening: str
    waiting: int
    reported: Mapping[str, bool]


# Inches: a column for each happening
LEFT = 2.1
HEAD = 0.55
CURVE = 1.5
ROW = 0.6


def draw_moments(moments: Sequence[Moment]) -> Picture:
    """Draw the bytes that wait, as a curve, and below it who reports the socket."""
    from matplotlib.patches import Rectangle

    kinds = list(moments[0].reported)
    step = (WIDTH - LEFT - 0.2) / len(moments)
    ground = HEAD + CURVE
    figure, axes = sheet(ground + 0.15 + ROW * len(kinds) + 0.2)
    for y, words in ((HEAD / 2, "happens"), (HEAD + CURVE / 2, "bytes waiting")):
        write(axes, LEFT - 0.2, y, words, OTHER, ha="right")
    highest = max(moment.waiting for moment in moments) or 1
    for x, moment in enumerate(moments):
        left, tall = LEFT + x * step, (CURVE - 0.35) * moment.waiting / highest
        write(axes, left + step / 2, HEAD / 2, moment.happening)
        axes.add_patch(Rectangle((left, ground - tall), step, tall, color=FAINT))
        write(axes, left + step / 2, ground - tall - 0.17, str(moment.waiting))
    axes.plot([LEFT, LEFT + step * len(moments)], [ground, ground], color="black", linewidth=1.5)
    for y, kind in enumerate(kinds):
        top = ground + 0.15 + y * ROW
        colour = CLIENT if kind == "level" else SERVER
        write(axes, LEFT - 0.2, top + ROW / 2, kind, colour, ha="right", weight="bold")
        for x, moment in enumerate(moments):
            said = moment.reported[kind]
            box = Rectangle((LEFT + x * step, top), step, ROW, edgecolor=FAINT, linewidth=1.5)
            box.set_facecolor(colour if said else "white")
            axes.add_patch(box)
            if said:
                middle = LEFT + (x + 0.5) * step, top + ROW / 2
                write(axes, *middle, "✓", "white", weight="bold")
    rows = [["happens", "bytes waiting", *kinds]]
    for moment in moments:
        answers = ["reported" if moment.reported[kind] else "-" for kind in kinds]
        rows.append([moment.happening, str(moment.waiting), *answers])
    return Picture(figure, aligned(rows))


# A row of four threads in each cell of a grid
THREADS = 4
TALL = 0.75
RADIUS = 0.15


def draw_woken(outcomes: Mapping[tuple[str, str], str]) -> Picture:
    """Draw for each (row, column) how many of four threads woke up: "0" to "4", or "one or more".

    A filled circle is a thread that woke up, an empty one a thread that slept on.
    """
    rows = list(dict.fromkeys(row for row, _ in outcomes))
    columns = list(dict.fromkeys(column for _, column in outcomes))
    step = (WIDTH - LEFT - 0.2) / len(columns)
    bottom = HEAD + TALL * len(rows)
    figure, axes = sheet(bottom + 0.7)
    for x, column in enumerate(columns):
        write(axes, LEFT + (x + 0.5) * step, HEAD / 2, column, weight="bold")
    for y, row in enumerate(rows):
        write(axes, LEFT - 0.2, HEAD + (y + 0.5) * TALL, row, ha="right")
    for (row, column), outcome in outcomes.items():
        left, top = LEFT + columns.index(column) * step, HEAD + rows.index(row) * TALL
        _four(axes, left, top, step, outcome)
    place = LEFT
    for sign, words, long in (("1", "woke up", 1.5), ("0", "slept on", 1.6), ("?", "perhaps", 0)):
        _thread(axes, place + RADIUS, bottom + 0.4, sign, OTHER)
        write(axes, place + 0.45, bottom + 0.4, words, OTHER, ha="left")
        place += long + 0.4
    table = [[row, *(outcomes[row, column] for column in columns)] for row in rows]
    return Picture(figure, aligned([["", *columns], *table]))


def _four(axes: "Axes", left: float, top: float, step: float, outcome: str) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((left, top), step, TALL, fill=False, edgecolor=FAINT, linewidth=1.5))
    signs = "1" * int(outcome) if outcome.isdigit() else "1???"
    colour = SERVER if signs == "1" * THREADS else KERNEL  # the whole herd
    for index, sign in enumerate(signs.ljust(THREADS, "0")):
        middle = left + step / 2 + (index - (THREADS - 1) / 2) * 2.6 * RADIUS
        _thread(axes, middle, top + TALL / 2, sign, colour)


def _thread(axes: "Axes", x: float, y: float, sign: str, colour: str) -> None:
    from matplotlib.patches import Circle

    circle = Circle((x, y), RADIUS, edgecolor=OTHER if sign == "0" else colour, linewidth=2)
    circle.set_facecolor(colour if sign == "1" else "white")
    axes.add_patch(circle)
    if sign == "?":
        write(axes, x, y + 0.01, "?", colour, weight="bold")
