"""Numbers with their units, as people say them: three digits, and no power of ten."""

import math

UNITS = (("µs", 1e6), ("ms", 1e3), ("s", 1.0))


def seconds(value: float) -> str:
    """Return a time of so many seconds with three digits, in the unit that fits: ``7.01 ms``."""
    if value == 0:
        return "0 s"
    numbers = [(float(f"{value * factor:.3g}"), unit) for unit, factor in UNITS]
    number, unit = next(((each, unit) for each, unit in numbers if each < 1000), numbers[-1])
    places = max(0, 2 - math.floor(math.log10(number)))
    return f"{number:,.{places}f} {unit}"
