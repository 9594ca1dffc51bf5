"""The server of its requests: it answers what has come in pieces, once it is complete."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from sockutils.peers.peer import background

SIZE = 8


@contextmanager
def answerer(port: int, quickack: bool = False) -> Iterator[None]:
    """While the block lasts, answer each 8 bytes of one client with b"ok".

    With `quickack` its kernel confirms at once: TCP_QUICKACK before each recv(), tcp(7).
    """
    listener = socket.create_server(("127.0.0.1", port))
    with listener, background(serve, listener, quickack):
        yield


def serve(listener: socket.socket, quickack: bool) -> None:
    connection, _ = listener.accept()
    with connection:
        while receive(connection, quickack):
            connection.sendall(b"ok")


def receive(connection: socket.socket, quickack: bool) -> bool:
    request = b""
    while len(request) < SIZE:
        if quickack:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        part = connection.recv(SIZE - len(request))
        if not part:
            return False
        request += part
    return True
