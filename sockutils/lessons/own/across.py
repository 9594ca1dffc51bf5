"""What a learner's program has read: the kernel's table knows the other end of a connection."""

import socket
from contextlib import suppress

from sockutils.peers.waits import wait_until
from sockutils.practice.program import PORT
from sockutils.tables.diag import sockets
from sockutils.tables.rows import Row


def read(end: socket.socket) -> None:
    """Wait until what it sent is not in the receive buffer any more, for a second at most."""
    with suppress(OSError):  # it has been reset
        wait_until(lambda: not any(row.receive_queue for row in across(end)), 1)


def across(end: socket.socket) -> list[Row]:
    """The other end of its connection, in the kernel's table."""
    peer, here = end.getpeername(), end.getsockname()
    return [row for row in sockets(port=PORT) if (row.local, row.remote) == (peer, here)]
