"""A panel's controls: what each is called, and the values that it can have."""

from collections.abc import Callable, Sequence
from math import floor
from typing import Any, NamedTuple

Place = tuple[int, ...]  # of each control, where among its values it stands
LABELS = 12  # of a slider's values, beyond which only round ones are written


class Control(NamedTuple):
    """A name, its values in their order, and where among them it starts.

    The unit is the argument's annotation, if that is a text: `def experiment(delay: "ms" = 50)`.
    """

    name: str
    values: Sequence[Any]
    start: int
    unit: str
    extent: str  # of a range: its ends

    @property
    def kind(self) -> str:
        if self.is_switch():
            return "switch"
        return "slider" if self.is_scale() else "list"

    def is_switch(self) -> bool:
        return self.values[0] is False  # which 0 is not

    def is_scale(self) -> bool:
        """Whether the values are numbers that grow, so that they have their places on a line."""
        numbers = all(isinstance(value, (int, float)) for value in self.values)
        return numbers and list(self.values) == sorted({*self.values})

    def __repr__(self) -> str:
        values = "" if self.is_switch() else f" {self.extent or ' / '.join(map(str, self.values))}"
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.name}{values}{unit} ({self.values[self.start]})"

    def page(self) -> dict[str, Any]:
        """What the page's script needs to show it."""
        return {
            "name": self.name,
            "kind": self.kind,
            "labels": [written(value) for value in self.values],
            "unit": self.unit,
            "start": self.start,
            "ticks": ticks(self.values) if self.is_scale() else [],
        }


def control(function: Callable[..., object], name: str, given: Any) -> Control:
    """Return the control for this argument of the function: see `panel()` for what `given` is."""
    values, extent = values_of(given)
    from inspect import signature  # slow to load

    argument = signature(function).parameters[name]
    usual = values[len(values) // 2 if isinstance(given, tuple) else 0]
    usual = given if isinstance(given, bool) else usual
    start = usual if argument.default is argument.empty else argument.default
    if start not in values:
        raise ValueError(f"{name}={start!r} is not one of its control's values")
    unit = argument.annotation if isinstance(argument.annotation, str) else ""
    return Control(name.replace("_", " "), values, values.index(start), unit, extent)


def values_of(given: Any) -> tuple[list[Any], str]:
    if isinstance(given, bool):
        return [False, True], ""
    if isinstance(given, tuple):
        return spread(*given), f"{given[0]}…{given[1]}"
    return list(given), ""


def spread(low: float, high: float, step: float = 0) -> list[float]:
    """Return the numbers from low to high; a tenth of the way is a step of those with a point."""
    whole = all(isinstance(each, int) for each in (low, high, step))
    step = step or (1 if whole else (high - low) / 10)
    count = floor((high - low) / step + 1e-9) + 1
    return [low + place * step if whole else round(low + place * step, 9) for place in range(count)]


def ticks(values: Sequence[Any]) -> list[int]:
    """Return the places whose values are written: all, or else five or so with round steps."""
    if len(values) <= LABELS:
        return list(range(len(values)))
    whole = values[-1] - values[0]
    steps = (ten * one for ten in (10.0**power for power in range(-6, 12)) for one in (1, 2, 5))
    step = next(step for step in steps if whole <= 5 * step)
    found = [place for place, value in enumerate(values) if is_round(value, step)]
    return [*([0] if values[found[0]] - values[0] >= step / 2 else []), *found]


def is_round(value: float, step: float) -> bool:
    return abs(value / step - round(value / step)) < 1e-6


def written(value: object) -> str:
    """Return a value as the page shows it: 10,000 with its comma."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
