"""02_bind.ipynb: its exercises' checks, its pictures, and what its cells need."""

from sockutils.kernel.read_only import read_only_folder
from sockutils.lessons.bind.checks import path_again, same_port_again, settled, sixteen_bytes
from sockutils.lessons.bind.pictures import draw_address, draw_conflict
from sockutils.link.lo import address_on_lo

__all__ = [
    "address_on_lo",
    "draw_address",
    "draw_conflict",
    "path_again",
    "read_only_folder",
    "same_port_again",
    "settled",
    "sixteen_bytes",
]
