"""A server while a block runs, and what its clients do to it."""

import select
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, NamedTuple

from sockutils.lessons.server.busy import Listener
from sockutils.peers.peer import Peer, background
from sockutils.peers.waits import wait_until
from sockutils.tables.diag import sockets

Address = tuple[str, int]
Design = Callable[..., object]  # takes a listener and a protocol
PATIENCE = 2.0  # seconds: who has no answer by then is not served


class Tested(NamedTuple):
    listener: Listener
    server: Peer
    clients: ExitStack

    def call(self) -> socket.socket:
        address = self.listener.getsockname()
        return self.clients.enter_context(socket.create_connection(address, PATIENCE))

    def returns(self) -> bool:
        return wait_until(lambda: "running" not in repr(self.server), 0.05)


@contextmanager
def running(design: Design, protocol: Any, port: int = 0) -> Iterator[Address]:
    """The address of a server that serves while the block runs; the clients have to leave first."""
    with started(design, port, protocol) as tested:
        yield tested.listener.getsockname()


@contextmanager
def started(design: Design, port: int, *protocol: Any) -> Iterator[Tested]:
    with (
        Listener(socket.create_server(("127.0.0.1", port))) as listener,
        background(design, listener, *protocol) as server,
    ):
        try:
            with ExitStack() as clients:
                yield Tested(listener, server, clients)
        finally:
            with suppress(OSError):  # a check has done so
                listener.shutdown(socket.SHUT_RDWR)


def hear(client: socket.socket, length: int = sys.maxsize) -> bytes:
    """Read so many bytes, or to the end."""
    heard = bytearray()
    while len(heard) < length and (data := client.recv(65536)):
        heard += data
    return bytes(heard)


def expect(client: socket.socket, answer: bytes) -> None:
    heard = hear(client, len(answer))
    assert heard == answer, f"{answer!r} to come, {heard!r} came"


def ask(client: socket.socket, *lines: bytes) -> None:
    for line in lines:
        client.sendall(line + b"\n")
        expect(client, line.upper() + b"\n")


def guest(address: Address) -> socket.socket:
    """A client that has had an answer, and stays."""
    client = socket.create_connection(address, PATIENCE)
    ask(client, b"hello")
    return client


def drip(client: socket.socket, data: bytes, pause: float) -> None:
    """Send byte by byte, with a pause between two, until the other end has closed."""
    with suppress(OSError):
        for number in data:
            client.sendall(bytes([number]))
            select.select([], [], [], pause)


def served(address: Address) -> bool:
    """Whether a new client gets an answer to a line."""
    with suppress(TimeoutError), socket.create_connection(address, PATIENCE) as client:
        ask(client, b"served?")
        return True
    return False


def servers_end(port: int) -> str:
    """The state of the server's only connection, and whether a descriptor holds it."""
    for row in sockets(port=port):
        if row.local[-1] == port and row.state != "LISTEN":
            return f"{row.state}, {'held' if row.inode else 'no descriptor'}"
    return "gone"


def all_read(port: int) -> bool:
    """Whether all that was sent to this port has come there and has been read."""
    rows = [row for row in sockets(port=port) if row.state != "LISTEN"]
    return not any(r.receive_queue if r.local[-1] == port else r.send_queue for r in rows)
