"""11_poll.ipynb: flags by name, their picture over time, what its exercises ask of a loop."""

from sockutils.lessons.poll.checks import deliver, gather, state
from sockutils.lessons.poll.flags import (
    ALL,
    ENDS,
    PEERS,
    drain,
    handler,
    move_up,
    names,
    play,
    read_once,
    wait_for_queue,
)
from sockutils.lessons.poll.pictures import draw
from sockutils.peers.ends import fill, reset

__all__ = [
    "ALL",
    "ENDS",
    "PEERS",
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
    "reset",
    "state",
    "wait_for_queue",
]
