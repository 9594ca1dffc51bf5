"""Bytes that come in pieces of a chosen size, and waiting for them."""

import select
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import cycle

from sockutils.peers.waits import wait_until
from sockutils.tables.tcp import received, unread

PATIENCE = 5.0  # seconds


def trickle(
    sender: socket.socket, reader: socket.socket, data: bytes, sizes: Sequence[int] = (1,)
) -> None:
    """Send data in pieces of these sizes, each when the reader has taken the one before.

    The reader is a socket of this process, so its kernel can be asked what is left to read.
    Gives up when the reader takes nothing for five seconds, and when it is closed.
    """
    sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with suppress(OSError):  # the reader has been closed
        expected = received(reader)
        for piece in pieces(data, sizes):
            sender.sendall(piece)
            expected += len(piece)
            until = time.monotonic() + PATIENCE
            while received(reader) < expected or unread(reader):
                if time.monotonic() > until:
                    return
                select.select([], [], [], 0.0005)


def tell(sender: socket.socket, reader: socket.socket, data: bytes) -> None:
    """Send data byte by byte, as trickle() does, and close."""
    with sender:
        trickle(sender, reader, data)


def drip(sender: socket.socket, count: int = 10, seconds: float = 0.1) -> None:
    """Send a byte after each pause of so many seconds."""
    for _ in range(count):
        select.select([], [], [], seconds)
        sender.sendall(b".")


def pieces(data: bytes, sizes: Sequence[int]) -> Iterator[bytes]:
    for size in cycle(sizes):
        if not data:
            return
        yield data[:size]
        data = data[size:]


def wait_for_bytes(reader: socket.socket, count: int) -> None:
    """Return when so many bytes have arrived since the connection began, read or not.

    Raises TimeoutError after five seconds.
    """
    if not wait_until(lambda: received(reader) >= count):
        raise TimeoutError(f"{count} bytes have not come")


def wait_until_over(end: socket.socket) -> None:
    """Return when the connection is over for the kernel: by a reset, for example. poll(2)

    Raises TimeoutError after five seconds.
    """
    watch = select.poll()
    watch.register(end, 0)  # errors and hang-ups are told unasked
    if not watch.poll(PATIENCE * 1000):
        raise TimeoutError("the connection is not over")
