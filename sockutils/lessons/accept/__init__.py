"""04_accept.ipynb, and in depth: the checks, the panel's picture, and what the cells need."""

from sockutils.lessons.accept.around import a_while, after_the_end, in_queue, knock, outcome
from sockutils.lessons.accept.load import draw_load
from sockutils.lessons.accept.stop import stop_all
from sockutils.lessons.accept.waiting import living, take_all
from sockutils.lessons.own.accept import step
from sockutils.peers.ends import reset
from sockutils.peers.waits import wait_for_threads
from sockutils.tables.descriptors import no_descriptor_left
from sockutils.tables.tcp import settle

__all__ = [
    "a_while",
    "after_the_end",
    "draw_load",
    "in_queue",
    "knock",
    "living",
    "no_descriptor_left",
    "outcome",
    "reset",
    "settle",
    "step",
    "stop_all",
    "take_all",
    "wait_for_threads",
]
