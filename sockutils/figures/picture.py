"""A picture for a lecture hall, with the text that says the same."""

import io
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito, Color Universal Design (2008): told apart with any kind of colour vision
CLIENT = "#0072B2"  # blue
SERVER = "#D55E00"  # vermilion
KERNEL = "#009E73"  # bluish green
OTHER = "#555555"
FAINT = "#BBBBBB"

# Where the home directory is read-only, it says under the first figure that its cache is in /tmp.
logging.getLogger("matplotlib").setLevel(logging.ERROR)

WIDTH = 10.0  # inches
DPI = 110
SIZE = 16  # points


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
        import base64
        import html

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
    figure, axes = sheet(1)
    write(axes, WIDTH / 2, 0.5, words)
    return Picture(figure, words)


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


def ticks(span: float) -> list[tuple[float, str]]:
    """Round times from 0 to `span` seconds, and what to write at them."""
    from matplotlib.ticker import MaxNLocator

    unit, factor = ("ms", 1000) if 0 < span < 1 else ("s", 1)
    times = MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(0, span * factor)
    return [(time / factor, f"{time:g} {unit}") for time in times if 0 <= time <= span * factor]


def _png(figure: "Figure") -> bytes:
    from PIL import Image

    pixels, packed = io.BytesIO(), io.BytesIO()
    figure.savefig(pixels, format="png", dpi=DPI)
    # few colours are in use: a palette makes the file a third as large
    image = Image.open(pixels).convert("RGB").quantize(64, Image.Quantize.MAXCOVERAGE)
    image.save(packed, format="png", optimize=True)
    return packed.getvalue()
