"""How long one wait takes: select(), poll() and epoll_wait() with idle descriptors."""

from collections.abc import Callable, Mapping, Sequence
from statistics import linear_regression
from time import perf_counter_ns
from typing import Any

from sockutils.libc import ffi

MANY = 100  # below it the cost of a call itself is most of the time
# How often a call is timed; nanoseconds, of several slices of the processor's time.
LEAST, MOST, BUDGET = 30, 10_000, 20_000_000
TURNS = 5
Costs = Mapping[int, Mapping[str, float]]  # descriptors → call → microseconds


class Set:
    """An fd_set of C's that is as large as these descriptors need."""

    def __init__(self, numbers: Sequence[int]) -> None:
        bits = 8 * ffi.sizeof("long")
        size = max(numbers) // bits + 1
        self._words = ffi.new("unsigned long[]", size)
        self._copy = ffi.new("unsigned long[]", size)
        for number in numbers:
            self._words[number // bits] |= 1 << number % bits

    def copy(self) -> Any:
        """A copy for select() to change."""
        ffi.memmove(self._copy, self._words, ffi.sizeof(self._words))
        return self._copy


def shortest(call: Callable[[], object]) -> float:
    """The shortest time of many calls, in microseconds: other programs disturb some of them."""
    taken: list[int] = []
    while len(taken) < LEAST or (len(taken) < MOST and sum(taken) < BUDGET):
        start = perf_counter_ns()
        call()
        taken.append(perf_counter_ns() - start)
    return min(taken) / 1000


def ratio(call: Callable[[], object], other: Callable[[], object]) -> float:
    """How many times as long `call` takes as `other`: the shortest times, measured in turns."""
    times = [(shortest(call), shortest(other)) for _ in range(TURNS)]
    return min(one for one, _ in times) / min(two for _, two in times)


def slope(costs: Costs, call: str) -> float:
    """The slope of the line through the times on log axes, from a hundred descriptors on."""
    from math import log

    large = [number for number in costs if number >= MANY]
    large = large if len(large) > 1 else sorted(costs)[-2:]  # a low limit of descriptors
    logs = [log(number) for number in large], [log(costs[number][call]) for number in large]
    return linear_regression(*logs).slope
