"""Peers that do not answer, or not at once."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import cast

from sockutils.practice.silent import full, knocked

Address = tuple[str, int]
HERE = "127.0.0.1"
NOWHERE = ("127.255.255.255", 1)  # a broadcast address: TCP's connect() fails at once
BUSY = 2000  # calls that nobody needs who waits in select(), however busy the machine is
BUSY_WORDS = "you ask again and again, and keep the processor busy: select() waits until it is over"


@contextmanager
def silent(port: int) -> Iterator[Address]:
    """A listener that answers nobody while the block runs: its accept queue is full."""
    with full(HERE, port) as listener:
        yield listener.getsockname()


def close_late(listener: socket.socket) -> None:
    """Close it once a SYN has been dropped; the next, after a second, is refused."""
    knocked(listener)
    listener.close()


def peer(end: socket.socket) -> Address | None:
    with suppress(OSError):
        return cast("Address", end.getpeername())
    return None


def in_time(most: float, attempt: Callable[..., float], *given: object) -> float:
    """The seconds that an attempt took. One that was late gets a second one.

    A busy machine is late now and then, a wrong answer each time.
    """
    took = attempt(*given)
    return took if took < most else min(took, attempt(*given))
