"""A listener that answers nobody, for checks and demos of patience."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from sockutils.peers.waits import wait_until
from sockutils.tables.diag import sockets


@contextmanager
def full(host: str = "127.0.0.1", port: int = 0) -> Iterator[socket.socket]:
    """A listener whose accept queue is full: the kernel drops whatever SYN comes. listen(2)"""
    with socket.create_server((host, port), backlog=1) as listener, ExitStack() as clients:
        for _ in range(2):
            clients.enter_context(socket.create_connection(listener.getsockname()))
        yield listener


def knocked(listener: socket.socket) -> bool:
    """Wait, for at most two seconds, until a client of it has sent a SYN and got no answer.

    Linux sends it a second time after one second (RFC 6298).
    """
    port = listener.getsockname()[1]
    return wait_until(lambda: "SYN-SENT" in [row.state for row in sockets(port=port)], 2)


def make_room(listener: socket.socket) -> None:
    """Take one client out of the queue once a SYN has been dropped; the next one gets in."""
    knocked(listener)
    listener.accept()[0].close()
