"""Controls over a plain function of the cell, each value answered by a live run."""

import contextlib
import io
from collections.abc import Callable
from typing import Any, NamedTuple

# Red on white has enough contrast in Jupyter's light and dark themes alike.
ALERT = '<p role="alert" style="color:#b71c1c;background:#fff;padding:.3em">{}</p>'

# ipywidgets gives the handle of a slider no name, so a screen reader says only "slider". Its label
# is the name. JupyterLab takes the arrow keys from a list of choices. A script that comes with a
# result does not run by itself; before the next frame is painted it has run here. An animation
# starts when the panel is on the page, and no other event tells that.
NAMES = """<style>@keyframes sockutils-shown {} .sockutils-panel img { max-width: 100% }</style>
<span style="animation: sockutils-shown 1ms" onanimationstart="
  const panel = this.closest('.sockutils-panel')
  for (const slider of panel.querySelectorAll('.widget-slider'))
    slider.querySelector('[role=slider]').ariaLabel = slider.querySelector('label').textContent
  for (const choice of panel.querySelectorAll('select'))
    choice.dataset.lmSuppressShortcuts = true
  const result = panel.lastElementChild
  const run = () => result.querySelectorAll('script').forEach(script => {
    const live = Object.assign(document.createElement('script'), { text: script.text })
    script.replaceWith(live)
    live.remove()
  })
  new MutationObserver(run).observe(result, { childList: true, subtree: true })
  run()
"></span>"""

Bundle = dict[str, Any]  # by MIME type


class View(NamedTuple):
    """Widgets as a cell's output: alive in Jupyter, text (and a still picture) anywhere else."""

    widget: Any
    still: Bundle
    about: Bundle  # IPython's metadata: {"image/png": {"alt": …}}

    def __repr__(self) -> str:
        return str(self.still["text/plain"])

    def _repr_mimebundle_(self, **_: object) -> tuple[Bundle, Bundle]:
        return self.widget._repr_mimebundle_() | self.still, self.about


def panel(function: Callable[..., object], /, **controls: Any) -> View:
    """Call function with the values of the controls, now and at every change, and show its result.

    A control is a range `(0, 8)`, a list of choices or a bool; it starts at the argument's default.
    A slider runs the function when it is released. What the function prints stands under its
    result; what it raises takes the place of the result.
    """
    from ipywidgets import HTML, VBox  # type: ignore[import-untyped]

    widgets = {name: control(function, name, given) for name, given in controls.items()}
    picture = HTML()

    def draw(_: object = None) -> tuple[Bundle, Bundle]:
        values = {name: widget.value for name, widget in widgets.items()}
        data, about, shown = run(function, values)
        picture.value = shown  # in one go, so nothing flickers
        return data, about

    still, about = draw()
    longest = max((len(widget.description) for widget in widgets.values()), default=0)
    for widget in widgets.values():
        widget.style.description_width = f"{longest + 1}ch"  # the default cuts off after 10 letters
        widget.observe(draw, "value")
    still["text/plain"] = f"panel: {', '.join(map(told, widgets.values()))}\n{still['text/plain']}"
    box = VBox([*widgets.values(), HTML(NAMES, layout={"height": "0", "margin": "0"}), picture])
    box.add_class("sockutils-panel")
    return View(box, still, about)


def control(function: Callable[..., object], name: str, given: Any) -> Any:
    from inspect import signature

    from ipywidgets import interactive

    widget = interactive.widget_from_abbrev(given, signature(function).parameters[name].default)
    widget.description = name.replace("_", " ")
    widget.continuous_update = False  # of a slider; others ignore it
    return widget


def run(function: Callable[..., object], values: Bundle) -> tuple[Bundle, Bundle, str]:
    import html

    from IPython.core.formatters import DisplayFormatter

    formatter: Any = DisplayFormatter()
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            result = function(**values)
        data, about = ({}, {}) if result is None else formatter.format(result)
        shown = data.get("text/html", preformatted(data.get("text/plain", "")))
    except Exception as error:
        raised = f"{type(error).__name__}: {error}"
        data, about, shown = {"text/plain": raised}, {}, ALERT.format(html.escape(raised))
    text, below = data.get("text/plain", ""), printed.getvalue()
    whole = data | {"text/plain": f"{text}\n{below}".strip("\n")}
    return whole, about, shown + preformatted(below)


def preformatted(text: str) -> str:
    import html

    return f"<pre>{html.escape(text)}</pre>" if text else ""


def told(widget: Any) -> str:
    if hasattr(widget, "options"):
        return f"{widget.description} {' / '.join(map(str, widget.options))} ({widget.value})"
    extent = f" {widget.min}…{widget.max}" if hasattr(widget, "min") else ""
    return f"{widget.description}{extent} ({widget.value})"
