"""02_bind.ipynb, and in depth: the checks, the pictures, and what the cells need."""

from sockutils.kernel.read_only import read_only_folder
from sockutils.lessons.bind.checks import same_port_again, sixteen_bytes
from sockutils.lessons.bind.holders import who_has_it
from sockutils.lessons.bind.paths import path_again
from sockutils.lessons.bind.pictures import draw_address, draw_conflict
from sockutils.lessons.bind.states import STATES, brought_to, settled
from sockutils.lessons.own.bind import step
from sockutils.link.lo import address_on_lo

__all__ = [
    "STATES",
    "address_on_lo",
    "brought_to",
    "draw_address",
    "draw_conflict",
    "path_again",
    "read_only_folder",
    "same_port_again",
    "settled",
    "sixteen_bytes",
    "step",
    "who_has_it",
]
