"""10_select.ipynb: what can be the matter with a socket, its panel's picture, its exercises."""

from sockutils.lessons.select.checks import deadline, pass_on, room
from sockutils.lessons.select.pictures import SETS, draw_ready, names, outcomes, spaced
from sockutils.lessons.select.situations import (
    SITUATIONS,
    closed_number,
    high,
    situation,
    wait_for_stall,
)
from sockutils.peers.ends import fill, reset
from sockutils.peers.waits import wait_for_threads

__all__ = [
    "SETS",
    "SITUATIONS",
    "closed_number",
    "deadline",
    "draw_ready",
    "fill",
    "high",
    "names",
    "outcomes",
    "pass_on",
    "reset",
    "room",
    "situation",
    "spaced",
    "wait_for_stall",
    "wait_for_threads",
]
