"""The workbench in a page: a widget that shows snapshots and sends clicks."""

from functools import cache
from pathlib import Path
from typing import Any

from sockutils.figures.colours import LIGHT, themes, variables
from sockutils.workbench.session import Session

HERE = Path(__file__).parent
ROOT = ".sockutils-workbench"
PARTS = ["words", "program", "picture", "table", "bar", "view"]

# Beside a living widget the picture is not needed; where the widget is only an error, it is.
STILL = """<div class="sockutils-still">{}<script>(() => {{
const mine = document.currentScript.closest('.jp-OutputArea-child')
const before = mine?.previousElementSibling
if (!before) return
const look = () => {{
const alive = before.querySelector('.sockutils-workbench')
const dead = /model not found|Error/.test(before.textContent) && !alive
mine.style.display = alive ? 'none' : ''
before.style.display = dead ? 'none' : ''
}}
new MutationObserver(look).observe(before, {{ childList: true, subtree: true }})
look()
}})()</script><p><b>To use the workbench, run this cell.</b></p></div>"""


def widget(session: Session) -> Any:
    """Return a widget for a session, which publishes through it from now on."""
    import anywidget
    import traitlets

    class WorkbenchWidget(anywidget.AnyWidget):
        _esm = script()
        _css = style()
        snapshot = traitlets.Dict().tag(sync=True)

    view = WorkbenchWidget(snapshot=session.snapshot())

    def publish(snapshot: dict[str, Any]) -> None:
        view.snapshot = snapshot

    session.publish = publish
    view.on_msg(lambda _, message, buffers: session.handle(message))
    return view


@cache
def script() -> str:
    """The module of JavaScript: its parts in one text, since a widget has one."""
    return "\n".join((HERE / "page" / f"{part}.js").read_text() for part in PARTS)


@cache
def style() -> str:
    """The style, with the colours of the themes."""
    own = themes().replace("svg.sk", ROOT)
    light = f"{ROOT}{{{variables(LIGHT)}}}"
    return "\n".join([light, themes(), own, (HERE / "page" / "view.css").read_text()])


def still(picture: str) -> str:
    """A picture with what to do, which gives way to a living widget in the output before it."""
    return STILL.format(picture)
