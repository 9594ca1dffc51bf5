"""Controls over a plain function of the cell, each value answered by a live run."""

import contextlib
import html
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import Parameter, signature
from typing import Any

# Red on white has enough contrast in Jupyter's light and dark themes alike.
ALERT = '<p role="alert" style="color:#b71c1c;background:#fff;padding:.3em">{}</p>'

# ipywidgets gives the handle of a slider no name, so a screen reader says only "slider". Its label
# is the name; an animation starts when the panel is on the page, and no other event tells that.
NAMES = """<style>@keyframes sockutils-shown {} .sockutils-panel img { max-width: 100% }</style>
<span style="animation: sockutils-shown 1ms" onanimationstart="
  for (const slider of this.closest('.sockutils-panel').querySelectorAll('.widget-slider'))
    slider.querySelector('[role=slider]').ariaLabel = slider.querySelector('label').textContent
"></span>"""


@dataclass(frozen=True, repr=False)
class View:
    """Widgets as a cell's output: alive in Jupyter, text (and a still picture) anywhere else.

    The text is the same on every run; nbval compares it and ignores the widgets.
    """

    widget: Any
    still: dict[str, Any]  # by MIME type, text/plain among them
    about: dict[str, Any] = field(default_factory=dict)  # IPython's metadata: {"image/png": …}

    def __repr__(self) -> str:
        return str(self.still["text/plain"])

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        return self.widget._repr_mimebundle_() | self.still, self.about


def panel(function: Callable[..., object], /, **controls: Any) -> View:
    """Call function with the values of the controls, now and at every change, and show its result.

    A control is a range `(0, 8)`, a list of choices, a bool, or any ipywidgets widget, labelled by
    its keyword. It starts at the function's default for that argument, else in the middle. A slider
    runs the function when it is released, not on the way: each run is a real experiment. What the
    function prints stands under its result; what it raises takes the result's place until the next
    good value.
    """
    from ipywidgets import HTML, VBox  # type: ignore[import-untyped]

    widgets = {name: control(function, name, given) for name, given in controls.items()}
    picture = HTML()

    def draw(_: object = None) -> tuple[dict[str, Any], dict[str, Any]]:
        data, about = run(function, {name: widget.value for name, widget in widgets.items()})
        picture.value = data["text/html"]  # in one go, so nothing flickers
        return data, about

    for widget in widgets.values():
        widget.observe(draw, "value")
    data, about = draw()
    controls_text = ", ".join(map(described, widgets.values()))
    still = {"text/plain": f"panel: {controls_text}\n{data['text/plain']}"}
    if "image/png" in data:
        still["image/png"] = data["image/png"]
    names = HTML(NAMES, layout={"height": "0", "margin": "0"})
    box = VBox([*widgets.values(), names, picture])
    box.add_class("sockutils-panel")
    return View(box, still, about)


def control(function: Callable[..., object], name: str, given: Any) -> Any:
    from ipywidgets import interactive

    parameter = signature(function).parameters.get(name)
    widget = interactive.widget_from_abbrev(
        given, parameter.default if parameter else Parameter.empty
    )
    if widget is None:
        raise TypeError(f"{name}={given!r} is no control: give a range, a list, a bool or a widget")
    widget.description = widget.description or name.replace("_", " ")
    widget.style.description_width = "initial"  # the default cuts labels off after 10 letters
    if given is not widget and widget.has_trait("continuous_update"):
        widget.continuous_update = False
    return widget


def run(
    function: Callable[..., object], values: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    from IPython.core.formatters import DisplayFormatter

    formatter: Any = DisplayFormatter()
    printed = io.StringIO()
    data: dict[str, Any] = {}
    about: dict[str, Any] = {}
    try:
        with contextlib.redirect_stdout(printed):
            result = function(**values)
        if result is not None:
            data, about = formatter.format(result)
    except Exception as error:
        data = {"text/plain": f"{type(error).__name__}: {error}"}
        data["text/html"] = ALERT.format(html.escape(data["text/plain"]))
    text = data.get("text/plain", "")
    shown = data.get("text/html", preformatted(text)) + preformatted(printed.getvalue())
    texts = (text, printed.getvalue().rstrip())
    return data | {"text/html": shown, "text/plain": "\n".join(filter(None, texts))}, about


def preformatted(text: str) -> str:
    return f"<pre>{html.escape(text)}</pre>" if text else ""


def described(widget: Any) -> str:
    if hasattr(widget, "options"):
        labels = [str(each[0] if isinstance(each, tuple) else each) for each in widget.options]
        return f"{widget.description} {' / '.join(labels)} ({widget.label})"
    if hasattr(widget, "min") and hasattr(widget, "max"):
        return f"{widget.description} {widget.min}…{widget.max} ({widget.value})"
    return f"{widget.description} ({widget.value})"
