"""A panel as HTML: a still picture anywhere, and where scripts run, controls that move it."""

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sockutils.figures.colours import IN_DARK
from sockutils.figures.page import short

if TYPE_CHECKING:
    from sockutils.practice.panel import Panel

HERE = Path(__file__).parent
NOTE = "To move it, run this cell in JupyterLab."


def html(panel: "Panel", key: str) -> str:
    """Return the result of the first position, and the script that adds the controls.

    Where no script may run the result stays, with a line that says how to move it.
    """
    still = panel.answers[panel.start].html
    about = {
        "key": key,
        "controls": [each.page() for each in panel.controls.values()],
        "whole": panel.whole,
        "answers": packed(panel),
    }
    # In a script, "<" might begin its end.
    data = json.dumps(about, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return (
        f'<div class="sk-panel"><div class="sk-result">{still}</div>'
        f'<p class="sk-note">{NOTE}</p><script>(() => {{\nconst panel = {data}\n'
        f"{script()}}})()</script></div>"
    )


def packed(panel: "Panel") -> str:
    """Return what was run beforehand, as JSON that is compressed: the pictures are alike."""
    import base64
    import zlib

    found = {",".join(map(str, place)): shown.html for place, shown in panel.answers.items()}
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode() if panel.whole else ""


@cache
def script() -> str:
    dark = ",".join(f"{place} .sk-panel" for place in IN_DARK)
    return short((HERE / "panel.js").read_text().replace("IN_DARK", dark))
