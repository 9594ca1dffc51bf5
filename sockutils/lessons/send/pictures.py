"""Its pictures: both queues and the window over time, and bytes per second."""

import select
import socket
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sockutils.figures.picture import CLIENT, FAINT, KERNEL, OTHER, SERVER, SIZE, Picture, canvas
from sockutils.tables.tcp import SEND_WINDOW, U32, UNACKED, queues, tcp_info


class Step(NamedTuple):
    """What one step of a run found, in bytes."""

    offered: int  # to send()
    taken: int  # by send()
    read: int  # by recv()
    send_queue: int
    receive_queue: int
    window: int  # what the sender may send beyond the acknowledged bytes


def look(client: socket.socket, server: socket.socket, offered: int, taken: int, read: int) -> Step:
    """Wait until what is on its way has been acknowledged, and look at both ends."""
    until = time.monotonic() + 0.3
    select.select([], [], [], 0.05)
    while True:
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)  # now, not in 40 ms
        if not tcp_info(client, UNACKED, U32) or time.monotonic() > until:
            break
        select.select([], [], [], 0.005)
    window = tcp_info(client, SEND_WINDOW, U32)
    return Step(offered, taken, read, *queues(server.getsockname()[1]), window)


TOPS = (20, 60, 200)  # thousand bytes: few axes, so that most positions of the panel share theirs


def draw_flow(steps: Sequence[Step]) -> Picture:
    """Draw both queues and the window after each step."""
    numbers = range(1, len(steps) + 1)
    lines = [
        ("receive queue", SERVER, "s-", [step.receive_queue for step in steps]),
        ("send queue", CLIENT, "o-", [step.send_queue for step in steps]),
        ("window", KERNEL, "^--", [step.window for step in steps]),
    ]
    figure, axes = canvas(height=5)
    most = max(value / 1000 for *_, values in lines for value in values)
    top = next((top for top in TOPS if most <= top), most)
    for place, (name, colour, style, values) in enumerate(lines):
        kilobytes = [value / 1000 for value in values]
        axes.plot(numbers, kilobytes, style, color=colour, linewidth=2.5, markersize=9)
        x = 0.8 + place * len(steps) / 3
        axes.plot(x, top * 1.6, style[0], color=colour, markersize=12)
        axes.text(x + 0.4, top * 1.6, name, color=colour, size=SIZE, weight="bold", va="center")
    for number, one in zip(numbers, steps, strict=True):
        if one.taken < one.offered:
            axes.text(number, top * 1.06, "wait", color=OTHER, size=SIZE, ha="center", rotation=40)
    first = next((number for number, one in zip(numbers, steps, strict=True) if one.read), None)
    if first:
        axes.plot([first - 0.5] * 2, [0, top * 1.4], ":", color=FAINT, linewidth=2.5)
        axes.text(first - 0.3, top * 1.34, "the server reads →", size=SIZE, va="center")
    axes.set(xlim=(0.4, len(steps) + 0.6), ylim=(-0.04 * top, top * 1.68), xlabel="step")
    axes.set_ylabel("thousand bytes")
    axes.set_xticks([number for number in numbers if number % 2 == 0])
    axes.set_yticks([tick for tick in axes.get_yticks() if 0 <= tick <= top])
    axes.spines["left"].set_bounds(0, top)
    return Picture(figure, _flow_text(steps))


def _flow_text(steps: Sequence[Step]) -> str:
    waits = any(step.taken < step.offered for step in steps)
    held = any(step.send_queue for step in steps)
    lines = [
        f"{len(steps)} steps: the sender had to wait: {told(waits)}",
        f"bytes were read: {told(any(step.read for step in steps))}",
        f"the window was too small for what had to be sent: {told(held)}",
    ]
    if held:
        lines[-1] += f"; still at the end: {told(steps[-1].send_queue > 0)}"
    return "\n".join(lines)


def told(truth: bool) -> str:
    return "yes" if truth else "no"


def draw_rates(rates: Mapping[int, float]) -> Picture:
    """Draw bytes per second against the bytes of each send(), both on logarithmic axes."""
    figure, axes = canvas(height=4.5)
    chunks, millions = list(rates), [rate / 1e6 for rate in rates.values()]
    axes.loglog(chunks, millions, "-o", color=CLIENT, linewidth=2.5, markersize=11)
    axes.set(xlabel="bytes in each send()", ylabel="million bytes per second")
    axes.set_xticks(chunks, [f"{chunk:,}" for chunk in chunks])
    axes.set_xlim(min(chunks) / 1.5, max(chunks) * 3)
    axes.set_ylim(min(millions) / 2, max(millions) * 5)
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:,g}")
    for chunk, rate in zip(chunks, millions, strict=True):
        axes.annotate(
            f"{rate:,.1f}" if rate < 10 else f"{rate:,.0f}",
            (chunk, rate),
            (0, 12),
            textcoords="offset points",
            ha="center",
            size=SIZE,
        )
    words = [f"{chunk:>9,} bytes each: {rate:8,.1f} million bytes per second" for chunk, rate in
             zip(chunks, millions, strict=True)]  # fmt: skip
    return Picture(figure, "\n".join(words))
