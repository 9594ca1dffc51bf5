"""14_server.ipynb: clients that try a server out, its pictures, its exercises' checks."""

from sockutils.lessons.own.certificate import certificate
from sockutils.lessons.own.server import step
from sockutils.lessons.server.blocked import blocked_by
from sockutils.lessons.server.checks import any_pieces, nobody_turned_away, nobody_waits
from sockutils.lessons.server.clients import guest, running, servers_end
from sockutils.lessons.server.exam import examine
from sockutils.lessons.server.http import body_length
from sockutils.lessons.server.load import load, process
from sockutils.lessons.server.visits import draw_rates, draw_waiting, visit
from sockutils.lessons.server.workers import answer_of, call, fates, working
from sockutils.peers.waits import wait_until
from sockutils.tables.descriptors import no_descriptor_left

__all__ = [
    "answer_of",
    "any_pieces",
    "blocked_by",
    "body_length",
    "call",
    "certificate",
    "draw_rates",
    "draw_waiting",
    "examine",
    "fates",
    "guest",
    "load",
    "no_descriptor_left",
    "nobody_turned_away",
    "nobody_waits",
    "process",
    "running",
    "servers_end",
    "step",
    "visit",
    "wait_until",
    "working",
]
