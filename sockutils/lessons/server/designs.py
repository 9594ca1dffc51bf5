"""Four designs of a server, each of which serves a protocol: one by one, threads, epoll, asyncio.

A server is told to end by shutdown() on its listener: on Linux accept() then fails with EINVAL.
"""

import asyncio
import errno
import select
import socket
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Protocol


class Talk(Protocol):
    """What one client and the server say: bytes in, bytes out; it calls nothing on a socket."""

    over: bool  # it takes no more questions
    rest: bytes  # what is not a whole question yet

    def hear(self, data: bytes) -> bytes: ...

    def late(self) -> bytes:
        """What to say to a client whose time is up."""


class Shout:
    """A protocol: each line comes back in capitals."""

    over = False
    rest = b""

    def hear(self, data: bytes) -> bytes:
        *lines, self.rest = (self.rest + data).split(b"\n")
        return b"".join(line.upper() + b"\n" for line in lines)

    def late(self) -> bytes:
        return b""


def next_client(listener: socket.socket) -> socket.socket | None:
    """The connection of the next client, or None when the listener has been shut down."""
    try:
        return listener.accept()[0]
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return None


def serve(connection: socket.socket, talk: Talk) -> None:
    """Answer one client, half-close, and hear it out: a close() too early would be a reset."""
    with connection, suppress(OSError):  # a reset ends this client, nothing else
        while not talk.over and (data := connection.recv(65536)):
            connection.sendall(talk.hear(data))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass


def iterative(listener: socket.socket, protocol: Callable[[], Talk]) -> None:
    while connection := next_client(listener):
        serve(connection, protocol())


def threads(listener: socket.socket, protocol: Callable[[], Talk]) -> None:
    serving: list[threading.Thread] = []
    while connection := next_client(listener):
        thread = threading.Thread(target=serve, args=(connection, protocol()))
        thread.start()
        serving = [*filter(threading.Thread.is_alive, serving), thread]
    for thread in serving:
        thread.join()


class Visitor:
    """A connection in a loop: none of its calls waits. `wanted` is the event to wait for."""

    def __init__(self, connection: socket.socket, talk: Talk) -> None:
        connection.setblocking(False)
        self.connection, self.talk = connection, talk
        self.out, self.wanted = memoryview(b""), select.EPOLLIN

    def hear(self, data: bytes) -> bytes:
        return b"" if self.talk.over else self.talk.hear(data)

    def step(self) -> int:
        """Do what can be done now; return the event to wait for next, 0 at the end."""
        try:
            if not self.out:
                if not (data := self.connection.recv(65536)):
                    return 0
                self.out = memoryview(self.hear(data))
            if self.out:
                self.out = self.out[self.connection.send(self.out) :]
            if self.talk.over and not self.out:
                self.connection.shutdown(socket.SHUT_WR)
        except BlockingIOError:  # EAGAIN: not now
            pass
        except OSError:  # a reset: this one is over, the others go on
            return 0
        return select.EPOLLOUT if self.out else select.EPOLLIN


def with_epoll(
    listener: socket.socket, protocol: Callable[[], Talk], visitor: type[Visitor] = Visitor
) -> None:
    """A loop: one step for each that is ready, and a new registration only where it changes."""
    listener.setblocking(False)
    visitors: dict[int, Visitor] = {}
    listening = True
    with select.epoll() as epoll:
        epoll.register(listener, select.EPOLLIN)
        while listening or visitors:
            for number, _ in epoll.poll():
                if one := visitors.get(number):
                    before, one.wanted = one.wanted, one.step()
                    if not one.wanted:
                        epoll.unregister(number)
                        visitors.pop(number).connection.close()
                    elif one.wanted != before:
                        epoll.modify(number, one.wanted)
                    continue
                with suppress(BlockingIOError):  # somebody else took the client
                    if connection := next_client(listener):
                        epoll.register(connection, select.EPOLLIN)
                        visitors[connection.fileno()] = visitor(connection, protocol())
                    else:
                        epoll.unregister(listener)
                        listening = False


async def serve_async(connection: socket.socket, talk: Talk) -> None:
    loop = asyncio.get_running_loop()
    with connection, suppress(OSError):
        while not talk.over and (data := await loop.sock_recv(connection, 65536)):
            await loop.sock_sendall(connection, talk.hear(data))
            await asyncio.sleep(0)  # sock_recv() gives nobody a turn while data is there
        connection.shutdown(socket.SHUT_WR)
        while await loop.sock_recv(connection, 65536):
            await asyncio.sleep(0)


Serve = Callable[[socket.socket, Talk], Coroutine[None, None, None]]


async def serve_all(
    listener: socket.socket, protocol: Callable[[], Talk], serve: Serve = serve_async
) -> None:
    loop = asyncio.get_running_loop()
    listener.setblocking(False)
    async with asyncio.TaskGroup() as tasks:
        try:
            while True:
                connection, _ = await loop.sock_accept(listener)
                tasks.create_task(serve(connection, protocol()))
        except OSError as error:
            if error.errno != errno.EINVAL:  # EINVAL: it has been shut down
                raise


def with_asyncio(
    listener: socket.socket, protocol: Callable[[], Talk], serve: Serve = serve_async
) -> None:
    """A task for each client, in one thread."""
    asyncio.run(serve_all(listener, protocol, serve))


DESIGNS = {
    "iterative": iterative,
    "threads": threads,
    "epoll": with_epoll,
    "asyncio": with_asyncio,
}
