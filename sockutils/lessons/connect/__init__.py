"""05_connect.ipynb: its exercises' checks, its panel's picture, and peers that do not answer."""

from sockutils.lessons.connect.attempt import as_told, draw_attempt, first, opening
from sockutils.lessons.connect.friend import one_friend
from sockutils.lessons.connect.itself import echo_chamber
from sockutils.lessons.connect.lan import empty_lan, ephemeral
from sockutils.lessons.connect.outcomes import diagnosis, outcome
from sockutils.lessons.connect.peers import silent
from sockutils.lessons.connect.race import race
from sockutils.lessons.connect.routes import ask, route, unreachable
from sockutils.lessons.own.connect import step

__all__ = [
    "as_told",
    "ask",
    "diagnosis",
    "draw_attempt",
    "echo_chamber",
    "empty_lan",
    "ephemeral",
    "first",
    "one_friend",
    "opening",
    "outcome",
    "race",
    "route",
    "silent",
    "step",
    "unreachable",
]
