"""What the first of two sockets may be when the second one wants its port."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from sockutils.peers.waits import wait_until
from sockutils.tables.diag import sockets

STATES = ("only bound", "listens", "gone, client connected", "gone, TIME-WAIT")
MOVING = {"FIN-WAIT-1", "FIN-WAIT-2", "CLOSING", "LAST-ACK"}


@contextmanager
def brought_to(state: str, bound: socket.socket) -> Iterator[None]:
    """Bring a TCP socket that is bound to an address of 127/8, or to all, to one of STATES.

    The last two close it: it has served a client, whose connection goes on while the block lasts,
    or is over, closed by the server's end first. OSError: EADDRINUSE if somebody else listens.
    """
    if state == "only bound":
        yield
        return
    port = bound.getsockname()[1]
    bound.listen()
    if state == "listens":
        yield
        return
    with socket.create_connection(("127.0.0.1", port)) as client:
        connection, _ = bound.accept()
        bound.close()
        with connection:
            if state == "gone, client connected":
                yield
                return
        client.recv(1)  # b"": the server's end has closed, and only now does the client's
    settled(port)
    yield


def settled(port: int) -> list[str]:
    """The states of the sockets whose own port this is, once all packets to it have arrived."""
    wait_until(lambda: not MOVING & {row.state for row in sockets(port=port)}, 2)
    return [row.state for row in sockets(port=port) if row.local[1] == port]
