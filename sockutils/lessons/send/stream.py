"""The learner's end of a connection in the exercises, on which nobody reads for ever."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

ANY = ("127.0.0.1", 0)
TIMEOUT = 2.0  # seconds, of the server's end in the exercises: MSG_WAITALL is not enough there
AGAIN = "recv() has timed out ten times, and your loop goes on: nobody learns that nothing comes"
ENDLESS = "recv() has returned b'' a hundred times: that is the end, and your loop goes on"


class Stream(socket.socket):
    """A socket on which nobody can ask for ever what comes after the end, or does not come."""

    ends = waits = 0

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        with self.not_for_ever():
            data = super().recv(size, flags)
        self.count(bool(data) or not size)
        return data

    def recv_into(self, *arguments: Any, **keywords: Any) -> int:
        with self.not_for_ever():
            size = super().recv_into(*arguments, **keywords)
        self.count(bool(size))
        return size

    @contextmanager
    def not_for_ever(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            self.waits += 1
            assert self.waits < 10, AGAIN
            raise

    def count(self, more: bool) -> None:
        self.ends += not more
        assert self.ends < 100, ENDLESS


def connected(stack: ExitStack) -> tuple[socket.socket, socket.socket]:
    with socket.create_server(ANY) as listener:
        client = stack.enter_context(socket.create_connection(listener.getsockname()))
        server = stack.enter_context(Stream(fileno=listener.accept()[0].detach()))
    server.settimeout(TIMEOUT)
    return client, server
