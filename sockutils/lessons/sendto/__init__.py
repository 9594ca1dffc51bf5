"""07_sendto_recvfrom.ipynb: its checks, its panel's picture, and what a burst leaves."""

from sockutils.lessons.own.sendto import step
from sockutils.lessons.sendto.asking import persistence
from sockutils.lessons.sendto.bursts import attempt, drain, dropped
from sockutils.lessons.sendto.checks import knock, not_too_long
from sockutils.lessons.sendto.pictures import draw_burst
from sockutils.lessons.sendto.reliable import Halves, stop_and_wait
from sockutils.tables.snmp import counted

__all__ = [
    "Halves",
    "attempt",
    "counted",
    "drain",
    "draw_burst",
    "dropped",
    "knock",
    "not_too_long",
    "persistence",
    "step",
    "stop_and_wait",
]
