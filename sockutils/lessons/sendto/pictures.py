"""Its panel's picture."""

from collections.abc import Iterable, Sequence

from sockutils.figures.picture import OTHER, SERVER, SIZE, Picture, canvas

ROWS = 8  # of 25, the panel's largest burst


def draw_burst(arrived: Iterable[int], sent: int) -> Picture:
    """Draw a burst of datagrams in rows of 25: squares arrived, crosses were dropped.

    There is always room for the panel's largest burst, so that nothing below the picture moves.
    """
    there = set(arrived)
    rows = max(ROWS, (sent + 24) // 25)
    figure, axes = canvas(height=0.45 * rows + 1)
    for number in range(sent):
        marker, colour = ("s", SERVER) if number in there else ("x", OTHER)
        place = number % 25, -(number // 25)
        axes.plot(*place, marker, color=colour, markersize=16, markeredgewidth=3)
    axes.set(xlim=(-0.7, 24.7), ylim=(0.3 - rows, 1.8))
    left, right = f"{len(there)} arrived (squares)", f"{sent - len(there)} dropped (crosses)"
    axes.text(-0.4, 1.1, left, color=SERVER, size=SIZE, weight="bold")
    axes.text(24.4, 1.1, right, color=OTHER, size=SIZE, weight="bold", ha="right")
    axes.axis("off")
    return Picture(figure, _burst_text(sorted(there), sent))


def _burst_text(arrived: Sequence[int], sent: int) -> str:
    share = len(arrived) / sent
    words = (
        "all" if share == 1 else "more than half" if share > 0.5 else "less than half"
    ) if arrived else "none"  # fmt: skip
    lines = [f"datagrams sent: {sent}, arrived: {words}"]
    if 0 < share < 1:
        first = list(arrived) == list(range(len(arrived)))
        lines.append(f"those that arrived are the first ones: {'yes' if first else 'no'}")
    return "\n".join(lines)
