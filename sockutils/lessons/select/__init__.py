"""10_select.ipynb: what can be the matter with a socket, the rounds of a loop, its exercises."""

from sockutils.lessons.accept.around import outcome
from sockutils.lessons.own.select import step
from sockutils.lessons.select.checks import deadline, pass_on, room
from sockutils.lessons.select.lists import whom
from sockutils.lessons.select.pictures import SETS, draw_ready, names, outcomes, spaced
from sockutils.lessons.select.rounds import callers
from sockutils.lessons.select.situations import (
    SITUATIONS,
    closed_number,
    greeted,
    high,
    situation,
    wait_for_stall,
)
from sockutils.lessons.select.tls import encrypted
from sockutils.peers.ends import connected, fill, reset
from sockutils.peers.waits import wait_for_threads

__all__ = [
    "SETS",
    "SITUATIONS",
    "callers",
    "closed_number",
    "connected",
    "deadline",
    "draw_ready",
    "encrypted",
    "fill",
    "greeted",
    "high",
    "names",
    "outcome",
    "outcomes",
    "pass_on",
    "reset",
    "room",
    "situation",
    "spaced",
    "step",
    "wait_for_stall",
    "wait_for_threads",
    "whom",
]
