"""06_send_recv.ipynb: what stands around its calls, its checks, its pictures."""

from sockutils.lessons.send.arrivals import trickle, wait_for_bytes, wait_until_over
from sockutils.lessons.send.checks import delimiter, exactly, one_message
from sockutils.lessons.send.pictures import draw_flow, draw_rates, step
from sockutils.tables.tcp import queues

__all__ = [
    "delimiter",
    "draw_flow",
    "draw_rates",
    "exactly",
    "one_message",
    "queues",
    "step",
    "trickle",
    "wait_for_bytes",
    "wait_until_over",
]
