"""What many calls cost to draw and to tell, next to few, in seconds of the processor."""

import socket
from collections.abc import Callable
from statistics import median
from time import process_time

from sockutils.calls.call import Calls
from sockutils.calls.lanes import timeline
from sockutils.calls.trace import trace

ROUNDS = 15
FEW, MANY = 60, 1000
LONG = 10_000


def traced(count: int) -> Calls:
    with trace() as calls:
        one, other = socket.socketpair()  # two calls, and two that close
        with one, other:
            for _ in range((count - 4) // 2):
                one.send(b"0123456789abcdef")
                other.recv(100)
    return calls


def seconds(call: Callable[[], object]) -> float:
    start = process_time()
    call()
    return process_time() - start


def rows() -> list[tuple[str, float, str]]:
    """Return (what, ratio of the medians, target), all measured by turns."""
    few, many, long = traced(FEW), traced(MANY), traced(LONG)
    times: dict[str, list[float]] = {name: [] for name in ("few", "many", "short", "long")}
    for _ in range(ROUNDS):
        times["few"].append(seconds(lambda: timeline(few)))
        times["many"].append(seconds(lambda: timeline(many)))
        times["short"].append(seconds(lambda: repr(many)))
        times["long"].append(seconds(lambda: repr(long)))
    taken = {name: median(found) for name, found in times.items()}
    drawn = f"timeline() of {MANY:,} calls / of {FEW}, {1000 * taken['few']:.0f} ms"
    told = f"text of {LONG:,} calls / ten times that of {MANY:,}"
    return [
        (drawn, taken["many"] / taken["few"], "≤ 1.5"),
        (told, taken["long"] / taken["short"] / (LONG / MANY), "≤ 1.5"),
    ]
