"""Outcomes as a grid: which combinations work, and how the others fail."""

from collections.abc import Iterable, Mapping
from textwrap import fill

from sockutils.figures import picture, svg
from sockutils.figures.columns import aligned
from sockutils.figures.picture import Picture
from sockutils.figures.svg import WIDE, Drawing, width

WORKS = "works"
Outcomes = Mapping[tuple[str, str], str]
HINT = "Point at a cell for what it stands for (keys: Tab, ↑, ↓)."

# pixels
LETTER = 15  # the width of one, about
LINE = 33
TALL = 53  # of a cell
EDGE = 16


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
    texts = dict(outcomes)
    if chosen in texts:
        texts[chosen] = f"[{texts[chosen]}]"
    table = [[row, *(texts.get((row, column), "") for column in columns)] for row in rows]
    return Picture(_grid(outcomes, rows, columns, chosen), aligned([["", *columns], *table]))


def _grid(
    outcomes: Outcomes, rows: list[str], columns: list[str], chosen: tuple[str, str] | None
) -> str:
    left = max(map(width, rows)) + 2 * EDGE
    longest = max(width(word) for column in columns for word in column.split() or [""])
    step = max((WIDE - left - EDGE) / len(columns), longest + EDGE)
    heads = [fill(column, max(int(step / LETTER), 1), break_long_words=False) for column in columns]
    lines = max(head.count("\n") + 1 for head in heads)
    top = lines * LINE + 2 * EDGE
    bottom = top + len(rows) * TALL
    drawing = Drawing(HINT)
    for place, head in enumerate(heads):
        words = head.split("\n")
        for line, each in enumerate(words, lines - len(words)):
            drawing.text(left + (place + 0.5) * step, EDGE + (line + 0.5) * LINE, each)
    for place, row in enumerate(rows):
        drawing.text(left - EDGE, top + (place + 0.5) * TALL, row, kind="e")
    legend = _legend(outcomes.values())
    for (row, column), outcome in outcomes.items():
        corner = left + columns.index(column) * step, top + rows.index(row) * TALL
        with drawing.at(None, title=f"{row}, {column}: {outcome}"):
            _cell(drawing, corner, step, *legend[outcome])
    if chosen and chosen in outcomes:
        corner = left + columns.index(chosen[1]) * step, top + rows.index(chosen[0]) * TALL
        drawing.box(corner, (step, TALL), "", "ink", 8)
    named = [name for name in legend if not name.isdigit()]
    for line, name in enumerate(named, 1):
        sign, colour, _ = legend[name]
        drawing.text(left, bottom + line * LINE, sign, colour, "mb")
        drawing.text(left + 2 * EDGE, bottom + line * LINE, name, kind="")
    wide = max(
        [left + len(columns) * step + EDGE, *(left + 3 * EDGE + width(name) for name in named)]
    )
    return drawing.svg(wide, bottom + (len(named) + 1) * LINE + EDGE)


def _legend(outcomes: Iterable[str]) -> dict[str, tuple[str, str, bool]]:
    """Map each outcome to its sign and colour, and whether it is one that works; those first."""
    found = dict.fromkeys(outcomes)
    works = {name: (name, "kernel", True) for name in found if name.isdigit()}
    if WORKS in found:
        works[WORKS] = ("✓", "kernel", True)
    others = [name for name in found if name not in works]
    colours = ("server", "client", "other")
    letters = {name: (chr(ord("A") + i), colours[i % 3], False) for i, name in enumerate(others)}
    return works | letters


def _cell(
    drawing: Drawing, corner: svg.Place, wide: float, sign: str, colour: str, filled: bool
) -> None:
    fill, ink = (colour, "on") if filled else ("ground", colour)
    drawing.box(corner, (wide, TALL), fill, "faint")
    drawing.text(corner[0] + wide / 2, corner[1] + TALL / 2, sign, ink, "mb")
