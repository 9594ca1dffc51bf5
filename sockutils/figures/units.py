"""Numbers with their units, as people say them: three digits, and no power of ten."""

import math

UNITS = (("µs", 1e6), ("ms", 1e3), ("s", 1.0))


def seconds(value: float) -> str:
    """Return a time of so many seconds with three digits, in the unit that fits: ``7.01 ms``."""
    if value == 0:
        return "0 s"
    for unit, factor in UNITS:
        number = float(f"{value * factor:.3g}")
        if number < 1000:
            break
    places = max(0, 2 - math.floor(math.log10(number)))
    return f"{number:,.{places}f} {unit}"
