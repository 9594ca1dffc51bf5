"""The picture of the flags: a row for each flag, a column for each moment."""

import select
from collections.abc import Sequence

from sockutils.figures.columns import aligned
from sockutils.figures.picture import FAINT, KERNEL, OTHER, SERVER, WIDTH, Picture, sheet, write
from sockutils.lessons.poll.flags import ASKED, UNASKED, names

Moment = tuple[str, int]  # what has happened, and the flags after it
# Inches
LEFT = 1.75
TOP = 0.75
TALL = 0.46
LINE = 0.34
WIDEST = 0.85


def draw(moments: Sequence[Moment], title: str = "", starts: Sequence[int] = ()) -> Picture:
    """Draw which flags there were at each moment: a tick if it was asked for, else a "!".

    With each of `starts` another socket begins: a thick line before that column.
    """
    from matplotlib.patches import Rectangle

    rows = [*ASKED, *UNASKED]
    step = min((WIDTH - LEFT - 0.9) / len(moments), WIDEST)
    grid = TOP + len(rows) * TALL
    head = LINE if title else 0
    figure, axes = sheet(grid + head + LINE * (len(moments) + 1.2))
    if title:
        write(axes, WIDTH / 2, 0.3, title, weight="bold")
    for y, name in enumerate(rows):
        place = head + TOP + (y + 0.5) * TALL
        write(axes, LEFT - 0.15, place, name, ha="right")
        sign, colour = ("✓", KERNEL) if name in ASKED else ("!", SERVER)
        for x, (_, flags) in enumerate(moments):
            corner = LEFT + x * step, place - TALL / 2
            there = flags & getattr(select, name)
            box = Rectangle(corner, step, TALL, facecolor=colour if there else "white")
            box.set(edgecolor=FAINT, linewidth=1.5)
            axes.add_patch(box)
            if there:
                write(axes, corner[0] + step / 2, place, sign, "white", weight="bold")
    right = LEFT + step * len(moments)
    line = head + TOP + len(ASKED) * TALL
    axes.plot([0.3, right], [line, line], color="black", linewidth=3, zorder=3)
    for start in starts:
        place = LEFT + (start - 1) * step
        axes.plot(
            [place, place], [head + TOP - 0.45, head + grid], color="black", linewidth=4, zorder=3
        )
    for words, first, number in (("if asked for", 0, len(ASKED)), ("unasked", 4, len(UNASKED))):
        middle = head + TOP + (first + number / 2) * TALL
        write(axes, right + 0.3, middle, words, OTHER, rotation=270)
    for x, (words, _) in enumerate(moments):
        write(axes, LEFT + (x + 0.5) * step, head + TOP - 0.25, str(x + 1), weight="bold")
        below = grid + head + LINE * (x + 1)
        write(axes, LEFT - 0.15, below, str(x + 1), ha="right", weight="bold")
        write(axes, LEFT, below, words, ha="left")
    table = [[str(x), words, names(flags)] for x, (words, flags) in enumerate(moments, 1)]
    return Picture(figure, "\n".join(filter(None, [title, aligned(table)])))
