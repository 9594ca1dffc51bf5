"""Pictures of the time that one wait takes."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sockutils.figures.columns import aligned
from sockutils.figures.picture import (
    CLIENT,
    FAINT,
    KERNEL,
    SERVER,
    SIZE,
    Picture,
    canvas,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
from sockutils.figures.units import seconds
from sockutils.lessons.epoll.costs import Costs, slope

CALLS = {"select": (SERVER, "s", "--"), "poll": (CLIENT, "o", ":"), "epoll": (KERNEL, "D", "-")}


def draw_costs(costs: Costs) -> Picture:
    """Draw the time of one wait against the number of idle descriptors, on log axes."""
    figure, axes = canvas(height=5.5)
    numbers = list(costs)
    slopes = {call: slope(costs, call) for call in CALLS if call in costs[numbers[0]]}
    for call in slopes:
        colour, marker, line = CALLS[call]
        times = [costs[number][call] for number in numbers]
        axes.loglog(numbers, times, line, marker=marker, color=colour, linewidth=3, markersize=10)
    low, high = axes.get_ylim()
    _name_ends(axes, costs, slopes, (high / low) ** 0.085)
    axes.set_ylim(low, high * 2)
    axes.set_xlim(numbers[0] / 1.3, numbers[-1] * 12)
    axes.set_xticks(numbers, [f"{number:,}" for number in numbers])
    axes.tick_params(which="minor", length=0)
    axes.minorticks_off()
    axes.set_xlabel("idle descriptors")
    axes.set_ylabel("µs for one wait")
    axes.grid(color=FAINT)
    first, last = numbers[0], numbers[-1]
    lines = []
    for call in slopes:
        factor = costs[last][call] / costs[first][call]
        grown = f"{factor:.0f} times its time with {first}"
        lines.append([call, f"slope {tenths(slopes[call])}", f"with {last:,}: {grown}"])
    return Picture(figure, aligned(lines))


def tenths(value: float) -> str:
    return f"{round(value, 1) + 0:.1f}"  # no -0.0


def _name_ends(axes: "Axes", costs: Costs, slopes: Mapping[str, float], gap: float) -> None:
    """Write the names at the right ends of the lines, at least so far apart."""
    last = max(costs)
    place = 0.0
    for call in sorted(slopes, key=lambda call: costs[last][call]):
        place = max(costs[last][call], place * gap)
        words = f"{call}: slope {tenths(slopes[call])}"
        style: dict[str, Any] = {
            "color": CALLS[call][0],
            "fontsize": SIZE,
            "weight": "bold",
            "va": "center",
        }
        axes.text(last * 1.25, place, words, **style)


AXIS = (0.3, 30_000)  # microseconds
GROWN = ((50, "more than 50 times"), (3, "more than 3 times"))


def grown(before: float, after: float) -> str:
    """In words, how many times as long."""
    return next((words for least, words in GROWN if after > least * before), "about as long")


def draw_wait(costs: Costs) -> Picture:
    """Draw the times for a few and for many descriptors, two marks for each call."""
    figure, axes = canvas(height=4.5)
    few, many = costs
    places = {call: len(CALLS) - 1 - index for index, call in enumerate(CALLS)}
    lines = [["", f"{many:,} idle descriptors take"]]
    for call, (colour, marker, _) in CALLS.items():
        before, after = costs[few][call], costs[many][call]
        place = places[call]
        axes.plot([before, after], [place, place], color=colour, linewidth=3)
        axes.plot(before, place, "o", markerfacecolor="white", color=colour, markersize=14)
        axes.plot(after, place, marker, color=colour, markersize=12)
        far = after > 4 * before  # else it would stand on the other number
        for micro, above in ((before, True), (after, far)):
            y = place + (0.22 if above else -0.42)
            axes.text(micro, y, seconds(micro / 1e6), fontsize=SIZE, ha="center")
        words = grown(before, after)
        lines.append(
            [call, f"{words} what {few} take" if "times" in words else f"{words} as {few}"]
        )
    axes.set_xscale("log")
    slowest = max(max(times.values()) for times in costs.values())
    axes.set_xlim(AXIS[0], max(AXIS[1], slowest * 4))  # one axis for every position of the panel
    marks = [10.0**power for power in range(6) if 10**power < axes.get_xlim()[1]]
    axes.set_xticks(marks, [re.sub(r"\.0+", "", seconds(micro / 1e6)) for micro in marks])
    axes.minorticks_off()
    axes.set_ylim(-0.6, len(CALLS) - 0.4)
    axes.set_yticks(list(places.values()), list(places))
    title = f"hollow: {few} idle descriptors; filled: {many:,}"
    axes.set_title(title, fontsize=SIZE, weight="bold", loc="left")
    axes.set_xlabel("for one wait")
    return Picture(figure, aligned(lines))
