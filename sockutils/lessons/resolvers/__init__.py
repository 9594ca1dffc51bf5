"""09_resolvers.ipynb: its panel, its checks, and what names are made of."""

from sockutils.kernel.files import edited
from sockutils.lessons.resolvers.checks import eyeballs, first_that_answers
from sockutils.lessons.resolvers.panel import (
    KINDS,
    addresses,
    answering,
    at_once,
    draw_attempts,
    draw_calls,
    names,
    written,
)
from sockutils.lessons.resolvers.replies import name_server
from sockutils.names.answers import nothing, says
from sockutils.names.errors import done, found
from sockutils.names.server import dns_server
from sockutils.names.sources import in_hosts
from sockutils.tables.descriptors import no_descriptor_left

__all__ = [
    "KINDS",
    "addresses",
    "answering",
    "at_once",
    "dns_server",
    "done",
    "draw_attempts",
    "draw_calls",
    "edited",
    "eyeballs",
    "first_that_answers",
    "found",
    "in_hosts",
    "name_server",
    "names",
    "no_descriptor_left",
    "nothing",
    "says",
    "written",
]
