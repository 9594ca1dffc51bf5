"""01_socket.ipynb: its exercises' checks, four kinds of connected sockets, and its picture."""

from sockutils.lessons.own.socket import step
from sockutils.lessons.socket.checks import identify, ping, reassemble
from sockutils.lessons.socket.kinds import KINDS, LEFT, compare, tcp, udp
from sockutils.lessons.socket.pictures import draw_pieces

__all__ = [
    "KINDS",
    "LEFT",
    "compare",
    "draw_pieces",
    "identify",
    "ping",
    "reassemble",
    "step",
    "tcp",
    "udp",
]
