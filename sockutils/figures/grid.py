"""Outcomes as a grid: which combinations work, and how the others fail."""

from collections.abc import Iterable, Mapping
from textwrap import fill
from typing import TYPE_CHECKING

from sockutils.figures import picture
from sockutils.figures.columns import aligned
from sockutils.figures.picture import CLIENT, FAINT, KERNEL, OTHER, SERVER, WIDTH, Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WORKS = "works"
Outcomes = Mapping[tuple[str, str], str]

# inches
LETTER = 0.135  # the width of one at this size, about
LINE = 0.3
TALL = 0.48  # of a cell
EDGE = 0.15


def matrix(outcomes: Outcomes, chosen: tuple[str, str] | None = None) -> Picture:
    """Draw a grid of (row, column) → outcome, in the order in which they come.

    "works" is a filled cell with a tick, and so is a number, which stands in its cell; any other
    outcome, an errno's name for example, is a letter that the legend below explains. A combination
    that is not there stays blank. `chosen` gets a frame, in the text brackets.
    """
    if not outcomes:
        return picture.say("nothing was tried")
    rows = list(dict.fromkeys(row for row, _ in outcomes))
    columns = list(dict.fromkeys(column for _, column in outcomes))
    left = max(map(len, rows)) * LETTER + 2 * EDGE
    step = (WIDTH - left - EDGE) / len(columns)
    heads = [fill(column, max(int(step / LETTER), 1), break_long_words=False) for column in columns]
    top = max(head.count("\n") + 1 for head in heads) * LINE + 2 * EDGE
    bottom = top + len(rows) * TALL
    legend = _legend(outcomes.values())
    named = [name for name in legend if not name.isdigit()]
    figure, axes = picture.sheet(bottom + (len(named) + 1) * LINE + EDGE)
    for x, head in enumerate(heads):
        picture.write(axes, left + (x + 0.5) * step, top - EDGE, head, va="bottom")
    for y, row in enumerate(rows):
        picture.write(axes, left - EDGE, top + (y + 0.5) * TALL, row, ha="right")
    for (row, column), outcome in outcomes.items():
        corner = left + columns.index(column) * step, top + rows.index(row) * TALL
        _cell(axes, corner, step, *legend[outcome], framed=(row, column) == chosen)
    for line, name in enumerate(named, 1):
        sign, colour, _ = legend[name]
        picture.write(axes, left, bottom + line * LINE, sign, colour, weight="bold")
        picture.write(axes, left + 2 * EDGE, bottom + line * LINE, name, ha="left")
    texts = dict(outcomes)
    if chosen in texts:
        texts[chosen] = f"[{texts[chosen]}]"
    table = [[row, *(texts.get((row, column), "") for column in columns)] for row in rows]
    return Picture(figure, aligned([["", *columns], *table]))


def _legend(outcomes: Iterable[str]) -> dict[str, tuple[str, str, bool]]:
    """Map each outcome to its sign and colour, and whether it is one that works; those first."""
    found = dict.fromkeys(outcomes)
    works = {name: (name, KERNEL, True) for name in found if name.isdigit()}
    if WORKS in found:
        works[WORKS] = ("✓", KERNEL, True)
    others = [name for name in found if name not in works]
    colours = (SERVER, CLIENT, OTHER)
    letters = {name: (chr(ord("A") + i), colours[i % 3], False) for i, name in enumerate(others)}
    return works | letters


def _cell(
    axes: "Axes",
    corner: tuple[float, float],
    width: float,
    sign: str,
    colour: str,
    filled: bool,
    framed: bool,
) -> None:
    from matplotlib.patches import Rectangle

    fill, ink = (colour, "white") if filled else ("white", colour)
    axes.add_patch(Rectangle(corner, width, TALL, facecolor=fill, edgecolor=FAINT, linewidth=1.5))
    if framed:
        axes.add_patch(Rectangle(corner, width, TALL, fill=False, linewidth=5, zorder=3))
    middle = corner[0] + width / 2, corner[1] + TALL / 2
    picture.write(axes, *middle, sign, ink, weight="bold")
