"""What idle descriptors cost one wait: select, poll and epoll with 10 and with 10,000 of them."""

import resource
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from select import EPOLLIN, POLLIN, epoll, poll
from statistics import median
from typing import Any

from sockutils.lessons.epoll import Set, shortest
from sockutils.libc import ffi, libc

FEW = 10
MANY = 10_000
SPARE = 100  # descriptors for all the rest
ROUNDS = 9  # of many waits each, of which the shortest counts
TARGETS = {"select": "none", "poll": "none", "epoll": "≤ 1.5 times"}


@contextmanager
def crowd(number: int) -> Iterator[list[int]]:
    """A readable socket, then so many idle ones, or fewer if the hard limit allows no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY:
        number = min(number, hard - SPARE)
    try:
        with ExitStack() as opened:
            ends: list[socket.socket] = []
            while len(ends) < number + 2:
                ends += map(opened.enter_context, socket.socketpair())
            ends[1].send(b"!")
            yield [end.fileno() for end in (ends[0], *ends[2:])]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def through_libc(highest: int, asked: Set, at_once: Any) -> int:
    ready: int = libc.select(highest + 1, asked.copy(), ffi.NULL, ffi.NULL, at_once)
    return ready


def waits(opened: ExitStack, numbers: Sequence[int]) -> dict[str, Callable[[], Any]]:
    """The three calls for these descriptors, each ready to be made."""
    instance, poller = opened.enter_context(epoll()), poll()
    for number in numbers:
        instance.register(number, EPOLLIN)
        poller.register(number, POLLIN)
    at_once = ffi.new("long[2]")  # struct timeval: no seconds, no microseconds
    return {
        "select": partial(through_libc, max(numbers), Set(numbers), at_once),
        "poll": partial(poller.poll, 0),
        "epoll": partial(instance.poll, 0),
    }


def rows() -> list[tuple[str, float, str]]:
    """Return (what, ratio of the medians, target) for each call, all measured by turns."""
    ffi.cdef("int select(int, void *, void *, void *, void *);", override=True)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in TARGETS}
    with crowd(MANY) as numbers, ExitStack() as opened:
        few, many = waits(opened, numbers[: FEW + 1]), waits(opened, numbers)
        for _ in range(ROUNDS):
            for name, taken in times.items():
                taken.append((shortest(few[name]), shortest(many[name])))
    size = len(numbers) - 1
    fewer = "" if size == MANY else f" (the limit of descriptors allows no {MANY:,})"
    found = []
    for name, target in TARGETS.items():
        alone, among = map(median, zip(*times[name], strict=True))
        what = f"{name} among {size:,} idle{fewer}, {among:.1f} µs / {FEW}, {alone:.1f} µs"
        found.append((what, among / alone, target))
    return found


if __name__ == "__main__":
    for name, ratio, target in rows():
        print(f"{name:<85} {ratio:6.2f}   target {target}")
