"""A figure of matplotlib as SVG: its text stays text, its colours are the theme's."""

import io
import re
from html import escape
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from sockutils.figures.colours import LIGHT
from sockutils.figures.svg import WIDE, document

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NO_METADATA = dict.fromkeys(["Creator", "Date", "Format", "Type"])
# White text is on something filled; any other white hides what is behind it.
NAMES = {LIGHT[name]: name for name in ("client", "server", "kernel", "other", "faint")}
NAMES |= {"#000000": "ink", "#ffffff": "ground"}

COLOUR = re.compile(r"#[0-9a-f]{6}\b")
NUMBER = re.compile(r"-?\d+\.\d+")
FONT = re.compile(r"font: (?:(\w+) )?([\d.]+)px [^;]*")
UPRIGHT = re.compile(r"rotate\(-?0 .*\)")
INVISIBLE = {"fill: none", "fill: none; opacity: 0"}
HREF = "{http://www.w3.org/1999/xlink}href"


def of_figure(figure: "Figure") -> str:
    """Return the figure as an SVG document without random parts, as wide as any picture."""
    from matplotlib import rc_context

    file = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "sockutils"}):
        figure.savefig(file, format="svg", metadata=NO_METADATA, transparent=True)
    root = ElementTree.fromstring(file.getvalue())
    names = _names(root)
    body = "".join(_written(part, names) for part in root)
    wide, high = figure.get_size_inches() * 72  # points, its unit
    lines = ' stroke-linejoin="round" stroke-linecap="butt"'
    return document(body, (wide, high), (WIDE, WIDE * high / wide), lines)


def _names(root: ElementTree.Element) -> dict[str, str]:
    """What is referred to, by a short name; a page prefixes it, so that pictures share none."""
    text = "".join(" ".join(part.attrib.values()) for part in root.iter())
    found = [part.get("id", "") for part in root.iter()]
    used = [name for name in found if f"#{name}" in text and name]
    return {name: f"sk{place}" for place, name in enumerate(used)}


def _written(part: ElementTree.Element, names: dict[str, str]) -> str:
    tag = part.tag.partition("}")[2]
    if tag in ("metadata", "style") or part.get("style") in INVISIBLE:
        return ""
    attributes = "".join(
        f' {name.replace(HREF, "xlink:href")}="{escape(value)}"'
        for name, old in part.attrib.items()
        if (value := _value(tag, name, old, names))
    )
    inside = escape((part.text or "").strip(), quote=False)
    inside += "".join(_written(each, names) for each in part)
    if tag in ("g", "defs") and (not inside or (tag == "g" and not attributes)):
        return inside
    return f"<{tag}{attributes}>{inside}</{tag}>" if inside else f"<{tag}{attributes}/>"


def _value(tag: str, name: str, value: str, names: dict[str, str]) -> str:
    if name == "id":
        return names.get(value, "")
    if name == "style":
        white = "on" if tag == "text" else "ground"
        return COLOUR.sub(lambda found: _colour(found[0], white), _font(value))
    if "#" in value:  # what it refers to
        return re.sub(r"#(\w+)", lambda found: f"#{names[found[1]]}", value)
    if name == "transform" and UPRIGHT.fullmatch(value):
        return ""
    return " ".join(NUMBER.sub(_rounded, value).split())


def _font(style: str) -> str:
    parts = [part for part in style.split("; ") if not part.startswith("font-family")]
    return ";".join(FONT.sub(_size, part).replace(": ", ":") for part in parts)


def _size(found: re.Match[str]) -> str:
    return f"font-size:{found[2]}px" + (f";font-weight:{found[1]}" if found[1] else "")


def _colour(colour: str, white: str) -> str:
    name = white if colour == "#ffffff" else NAMES.get(colour)
    return f"var(--{name})" if name else colour


def _rounded(found: re.Match[str]) -> str:
    return f"{float(found[0]):.2f}".rstrip("0").rstrip(".")
