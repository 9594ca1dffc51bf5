"""Its moving picture: both buffers of a connection and the window fill and drain, step by step."""

import socket
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from sockutils.figures.picture import Picture
from sockutils.figures.svg import WIDE, Drawing
from sockutils.lessons.send.pictures import Step, told

SMALL = 20_000  # bytes; the kernel doubles it, and takes a part for itself
NOTHING = Step(0, 0, 0, 0, 0, 0)
HINT = "Play it, or point at a step for its numbers (keys: Tab, ↑, ↓; Space, ←, →)."

# pixels
TANK = 330  # how long a level is that fills its tank
SENDER, RECEIVER = 165, 605  # where the tanks begin
RIM = 4  # between a tank and what is in it
HEAD, HIGH = 70, 56  # the live tanks: their top, how high they are
FIRST, ROW, BAR = 165, 32, 20  # the rows below: the first one's middle, their distance, their bars
SECONDS = 0.05  # that a step takes, about: see look()


class Level(NamedTuple):
    """What fills a tank from one of its ends."""

    field: str  # of a Step
    colour: str
    tank: int
    from_right: bool


LEVELS = (
    Level("send_queue", "client", SENDER, True),
    Level("receive_queue", "server", RECEIVER, True),
    Level("window", "kernel", RECEIVER, False),
)


def small_buffers(port: int) -> tuple[socket.socket, socket.socket]:
    """Return both ends of a connection whose buffers are small, and stay so."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
        client.connect(("127.0.0.1", port))
        server, _ = listener.accept()
    server.settimeout(5)
    return client, server


def draw_buffers(steps: Sequence[Step]) -> Picture:
    """Draw two tanks that fill and drain when the picture is played, and a row for each step."""
    most = max(max(one.send_queue, one.receive_queue + one.window) for one in steps)
    scale = TANK / most
    drawing = Drawing(HINT)
    bottom = FIRST + ROW * (len(steps) - 0.5)
    _frames(drawing, bottom)
    start = NOTHING._replace(window=steps[0].window)
    for place, (before, now) in enumerate(pairwise([start, *steps])):
        since = place * SECONDS
        with drawing.at(since, since + SECONDS):
            _tanks(drawing, before, now, scale)
        with drawing.at(since, since, _title(place + 1, now)):
            _row(drawing, FIRST + place * ROW, now, scale)
    return Picture(drawing.svg(WIDE, bottom + 12), _text(steps))


def _frames(drawing: Drawing, bottom: float) -> None:
    middle, (left, right) = HEAD + HIGH / 2, (SENDER - RIM, RECEIVER + TANK + RIM)
    drawing.badge(left - 65, middle, "client", "client")
    drawing.badge(right + 65, middle, "server", "server")
    drawing.text(SENDER + TANK, HEAD - 28, "send buffer", "client", "be")
    drawing.text(RECEIVER + TANK, HEAD - 28, "receive buffer", "server", "be")
    drawing.text(RECEIVER, HEAD - 28, "window", "kernel", "b")
    start, end = SENDER + TANK + RIM + 10, RECEIVER - RIM - 10
    drawing.line([(start, middle), (end - 10, middle)], "ink", 3)
    drawing.shape([(end, middle), (end - 16, middle - 9), (end - 16, middle + 9)], "ink")
    for tank in (SENDER - RIM, RECEIVER - RIM):
        size = TANK + 2 * RIM
        drawing.box((tank, HEAD), (size, HIGH), "ground", "ink", 3)
        drawing.box((tank, FIRST - ROW / 2), (size, bottom - FIRST + ROW / 2), "", "faint")


def _tanks(drawing: Drawing, before: Step, now: Step, scale: float) -> None:
    """What is in the live tanks in this step: it hides that of the step before."""
    for tank in (SENDER, RECEIVER):
        drawing.box((tank - 2, HEAD + 2), (TANK + 4, HIGH - 4), "ground")
    for level in LEVELS:
        old, new = (getattr(step, level.field) * scale for step in (before, now))
        _bar(drawing, level, (0, old))
        if new > old:
            _bar(drawing, level, (old, new), level.colour, to_left=level.from_right)
        elif new < old:
            _bar(drawing, level, (new, old + 1), "ground", to_left=not level.from_right)


def _bar(
    drawing: Drawing,
    level: Level,
    between: tuple[float, float],
    moving: str = "",
    to_left: bool = False,
) -> None:
    """What lies between these distances from the level's end; in a colour of its own it grows."""
    since, until = between
    x, wide = level.tank + (TANK - until if level.from_right else since), until - since
    if to_left:  # what grows does so to the right: mirror it
        drawing.parts.append(f'<g transform="matrix(-1 0 0 1 {2 * x + wide:.1f} 0)">')
    spare = bool(moving == "ground")  # no edge of what it hides is seen
    size = (wide, HIGH - 14 + 2 * spare)
    drawing.box((x, HEAD + 7 - spare), size, moving or level.colour, grows=bool(moving))
    if to_left:
        drawing.parts.append("</g>")


def _row(drawing: Drawing, y: float, step: Step, scale: float) -> None:
    sent = f"+{step.taken:,}" if step.taken else "none" if step.offered else ""
    drawing.text(SENDER - 18, y, sent, "client" if step.taken else "other", "e")
    if step.read:
        drawing.text(RECEIVER + TANK + 18, y, f"\N{MINUS SIGN}{step.read:,}", "server", "")
    for level in LEVELS:
        long = getattr(step, level.field) * scale
        x = level.tank + (TANK - long if level.from_right else 0)
        drawing.box((x, y - BAR / 2), (long, BAR), level.colour)


def _title(number: int, step: Step) -> str:
    did = (
        f"send() takes {step.taken:,} of {step.offered:,} bytes"
        if step.offered
        else f"recv() returns {step.read:,} bytes"
    )
    return (
        f"Step {number}: {did}. Send buffer {step.send_queue:,}, "
        f"receive buffer {step.receive_queue:,}, window {step.window:,}"
    )


def _text(steps: Sequence[Step]) -> str:
    """What holds on every kernel: how many steps it takes does not."""
    filling = [step for step in steps if step.offered]
    held = next(step for step in filling if step.send_queue)
    last = steps[-1]
    drained = not last.send_queue and not last.receive_queue and last.window > held.window
    lines = {
        "nobody reads: the receive buffer fills first": not filling[0].send_queue,
        "the window has no room when the send buffer begins to fill": held.window < held.offered,
        "then send() takes nothing": not filling[-1].taken,
        "the server reads: both buffers drain, the window opens": drained,
    }
    return "\n".join(f"{words}: {told(truth)}" for words, truth in lines.items())
