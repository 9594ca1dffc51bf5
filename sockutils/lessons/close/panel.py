"""Its panel: how a connection ends, call by call and packet by packet."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from sockutils.figures.picture import (
    CLIENT,
    FAINT,
    SERVER,
    WIDTH,
    Picture,
    badge,
    label,
    sheet,
)
from sockutils.lessons.close.ending import endings
from sockutils.packets.packet import Packet
from sockutils.tables.states import States

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Step(NamedTuple):
    """A call and what it returned, or a packet, or the states of both ends."""

    kind: str  # "call", "packet", "states"
    who: str  # who calls or sends
    words: str
    other: str = ""  # states: of the server


COLOURS = {"client": CLIENT, "server": SERVER}
SIDES = {"client": 3.2, "server": 6.8}  # inches, the lifelines
OUTSIDE = {"client": 1.5, "server": 8.5}
PITCH = 0.56
STEPS = 8  # at most, in the panel


def story(calls: Sequence[tuple[str, str, Sequence[Packet], States]], port: int) -> list[Step]:
    """The steps of a panel's run: each call is followed by its packets and the states after it."""
    steps = [Step("states", "", "ESTAB", "ESTAB")]
    for who, words, packets, states in calls:
        steps.append(Step("call", who, words))
        for packet in endings(packets):
            sender = "server" if packet.source[1] == port else "client"
            steps.append(Step("packet", sender, packet.flags))
        if (states["client"], states["server"]) != steps_last(steps):
            steps.append(Step("states", "", states["client"], states["server"]))
    return steps


def steps_last(steps: Sequence[Step]) -> tuple[str, str]:
    last = next(step for step in reversed(steps) if step.kind == "states")
    return last.words, last.other


def draw_ending(steps: Sequence[Step]) -> Picture:
    """Draw how a connection ends: calls and states outside, packets with FIN or RST inside.

    It is as high as the panel's longest story, so that nothing below the picture moves.
    """
    height = 1.0 + PITCH * max(STEPS, len(steps))
    figure, axes = sheet(height)
    for who, x in SIDES.items():
        axes.plot([x, x], [0.4, height - 0.2], color=FAINT, linewidth=2.5, zorder=1)
        badge(axes, x, 0.4, who, COLOURS[who])
    for place, step in enumerate(steps):
        y = 1.05 + PITCH * place
        if step.kind == "packet":
            draw_packet(axes, step, y)
        elif step.kind == "call":
            badge(axes, OUTSIDE[step.who], y, step.words, COLOURS[step.who])
        else:
            for who, state in (("client", step.words), ("server", step.other)):
                label(axes, SIDES[who], y, state)
    return Picture(figure, "\n".join(map(told, steps)))


def draw_packet(axes: "Axes", step: Step, y: float) -> None:
    start, end = SIDES["client"], SIDES["server"]
    if step.who == "server":
        start, end = end, start
    arrow = {"arrowstyle": "-|>", "linewidth": 2.5, "color": COLOURS[step.who]}
    arrow |= {"shrinkA": 0, "shrinkB": 0, "mutation_scale": 22}
    axes.annotate("", (end, y), (start, y), arrowprops=arrow, zorder=2)
    label(axes, WIDTH / 2, y, step.words)


def told(step: Step) -> str:
    if step.kind == "call":
        return f"{step.who} calls {step.words}"
    if step.kind == "packet":
        return f"  client {'→' if step.who == 'client' else '←'} server   {step.words}"
    return f"  client {step.words}, server {step.other}"
