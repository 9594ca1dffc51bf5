"""A listener one of whose clients always has something more to say."""

import errno
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

Feed = Callable[[], object]


class Listener(socket.socket):
    """What it accepts calls `feeds[address]` after each recv(), if that client has one there.

    `idle` is called once, when accept() has found nobody, and `last` when it has been shut down;
    both before accept() says so.
    """

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(fileno=listener.detach())
        self.feeds: dict[Any, Feed] = {}
        self.idle: Feed | None = None
        self.last: Feed | None = None

    def accept(self) -> tuple[socket.socket, Any]:
        try:
            connection, address = super().accept()
        except BlockingIOError:
            if idle := self.idle:
                self.idle = None
                idle()
            raise
        except OSError as error:
            if error.errno == errno.EINVAL and (last := self.last):
                self.last = None
                last()
            raise
        if feed := self.feeds.get(address):
            connection = Fed(connection, feed)
        return connection, address


class Fed(socket.socket):
    """A connection on which something more has come by the time that recv() returns."""

    def __init__(self, connection: socket.socket, feed: Feed) -> None:
        super().__init__(fileno=connection.detach())
        self._feed = feed

    def recv(self, *arguments: Any) -> bytes:
        data = super().recv(*arguments)
        self._feed()
        return data

    def recv_into(self, *arguments: Any, **named: Any) -> int:
        size = super().recv_into(*arguments, **named)
        self._feed()
        return size


def endless(client: socket.socket, seconds: float) -> Feed:
    """Let the client say a line at each call, for so many seconds, and read what it is told."""
    end = time.monotonic() + seconds

    def feed() -> None:
        if time.monotonic() < end:
            with suppress(OSError):
                client.send(b"and on\n", socket.MSG_DONTWAIT)
                client.recv(1 << 16, socket.MSG_DONTWAIT)

    return feed
