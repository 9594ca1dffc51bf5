"""How long clients that think wait for one another, with its picture."""

import select
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from itertools import pairwise
from typing import NamedTuple

from sockutils.figures.picture import KERNEL, SERVER, SIZE, Picture, canvas
from sockutils.figures.units import seconds as time_of
from sockutils.lessons.server.clients import Address, ask
from sockutils.peers.peer import background

Numbers = Mapping[str, float]  # of each design
AXIS = 1.0  # seconds: what the panel's slowest position takes, so that all have one axis


class Visit(NamedTuple):
    seconds: float  # until all are served
    together: bool  # whether one was served before another had left


def visit(address: Address, clients: int, think: float) -> Visit:
    """So many clients with three lines each, and a pause between two."""
    talks: list[tuple[float, float]] = []  # of each client, from the first answer to the last
    here = threading.Barrier(clients, timeout=10)

    def client() -> None:
        with socket.create_connection(address, 10) as end:
            here.wait()
            ask(end, b"one")
            begin = time.monotonic()
            for line in (b"two", b"three"):
                select.select([], [], [], think)
                ask(end, line)
            talks.append((begin, time.monotonic()))

    start = time.monotonic()
    with ExitStack() as stack:
        for _ in range(clients):
            stack.enter_context(background(client, patience=10))
    seconds = time.monotonic() - start
    return Visit(seconds, any(two[0] < one[1] for one, two in pairwise(sorted(talks))))


def draw_waiting(visits: Mapping[str, Visit], clients: int, think: int) -> Picture:
    """Draw how long it took each design to serve all; the text says who waited for whom."""

    def order(together: bool) -> str:
        if clients == 1 or not think:
            return "nobody waits for another's thoughts"
        return "all at once" if together else "one after the other"

    many = f"{clients} clients" if clients > 1 else "1 client"
    title = f"{many}, 3 lines each, {think} ms to think between two"
    seconds = {name: found.seconds for name, found in visits.items()}
    orders = {name: order(found.together) for name, found in visits.items()}
    unit = "seconds until all are served (dashed: all that is thought, added up)"
    thought = clients * 2 * think / 1000
    return bars(title, seconds, orders, time_of, unit, thought, AXIS)


def draw_rates(rates: Numbers) -> Picture:
    """Draw how many requests a second each design has answered."""
    title = "8 clients, each asks again when it has its answer"
    words = {name: f"{rate:,.0f}" for name, rate in rates.items()}
    return bars(title, rates, words, "{:,.0f}".format, "requests per second")


def bars(
    title: str,
    values: Numbers,
    words: Mapping[str, str],
    written: Callable[[float], str],
    unit: str,
    line: float = 0,
    least: float = 0,
) -> Picture:
    """Bars with their values, an axis at least so long, and what the text says of each."""
    figure, axes = canvas(height=1.6 + 0.6 * len(values))
    drawn = axes.barh([*values], [*values.values()], color=KERNEL, height=0.62)
    axes.bar_label(drawn, [written(value) for value in values.values()], padding=6, fontsize=SIZE)
    axes.invert_yaxis()
    if line:
        axes.axvline(line, color=SERVER, linestyle="--", linewidth=2, zorder=0)
    axes.set(xlim=(0, max(line, least, *values.values()) * 1.25), xlabel=unit)
    axes.set_title(title, fontsize=SIZE, loc="left", color=SERVER)
    return Picture(figure, "\n".join([title, *map(": ".join, words.items())]))
