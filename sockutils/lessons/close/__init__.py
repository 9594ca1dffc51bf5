"""08_close.ipynb: how connections end, TCP's states, its panel, its checks."""

from sockutils.lessons.close.checks import last_word, whole_question
from sockutils.lessons.close.diagram import walk
from sockutils.lessons.close.ending import connected, drain, endings, fill, kept, lose_last_ack
from sockutils.lessons.close.forgotten import leaks
from sockutils.lessons.close.panel import draw_ending, story
from sockutils.lessons.close.timer import ports, resting, settings, timer
from sockutils.lessons.own.close import step
from sockutils.peers.ends import reset
from sockutils.peers.waits import wait_for_threads
from sockutils.tables.states import follow

__all__ = [
    "connected",
    "drain",
    "draw_ending",
    "endings",
    "fill",
    "follow",
    "kept",
    "last_word",
    "leaks",
    "lose_last_ack",
    "ports",
    "reset",
    "resting",
    "settings",
    "step",
    "story",
    "timer",
    "wait_for_threads",
    "walk",
    "whole_question",
]
