"""What its last exercise asks: descriptors that a server has forgotten to close."""

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import NamedTuple

from sockutils.practice.exercise import exercise
from sockutils.tables.states import follow

ANY = ("127.0.0.1", 0)


class Life(NamedTuple):
    """What becomes of a connection."""

    sent: bytes = b""  # by the client; nobody reads it
    closed_by: str = ""
    half: bool = False  # the server sends no more
    elsewhere: bool = False  # with another listener

    def lead(
        self, listener: socket.socket, stack: ExitStack
    ) -> tuple[socket.socket, socket.socket]:
        client = stack.enter_context(socket.create_connection(listener.getsockname()))
        server = stack.enter_context(listener.accept()[0])
        states = follow(client)
        client.sendall(self.sent)
        if self.half:
            server.shutdown(socket.SHUT_WR)
        if self.closed_by:
            {"client": client, "server": server}[self.closed_by].close()
        states()
        return client, server

    @property
    def leaks(self) -> bool:
        return self.closed_by == "client" and not self.elsewhere

    def __str__(self) -> str:
        if self.elsewhere:
            return "its client has closed, but another server listens there"
        if self.closed_by:
            unread = ", and bytes are unread" if self.sent else ""
            return f"its {self.closed_by} has closed{unread}"
        return (
            "its server sends no more, but its client is there"
            if self.half
            else "its client is there"
        )


LIVES = (
    Life(sent=b"x"),
    Life(closed_by="client"),
    Life(closed_by="client", elsewhere=True),
    Life(),
    Life(sent=b"x", closed_by="client"),
    Life(half=True),
    Life(closed_by="server"),
)


@exercise(
    "close",
    hint="row.inode is the number in the link /proc/self/fd/… → socket:[…]. One number in the list"
    " of /proc/self/fd is that of the listing itself: it is gone when you look.",
)
def leaks(find_leaks: Callable[[int], list[int]]) -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(ANY))
        other = stack.enter_context(socket.create_server(ANY))
        led: list[tuple[Life, socket.socket, socket.socket]] = []
        links: dict[socket.socket, str] = {}
        for life in LIVES:
            led.append((life, *life.lead(other if life.elsewhere else listener, stack)))
            links |= {end: link(end.fileno()) for end in led[-1][1:] if end.fileno() != -1}
            found = find_leaks(listener.getsockname()[1])
            untouched(links)
            numbers = isinstance(found, list) and all(isinstance(one, int) for one in found)
            assert numbers, f"it returned {found!r}, not a list of numbers"
            inodes = {f"socket:[{one}]" for one in found} & {*links.values()}
            assert not inodes, "your list has inodes: which descriptor leads to each?"
            ours = {client.fileno() for _, client, _ in led} & {*found}
            assert not ours, "a client's end is in your list"
            lives = {server.fileno(): life for life, _, server in led}
            gone = [number for number, life in lives.items() if life.leaks]
            assert sorted(found) == sorted(gone), said_leaks(found, gone, lives)
        for life, _, server in led:
            if life.sent:
                assert unread_of(server) == life.sent, "you have taken bytes from a connection"


def link(number: int) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{number}")
    except FileNotFoundError:
        return "closed"


def untouched(links: dict[socket.socket, str]) -> None:
    closed = [end for end, before in links.items() if link(end.fileno()) != before]
    for end in closed:
        end.detach()  # its number may be somebody else's by now
    assert not closed, "you closed a descriptor: find them, and leave them as they are"


def unread_of(server: socket.socket) -> bytes:
    with suppress(BlockingIOError):
        return server.recv(100, socket.MSG_DONTWAIT)
    return b""


def said_leaks(found: Sequence[int], right: Sequence[int], lives: Mapping[int, Life]) -> str:
    missed, wrong = {*right} - {*found}, {*found} - {*right}
    if missed:
        share = f"{len(missed)} of {len(right)} leaked descriptors are not in your list"
        return f"{share}: {lives[missed.pop()]}"
    whose = {str(lives[number]) for number in wrong & {*lives}}
    return f"{len(wrong) or 'some'} in your list should not be there" + (
        f": {whose.pop()}" if whose else ", or are there twice"
    )
