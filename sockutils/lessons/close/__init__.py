"""08_close.ipynb: how connections end, TCP's states, its panel, its checks."""

from sockutils.lessons.close.checks import last_word, whole_question
from sockutils.lessons.close.diagram import draw_states
from sockutils.lessons.close.ending import drain, endings, fill, lose_last_ack
from sockutils.lessons.close.forgotten import leaks
from sockutils.lessons.close.panel import draw_ending, story
from sockutils.peers.waits import wait_for_threads
from sockutils.tables.states import follow, watch

__all__ = [
    "drain",
    "draw_ending",
    "draw_states",
    "endings",
    "fill",
    "follow",
    "last_word",
    "leaks",
    "lose_last_ack",
    "story",
    "wait_for_threads",
    "watch",
    "whole_question",
]
