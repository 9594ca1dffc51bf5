"""What its exercises ask of the learner's functions."""

import errno
import os
import select
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import NamedTuple

from sockutils.calls.trace import trace
from sockutils.lessons.close.ending import Address
from sockutils.lessons.looking import held, wait_until
from sockutils.peers.peer import background
from sockutils.practice.exercise import exercise
from sockutils.tables.diag import sockets
from sockutils.tables.states import follow

ANY = ("127.0.0.1", 0)


@exercise("close", hint="Who tells the server that the question is complete? Read until b''.")
def whole_question(ask: Callable[[Address, bytes], bytes]) -> None:
    for question in (b"short", b"long " * 40_000):
        with socket.create_server(ANY) as listener:
            listener.settimeout(2)
            before = held()
            with background(answer_at_the_end, listener) as server, trace() as calls:
                answer = ask(listener.getsockname(), question)
        heard, ended = server.result
        assert ended, "the server never heard the end of your question"
        assert heard == question, f"{len(question)} bytes to ask, the server heard {len(heard)}"
        right = reply(question)
        assert isinstance(answer, bytes), f"it returned {answer!r}, not bytes"
        assert answer == right, f"the answer has {len(right)} bytes, you returned {len(answer)}"
        assert not held() - before, "you left your socket open"
        for lane in calls.lanes().values():
            assert lane[-1].name in ("close", "detach"), (
                "you left it to Python to close your socket"
            )


def reply(question: bytes) -> bytes:
    return question.upper() * 3


def answer_at_the_end(listener: socket.socket) -> tuple[bytes, bool]:
    heard = b""
    try:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(1)
            while data := connection.recv(1 << 16):
                heard += data
            half = len(answer := reply(heard)) // 2
            connection.sendall(answer[:half])
            select.select([], [], [], 0.05)  # one recv() does not get it all
            connection.sendall(answer[half:])
    except OSError:
        return heard, False
    return heard, True


UNREAD = "unread"
WHY = "you closed with bytes unread, or while it still talked"


@exercise(
    "close", hint="Say that you send no more, then read until the client has closed.", seconds=8
)
def last_word(answer_and_close: Callable[[socket.socket, bytes], object]) -> None:
    for size in (100, 2_000_000):
        answer = os.urandom(size)
        with socket.create_server(ANY) as listener:
            client = socket.create_connection(listener.getsockname())
            connection, _ = listener.accept()
        with client, connection:
            client.sendall(b"unread")
            select.select([connection], [], [], 1)
            with background(read_slowly, client) as peer:
                answer_and_close(connection, answer)
                open_still = connection.fileno() != -1
                connection.close()
        received, ended, late = peer.result
        assert not open_still, "you returned, and left the connection open"
        assert ended not in ("ECONNRESET", "EPIPE"), f"the client got {ended}: {WHY}"
        assert ended == "b''", f"the client waited for the end, and got {ended}"
        assert received == answer, f"{size} bytes to send, the client got {len(received)}"
        assert late != UNREAD, "you left the client's last words unread"
        assert not late, f"when the client said its last words, it got {late}: you had closed"


def read_slowly(client: socket.socket) -> tuple[bytes, str, str]:
    received, ended = b"", ""
    client.settimeout(2)
    try:
        while data := client.recv(1 << 16):
            received += data
            if len(received) == len(data):
                client.sendall(b"more")
        ended = repr(data)
        for word in (b"last", b"words"):
            client.sendall(word)
            if not wait_until(lambda: not unread(client), 2):
                return received, ended, UNREAD
            select.select([client], [], [], 0.1)
        client.sendall(b"!")
    except TimeoutError:
        return received, "a timeout", ""
    except OSError as error:
        name = errno.errorcode[error.errno or 0]
        return received, ended or name, name
    finally:
        client.close()
    return received, ended, ""


def unread(client: socket.socket) -> int:
    """How many bytes wait at the other end of a connection within this machine."""
    here = client.getsockname()
    return sum(row.receive_queue for row in sockets(port=here[1]) if row.remote == here)


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
        for life in LIVES:
            led.append((life, *life.lead(other if life.elsewhere else listener, stack)))
            found = find_leaks(listener.getsockname()[1])
            assert isinstance(found, list), f"it returned {found!r}, not a list"
            ours = {client.fileno() for _, client, _ in led} & {*found}
            assert not ours, "a client's end is in your list"
            gone = [server.fileno() for life, _, server in led if life.leaks]
            assert sorted(found) == sorted(gone), said_leaks(found, gone)
        for life, _, server in led:
            if life.sent:
                assert unread_of(server) == life.sent, "you have taken bytes from a connection"


def unread_of(server: socket.socket) -> bytes:
    with suppress(BlockingIOError):
        return server.recv(100, socket.MSG_DONTWAIT)
    return b""


def said_leaks(found: Sequence[int], right: Sequence[int]) -> str:
    missed, wrong = {*right} - {*found}, {*found} - {*right}
    if missed:
        return f"{len(missed)} of {len(right)} leaked descriptors are not in your list"
    return f"{len(wrong) or 'some'} in your list should not be there (or are there twice)"
