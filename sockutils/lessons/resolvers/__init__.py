"""09_resolvers.ipynb: its panel, its checks, and what names are made of."""

from sockutils.errors.shown import name_of
from sockutils.kernel.files import edited
from sockutils.lessons.own.resolvers import step
from sockutils.lessons.resolvers.checks import eyeballs
from sockutils.lessons.resolvers.fresh import fresh
from sockutils.lessons.resolvers.limits import first_that_answers
from sockutils.lessons.resolvers.losses import loses_twins
from sockutils.lessons.resolvers.panel import (
    KINDS,
    addresses,
    answering,
    at_once,
    draw_attempts,
    draw_calls,
    named,
    names,
)
from sockutils.lessons.resolvers.port import port_53
from sockutils.lessons.resolvers.replies import name_server
from sockutils.lessons.resolvers.structs import ADDRINFO, HOSTENT
from sockutils.names.answers import nothing, says
from sockutils.names.errors import done, found
from sockutils.names.server import dns_server
from sockutils.tables.descriptors import no_descriptor_left

__all__ = [
    "ADDRINFO",
    "HOSTENT",
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
    "fresh",
    "loses_twins",
    "name_of",
    "name_server",
    "named",
    "names",
    "no_descriptor_left",
    "nothing",
    "port_53",
    "says",
    "step",
]
