"""The panel's picture: the accept queue, step by step."""

from collections.abc import Sequence

from sockutils.figures.picture import CLIENT, FAINT, OTHER, SERVER, SIZE, Picture, canvas

LARGEST = 13  # places, with the panel's largest backlog


def draw_load(waiting: Sequence[int], outside: Sequence[int], backlog: int) -> Picture:
    """Draw the accept queue after each step, and how many stayed outside in it."""
    steps = range(1, len(waiting) + 1)
    places = backlog + 1
    top = max(LARGEST, places, *waiting) + 0.5  # one axis for every position of the panel
    figure, axes = canvas(height=4.6)
    axes.bar(steps, waiting, color=SERVER, width=0.7)
    axes.axhline(places, color=OTHER, linestyle="--", linewidth=2)
    row = top * 1.22
    for place, length, lost in zip(steps, waiting, outside, strict=True):
        fits = length > 0.3 * top  # into the bar: above it, it might hide the line
        away = (0, -7 if fits else 3)
        number = axes.annotate(f"{length}", (place, length), away, textcoords="offset points")
        number.set(va="top" if fits else "bottom", color="white" if fits else SERVER)
        number.set(size=SIZE, ha="center")
        if not fits:
            number.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})
        axes.plot(place, row, "o", color=CLIENT if lost else FAINT, markersize=28)
        ink = "white" if lost else "black"
        axes.text(place, row, f"{lost}", size=SIZE, ha="center", va="center", color=ink)
    axes.text(0.1, row, "outside", color=CLIENT, size=SIZE, va="center", ha="right")
    axes.text(len(waiting) + 0.6, places, "full", color=OTHER, size=SIZE, va="center")
    axes.set(xlim=(0.4, len(waiting) + 0.5), ylim=(0, top * 1.4), xlabel="step", xticks=list(steps))
    axes.set_yticks(range(0, int(top) + 1, 3))
    axes.set_ylabel("in the queue", color=SERVER)
    axes.spines["left"].set_bounds(0, int(top))
    return Picture(figure, _load_text(waiting, outside, places))


def _load_text(waiting: Sequence[int], outside: Sequence[int], places: int) -> str:
    rows = {
        "step": range(1, len(waiting) + 1),
        "in the queue": waiting,
        "left outside": outside,
    }
    lines = [f"{name:<13}" + "".join(f"{value:>4}" for value in rows[name]) for name in rows]
    return "\n".join([*lines, f"the queue is full at {places}"])
