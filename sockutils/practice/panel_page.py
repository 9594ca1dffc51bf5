"""A panel as HTML: a still picture anywhere, and where scripts run, controls that move it."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from sockutils.figures.colours import IN_DARK
from sockutils.figures.page import short
from sockutils.practice.controls import Control, Place

HERE = Path(__file__).parent
NOTE = "To move it, run this cell in JupyterLab."


def html(
    key: str, controls: Iterable[Control], still: str, answers: Mapping[Place, str] | None
) -> str:
    """Return the result of the first position, and the script that adds the controls.

    Where no script may run the result stays, with a line that says how to move it. With the answers
    of all positions it needs no kernel.
    """
    about = {
        "key": key,
        "controls": [each.page() for each in controls],
        "answers": packed(answers) if answers else "",
    }
    # In a script, "<" might begin its end.
    data = json.dumps(about, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return (
        f'<div class="sk-panel"><div class="sk-result">{still}</div>'
        f'<p class="sk-note">{NOTE}</p><script>(() => {{\nconst panel = {data}\n'
        f"{script()}}})()</script></div>"
    )


def packed(answers: Mapping[Place, str]) -> str:
    """Return the answers as JSON, compressed, since the pictures are alike."""
    import base64
    import zlib

    named = {",".join(map(str, place)): html for place, html in answers.items()}
    text = json.dumps(named, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


@cache
def script() -> str:
    dark = ",".join(f"{place} .sk-panel" for place in IN_DARK)
    return short((HERE / "panel.js").read_text().replace("IN_DARK", dark))
