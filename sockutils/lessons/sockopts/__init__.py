"""13_sockopts.ipynb: its table, its pictures, its checks."""

from sockutils.lessons.own.sockopts import step
from sockutils.lessons.sockopts.answerer import answerer
from sockutils.lessons.sockopts.checks import caller, quick, watch
from sockutils.lessons.sockopts.pictures import Sample, draw_info, until_reset, usual_request
from sockutils.tables.options import options

__all__ = [
    "Sample",
    "answerer",
    "caller",
    "draw_info",
    "options",
    "quick",
    "step",
    "until_reset",
    "usual_request",
    "watch",
]
