"""Controls over a plain function of the cell, each position answered by a live run."""

import contextlib
import io
import os
import time
from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

from sockutils.practice.controls import Control, Place, control

# Red on white has enough contrast in Jupyter's light and dark themes alike.
ALERT = '<p role="alert" style="color:#b71c1c;background:#fff;padding:.3em">{}</p>'
# Positions, and the seconds for all, up to which they are run beforehand. Where outputs are made to
# be stored there is more time: what is stored moves for everybody who reads it without a kernel.
FEW, SECONDS = 100, float(os.environ.get("SOCKUTILS_PANEL_SECONDS", 4))

Bundle = dict[str, Any]  # by MIME type


class Shown(NamedTuple):
    """A result as HTML and as text."""

    html: str
    text: str

    def _repr_html_(self) -> str:
        return self.html


class Panel:
    """A function and its controls, and what it has answered so far."""

    def __init__(self, function: Callable[..., object], controls: dict[str, Control]) -> None:
        self.function = function
        self.controls = controls
        self.start = tuple(each.start for each in controls.values())
        self.answers = {self.start: run(function, self._values(self.start), (NameError,))}
        self.whole = self._run_beforehand()

    def _run_beforehand(self) -> bool:
        """Run all positions, in no order, so that soon the first tell how long all will take."""
        from random import Random  # slow to load

        places = list(product(*(range(len(each.values)) for each in self.controls.values())))
        if len(places) > FEW:
            return False
        Random(0).shuffle(places)
        answers, begin = {}, time.monotonic()
        for done, place in enumerate(places, 1):
            answers[place] = run(self.function, self._values(place))
            taken = time.monotonic() - begin
            if taken > SECONDS / 8 and taken / done * len(places) > SECONDS:
                return False
        self.answers = answers | self.answers
        return True

    def _values(self, place: Place) -> Bundle:
        each = zip(self.controls.items(), place, strict=True)
        return {name: control.values[number] for (name, control), number in each}

    def at(self, place: Place) -> Shown:
        """Run the function there."""
        return run(self.function, self._values(place))

    def __repr__(self) -> str:
        names = ", ".join(map(repr, self.controls.values()))
        return f"panel: {names}\n{self.answers[self.start].text}"

    def _repr_html_(self) -> str:
        from sockutils.practice.panel_page import html

        found = {place: shown.html for place, shown in self.answers.items()}
        every = found if self.whole else None
        return html(key(self), self.controls.values(), found[self.start], every)


PANELS: dict[str, Panel] = {}  # by their keys


def panel(function: Callable[..., object], /, **controls: Any) -> Panel:
    """Call function with the values of the controls, now and at every change, and show its result.

    A control is a range `(0, 8)`, `(0, 200, 20)`, a list of choices or a bool; it starts at the
    argument's default. What the function prints stands under its result; what it raises takes the
    place of the result. An argument's annotation, if it is a text, is its unit.

    Up to 100 positions that take no more than 4 seconds are all run at once, and answer without
    the kernel. Others run when a control is released; of those wanted meanwhile, only the last.
    ValueError if a default is not among its control's values; NameError as the function raises it,
    since then another cell has to be run first.
    """
    made = Panel(function, {name: control(function, name, controls[name]) for name in controls})
    PANELS[key(made)] = made
    return made


def key(panel: Panel) -> str:
    """Return a name that the same function with the same controls has in every kernel."""
    from hashlib import sha256
    from inspect import getsource

    text = getsource(panel.function) + repr(panel.controls)
    return sha256(text.encode()).hexdigest()[:16]


def answer(key: str, place: list[int] | None) -> Shown | None:
    """Run a panel's function for its page, or for no place only tell that it can be run here.

    None if this kernel has not run the panel's cell.
    """
    found = PANELS.get(key)
    if found is None or place is None:
        return None if found is None else Shown("", "")
    return found.at(tuple(place))


def run(
    function: Callable[..., object], values: Bundle, passed: tuple[type[Exception], ...] = ()
) -> Shown:
    import html

    from IPython.core.formatters import DisplayFormatter

    formatter: Any = DisplayFormatter()
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            result = function(**values)
        data, _ = ({}, {}) if result is None else formatter.format(result)
        text = data.get("text/plain", "")
        shown = data.get("text/html", preformatted(text))
    except passed:
        raise
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        shown = ALERT.format(html.escape(text))
    below = printed.getvalue()
    return Shown(shown + preformatted(below), f"{text}\n{below}".strip("\n"))


def preformatted(text: str) -> str:
    import html

    return f"<pre>{html.escape(text)}</pre>" if text else ""
