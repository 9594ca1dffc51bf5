"""06_send_recv.ipynb: what stands around its calls, its checks, its pictures."""

from sockutils.lessons.own.send import step
from sockutils.lessons.send.arrivals import (
    drip,
    tell,
    trickle,
    wait_for_bytes,
    wait_until_over,
)
from sockutils.lessons.send.buffers import draw_buffers, small_buffers
from sockutils.lessons.send.checks import delimiter, exactly, one_message
from sockutils.lessons.send.pictures import draw_flow, draw_rates, look
from sockutils.tables.tcp import queues, settle, unread

__all__ = [
    "delimiter",
    "draw_buffers",
    "draw_flow",
    "draw_rates",
    "drip",
    "exactly",
    "look",
    "one_message",
    "queues",
    "settle",
    "small_buffers",
    "step",
    "tell",
    "trickle",
    "unread",
    "wait_for_bytes",
    "wait_until_over",
]
