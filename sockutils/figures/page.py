"""A picture in a page: an image anywhere, and where scripts run, a drawing that answers."""

import re
from functools import cache
from html import escape
from pathlib import Path

from sockutils.figures.colours import themes

HERE = Path(__file__).parent


def html(svg: str, alt: str) -> str:
    """Return an image with this alternative text, and the script that puts the drawing itself in
    its place.

    Where no script may run (GitHub, an untrusted notebook), the image stays. Each output has to
    work alone, so each has the script; that of a picture without items is shorter.
    """
    import base64

    data = base64.b64encode(svg.encode()).decode()
    image = f'<img alt="{escape(alt)}" src="data:image/svg+xml;base64,{data}"'
    code = script("page", "play") if 'class="i"' in svg else script("page")
    return f'<div class="sk">{image} style="max-width:100%"><script>{code}</script></div>'


@cache
def script(*names: str) -> str:
    """Return the scripts as one that leaves no names."""
    text = short("\n".join((HERE / f"{name}.js").read_text() for name in names))
    return f"(() => {{\n{text.replace('THEMES', themes())}}})()"


def short(text: str) -> str:
    """Return a script without its comments and its indentation."""
    text = re.sub(r"^ +|^//.*\n|^\n| +//.*", "", text, flags=re.MULTILINE)
    return re.sub(r"(?<=[{(,;])\n|\n(?=[})\].?:&])", "", text)  # where a line goes on
