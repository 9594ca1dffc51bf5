"""Lines, boxes and texts as SVG: what is drawn without matplotlib."""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from unicodedata import east_asian_width

from sockutils.figures.colours import LIGHT, variables

# pixels
WIDE = 1100
SIZE = 24  # of text, to be read from the back row
LINE = 28  # from line to line

Place = tuple[float, float]

FONT = "system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif"
# What is in an image has nothing but this; in a page its variables are the theme's.
STYLE = f"""svg.sk{{--card:#fff;{variables(LIGHT)}fill:var(--ink);font:{SIZE}px {FONT}}}
.sk text{{white-space:pre}}.sk .m{{text-anchor:middle}}.sk .e{{text-anchor:end}}
.sk .b{{font-weight:bold}}
.sk .h{{paint-order:stroke;stroke:var(--ground);stroke-width:8px;stroke-linejoin:round}}"""
FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2
BLANK = re.compile(r"\n *")

# of an em, at most, in the fonts that systems have: DejaVu Sans, the widest, is the measure
NARROW = dict.fromkeys("ijl'|.,:;I", 0.36) | dict.fromkeys("frt()[]-/! \\", 0.44)
BROAD = dict.fromkeys("mwMW@%", 1.0) | dict.fromkeys("ADGHNOQU&…→←✓✗+=<>~^_#", 0.86)
BROAD |= dict.fromkeys("BCEKPRSTVXYZ", 0.72)
WIDTHS = NARROW | BROAD


def width(text: str, bold: bool = False) -> float:
    """Return how wide a line of text is at most, in pixels."""
    ems = sum(WIDTHS.get(letter) or (1.0 if _is_wide(letter) else 0.66) for letter in text)
    return SIZE * ems * (1.12 if bold else 1)


def _is_wide(letter: str) -> bool:
    return letter > "\xff" and east_asian_width(letter) in "WF"


def number(value: float) -> str:
    """Return a coordinate, to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")


def document(body: str, box: Place, size: Place, attributes: str = "") -> str:
    """Return an SVG document in ASCII that shows the body, `box` wide and high, at that size.

    Behind it is a white card, which a page's theme takes away.
    """
    wide, high = map(number, size)
    view = " ".join(map(number, box))
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        f' class="sk" width="{wide}" height="{high}" viewBox="0 0 {view}"{attributes}>'
        f"<style>{BLANK.sub('', STYLE)}</style>"
        f'<rect width="100%" height="100%" fill="var(--card)"/>{body}</svg>'
    )
    return text.encode("ascii", "xmlcharrefreplace").decode()


class Drawing:
    """A sheet that is drawn on, in pixels from its top left corner; a colour is a name of
    `colours`. What is drawn later is in front."""

    def __init__(self, hint: str = "") -> None:
        self.parts: list[str] = []
        self.hint = hint  # what to do to see more, for the line below the picture

    def svg(self, wide: float, high: float) -> str:
        """Return the SVG document."""
        hint = f' data-hint="{escape(self.hint)}"' if self.hint else ""
        return document("".join(self.parts), (wide, high), (wide, high), hint)

    def line(self, places: Sequence[Place], colour: str, thick: float, grows: bool = False) -> None:
        """A line through the places; one that grows is as long as its item's time has gone on."""
        path = "M" + "L".join(f"{number(x)} {number(y)}" for x, y in places)
        more = ' class="a" pathLength="1"' if grows else ""
        self.parts.append(
            f'<path d="{path}" fill="none" stroke="var(--{colour})"'
            f' stroke-width="{number(thick)}"{more}/>'
        )

    def shape(self, places: Sequence[Place], colour: str) -> None:
        """A filled shape, seen when its item's time is over."""
        path = "M" + "L".join(f"{number(x)} {number(y)}" for x, y in places)
        self.parts.append(f'<path class="z" d="{path}z" fill="var(--{colour})"/>')

    def box(
        self,
        corner: Place,
        size: Place,
        colour: str,
        frame: str = "",
        thick: float = 1.5,
        round: float = 0,
        grows: bool = False,
    ) -> None:
        """A box from its top left corner, with a frame of another colour."""
        (x, y), (wide, high) = corner, size
        fill = f"var(--{colour})" if colour else "none"
        more = f' stroke="var(--{frame})" stroke-width="{number(thick)}"' if frame else ""
        more += f' rx="{number(round)}"' if round else ""
        more += ' class="g"' if grows else ""
        self.parts.append(
            f'<rect x="{number(x)}" y="{number(y)}" width="{number(wide)}"'
            f' height="{number(high)}" fill="{fill}"{more}/>'
        )

    def text(self, x: float, y: float, words: str, colour: str = "ink", kind: str = "m") -> None:
        """A line of text, its middle at that height.

        The letters of `kind`: m centred there, e ending there, b bold, h with a halo of the
        ground's colour.
        """
        fill = f' fill="var(--{colour})"' if colour != "ink" else ""
        name = f' class="{" ".join(kind)}"' if kind else ""
        place = f'x="{number(x)}" y="{number(y + 0.35 * SIZE)}"'
        self.parts.append(f"<text {place}{name}{fill}>{printable(words)}</text>")

    def badge(self, x: float, y: float, words: str, colour: str) -> None:
        """Lines of text on their colour, centred there."""
        lines = words.split("\n")
        wide, high = badge_size(words)
        self.box((x - wide / 2, y - high / 2), (wide, high), colour, round=8)
        for place, line in enumerate(lines):
            self.text(x, y + LINE * (place - (len(lines) - 1) / 2), line, "on", "mb")

    @contextmanager
    def at(self, start: float | None, end: float | None = None, title: str = "") -> Iterator[None]:
        """What is drawn in the block belongs to that time, in seconds; with a title it is an item
        that shows it on focus."""
        when = "" if start is None else f' data-t="{start:.7g} {start if end is None else end:.7g}"'
        kind = ' class="i"' if title else ""
        self.parts.append(f"<g{kind}{when}>")
        if title:
            self.parts.append(f"<title>{printable(title)}</title>")
        yield
        self.parts.append("</g>")


def badge_size(words: str) -> Place:
    """Return how wide and high a badge with these words is."""
    lines = words.split("\n")
    return max(width(line, bold=True) for line in lines) + 18, LINE * len(lines) + 14


def printable(text: str) -> str:
    """Return the text as XML has it, which forbids control characters and halves of surrogates."""
    return escape(FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text), quote=False)


def ticks(span: float) -> list[tuple[float, str]]:
    """Round times from 0 to `span` seconds, six at most, and what to write at them."""
    unit, factor = ("ms", 1000) if 0 < span < 1 else ("s", 1)
    whole = span * factor or 1.0
    power = 10.0 ** math.floor(math.log10(whole))
    steps = (power / 5, power / 2, power, 2 * power)
    step = next(step for step in steps if whole <= 5 * step or step is steps[-1])
    count = math.floor(span * factor / step + 1e-9) + 1
    return [(n * step / factor, f"{n * step:.12g} {unit}") for n in range(count)]
