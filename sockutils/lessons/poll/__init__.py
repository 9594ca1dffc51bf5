"""11_poll.ipynb: flags by name, their picture over time, what its exercises ask of a loop."""

from sockutils.lessons.own.poll import step
from sockutils.lessons.poll.checks import deliver, state
from sockutils.lessons.poll.flags import (
    ENDS,
    PEERS,
    closed_number,
    drain,
    handler,
    move_up,
    names,
    play,
    read_once,
    says,
    until_it_waits,
)
from sockutils.lessons.poll.gathering import gather
from sockutils.lessons.poll.peers import refused_udp
from sockutils.lessons.poll.pictures import draw
from sockutils.peers.ends import connected, fill, reset

__all__ = [
    "ENDS",
    "PEERS",
    "closed_number",
    "connected",
    "deliver",
    "drain",
    "draw",
    "fill",
    "gather",
    "handler",
    "move_up",
    "names",
    "play",
    "read_once",
    "refused_udp",
    "reset",
    "says",
    "state",
    "step",
    "until_it_waits",
]
