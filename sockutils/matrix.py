"""Outcomes as a grid: which combinations work, and how the others fail."""

from collections.abc import Mapping
from textwrap import fill
from typing import TYPE_CHECKING

from sockutils import picture
from sockutils.picture import CLIENT, FAINT, KERNEL, OTHER, SERVER, SIZE, WIDTH, Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WORKS = "works"
Outcomes = Mapping[tuple[str, str], str]

# inches
LETTER = 0.135  # the width of one at this size, about
LINE = 0.3
TALL = 0.48  # of a cell
EDGE = 0.15


def matrix(outcomes: Outcomes) -> Picture:
    """Draw a grid of (row, column) → outcome, in the order in which they come.

    "works" is a filled cell with a tick; any other outcome, an errno's name for example, is a
    letter that the legend below explains. A combination that is not there stays blank.
    """
    if not outcomes:
        return picture.say("nothing was tried")
    columns = list(dict.fromkeys(column for _, column in outcomes))
    rows = list(dict.fromkeys(row for row, _ in outcomes))
    left = max(map(len, rows)) * LETTER + 2 * EDGE
    step = (WIDTH - left - EDGE) / len(columns)
    heads = [fill(column, max(int(step / LETTER), 1), break_long_words=False) for column in columns]
    top = max(head.count("\n") + 1 for head in heads) * LINE + 2 * EDGE
    legend = _legend(outcomes)
    figure, axes = picture.sheet(top + len(rows) * TALL + (len(legend) + 1) * LINE + EDGE)
    for x, head in enumerate(heads):
        _write(axes, left + (x + 0.5) * step, top - EDGE, head, ha="center", va="bottom")
    for y, row in enumerate(rows):
        _write(axes, left - EDGE, top + (y + 0.5) * TALL, row, ha="right", va="center")
        for x, column in enumerate(columns):
            if outcome := outcomes.get((row, column)):
                _cell(axes, (left + x * step, top + y * TALL), step, outcome, legend)
    _explain(axes, left, top + len(rows) * TALL + LINE, legend)
    return Picture(figure, _table(outcomes, rows, columns))


def _legend(outcomes: Outcomes) -> dict[str, tuple[str, str]]:
    """Map each outcome to its sign and colour."""
    others = [name for name in dict.fromkeys(outcomes.values()) if name != WORKS]
    colours = (SERVER, CLIENT, OTHER)
    signs = {name: (chr(ord("A") + i), colours[i % len(colours)]) for i, name in enumerate(others)}
    return ({WORKS: ("✓", KERNEL)} if WORKS in outcomes.values() else {}) | signs


def _cell(
    axes: "Axes",
    corner: tuple[float, float],
    step: float,
    outcome: str,
    legend: Mapping[str, tuple[str, str]],
) -> None:
    from matplotlib.patches import Rectangle

    sign, colour = legend[outcome]
    filled = colour if outcome == WORKS else "white"
    axes.add_patch(Rectangle(corner, step, TALL, facecolor=filled, edgecolor=FAINT, linewidth=1.5))
    ink = "white" if outcome == WORKS else colour
    middle = corner[0] + step / 2, corner[1] + TALL / 2
    _write(axes, *middle, sign, ha="center", va="center", color=ink, weight="bold")


def _explain(axes: "Axes", left: float, top: float, legend: Mapping[str, tuple[str, str]]) -> None:
    for line, (outcome, (sign, colour)) in enumerate(legend.items()):
        y = top + line * LINE
        _write(axes, left, y, sign, ha="center", va="center", color=colour, weight="bold")
        _write(axes, left + 2 * EDGE, y, outcome, ha="left", va="center")


def _write(axes: "Axes", x: float, y: float, words: str, **style: str) -> None:
    axes.text(x, y, words, fontsize=SIZE, **style)  # type: ignore[arg-type]


def _table(outcomes: Outcomes, rows: list[str], columns: list[str]) -> str:
    table = [["", *columns]]
    table += [[row, *(outcomes.get((row, column), "") for column in columns)] for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in table)
