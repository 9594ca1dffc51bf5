"""A picture for a lecture hall, with the text that says the same."""

import logging
from typing import TYPE_CHECKING, Any

from sockutils.figures import svg
from sockutils.figures.colours import LIGHT
from sockutils.figures.svg import ticks as ticks  # lessons know it by this name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# for matplotlib; in a page they become those of its theme, and so do black and white
CLIENT, SERVER, KERNEL = LIGHT["client"], LIGHT["server"], LIGHT["kernel"]
OTHER, FAINT = LIGHT["other"], LIGHT["faint"]

# Where the home directory is read-only, it says under the first figure that its cache is in /tmp.
logging.getLogger("matplotlib").setLevel(logging.ERROR)

WIDTH = 10.0  # inches
SIZE = 16  # points


class Picture:
    """A drawing as SVG, and the text that says the same: for a reader who cannot see it, for
    nbval, which compares texts, and as the alternative text of the image.

    `drawing` is a matplotlib figure, whose text stays text, or an SVG document.
    """

    def __init__(self, drawing: "Figure | str", text: str) -> None:
        from sockutils.figures.plot import of_figure

        self.text = text
        self.svg = drawing if isinstance(drawing, str) else of_figure(drawing)

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        from sockutils.figures.page import html

        alt = "; ".join(" ".join(line.split()) for line in self.text.splitlines())
        return {"text/html": html(self.svg, alt), "text/plain": self.text}


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


def sheet(height: float) -> tuple["Figure", "Axes"]:
    """A white figure without axes to see, measured in inches from its top left corner."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(height, 0))
    axes.axis("off")
    return figure, axes


def say(words: str) -> Picture:
    """A picture of nothing but words."""
    drawing = svg.Drawing()
    drawing.text(svg.WIDE / 2, 55, words)
    return Picture(drawing.svg(svg.WIDE, 110), words)


def write(
    axes: "Axes", x: float, y: float, words: str, colour: str = "black", **style: Any
) -> None:
    """Write centred at that place, to be read from the back row; `style` is matplotlib's Text."""
    middle: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": SIZE, "color": colour}
    axes.text(x, y, words, **middle | style)


def label(axes: "Axes", x: float, y: float, words: str, colour: str = "black") -> None:
    """Write on white, over a line that goes through there."""
    box = {"facecolor": "white", "edgecolor": "none", "pad": 2}
    write(axes, x, y, words, colour, bbox=box, zorder=3)


def badge(axes: "Axes", x: float, y: float, role: str, colour: str) -> None:
    """Write a role in white on its colour."""
    box = {"boxstyle": "round,pad=0.3", "facecolor": colour, "edgecolor": "none"}
    write(axes, x, y, role, "white", weight="bold", bbox=box, zorder=4)
