"""What is done to one end of a connection so that the other end sees it."""

import select
import socket
import struct
from contextlib import suppress


def reset(end: socket.socket) -> None:
    """Close the socket so that the other end gets a reset."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()


def fill(end: socket.socket) -> int:
    """Send until the kernel takes no more, now and in a while; return how many bytes it took."""
    usual, sent, before = end.gettimeout(), 0, -1
    end.setblocking(False)
    while sent > before:  # an acknowledgement may make room again
        before = sent
        with suppress(BlockingIOError):
            while True:
                sent += end.send(bytes(1 << 20))
        select.select([], [], [], 0.1)
    end.settimeout(usual)
    return sent
