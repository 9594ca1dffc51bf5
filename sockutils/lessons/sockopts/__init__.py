"""13_sockopts.ipynb: its table, its pictures, its checks."""

from sockutils.lessons.own.sockopts import step
from sockutils.lessons.sockopts.answerer import answerer
from sockutils.lessons.sockopts.checks import caller, quick, watch
from sockutils.lessons.sockopts.pictures import Sample, draw_info, last_request, until_reset
from sockutils.tables.options import options

__all__ = [
    "Sample",
    "answerer",
    "caller",
    "draw_info",
    "last_request",
    "options",
    "quick",
    "step",
    "until_reset",
    "watch",
]
