"""What its first two exercises ask of the learner's functions."""

import errno
import os
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from unittest.mock import patch

from sockutils.calls.call import Calls
from sockutils.calls.trace import trace
from sockutils.lessons.close.ending import Address
from sockutils.lessons.close.forgotten import link
from sockutils.peers.ends import reset
from sockutils.peers.peer import background
from sockutils.peers.waits import wait_until
from sockutils.practice.exercise import exercise
from sockutils.practice.left import left_open
from sockutils.tables.descriptors import held
from sockutils.tables.diag import sockets

ANY = ("127.0.0.1", 0)


ASK_HINTS = {
    "SHUT_RDWR": "SHUT_WR is the direction that you send in",
    "nobody connected": "socket.create_connection(address) calls the server",
    "never heard the end": "what makes the server's recv() return b'', and leaves you your socket?",
    "you got a reset": "end your direction only, read on until b'', and close then",
    "bytes to ask": "sendall() sends all of it",
    "the answer has": "one recv() gives what is there: who says that no more comes?",
    "broke off": "with a part nobody can do anything: no `except`, so that the error gets out",
    "not bytes": "recv() gives bytes: put them together with b''.join()",
    "a socket that is still needed": "close() comes after the last recv()",
    "Bad file descriptor": "it is closed, and you want to read: what ends one direction only?",
    "still busy": "after the end recv() gives b'' again and again: leave your loop at the first",
    "left the file": "`with` closes a file, too: with client, client.makefile('rb') as file: ...",
    "open": "`with` closes it, however the function ends",
    "left it to Python": "`with` closes it, however the function ends",
}


@exercise("close", hint=ASK_HINTS)
def whole_question(ask: Callable[[Address, bytes], bytes]) -> None:
    for question in (b"short", b"long " * 40_000):
        with socket.create_server(ANY) as listener:
            listener.settimeout(2)
            before = held()
            with files_of_sockets() as files:
                try:
                    with trace() as calls, background(answer_at_the_end, listener) as server:
                        answer = ask(listener.getsockname(), question)
                except ConnectionResetError as error:
                    raise AssertionError(f"you got a reset{of_reading(calls)}") from error
                open_files = [file for file in files if not file.closed]
        heard, ended = server.result
        assert heard is not None, "nobody connected to the server"
        assert ended, f"the server never heard the end of your question{of_reading(calls)}"
        assert heard == question, f"{len(question)} bytes to ask, the server heard {len(heard)}"
        right = reply(question)
        assert isinstance(answer, bytes), f"it returned {answer!r}, not bytes"
        assert answer == right, (
            f"the answer has {len(right)} bytes, you returned {len(answer)}{of_reading(calls)}"
        )
        assert not held() - before, "you left your socket open"
        assert not open_files, "you left the file of makefile() open, and it holds your socket"
        assert not left_open(calls), "you left it to Python to close your socket"
    with (
        socket.create_server(ANY) as listener,
        background(breaks_off, listener),
        suppress(OSError, EOFError, RuntimeError, ValueError),
    ):
        answer = ask(listener.getsockname(), b"short")
        raise AssertionError(f"the answer broke off with a reset, and you returned {answer!r}")


def breaks_off(listener: socket.socket) -> None:
    with suppress(OSError):
        listener.settimeout(2)
        connection, _ = listener.accept()
        connection.settimeout(1)
        while connection.recv(100):
            pass
        connection.sendall(b"SHORT")
        reset(connection)


@contextmanager
def files_of_sockets() -> Iterator[list[Any]]:
    """Keep what makefile() makes in the block, so that no file is closed by being forgotten."""
    usual = socket.socket.makefile
    files: list[Any] = []

    def makefile(*arguments: Any, **keywords: Any) -> Any:
        files.append(usual(*arguments, **keywords))
        return files[-1]

    try:
        with patch.object(socket.socket, "makefile", makefile):
            yield files
    finally:
        for file in files:
            file.close()


def of_reading(calls: Calls) -> str:
    both = any(call.name == "shutdown" and socket.SHUT_RDWR in call.arguments for call in calls)
    return "; SHUT_RDWR ends what you want to read, too" if both else ""


def reply(question: bytes) -> bytes:
    return question.upper() * 3


def answer_at_the_end(listener: socket.socket) -> tuple[bytes | None, bool]:
    """What it heard, and whether it heard the end."""
    heard, ended = None, False
    try:
        connection, _ = listener.accept()
        heard = b""
        with connection:
            connection.settimeout(1)
            while data := connection.recv(1 << 16):
                heard += data
            ended = True
            half = len(answer := reply(heard)) // 2
            connection.sendall(answer[:half])
            select.select([], [], [], 0.05)  # one recv() does not get it all
            connection.sendall(answer[half:])
    except OSError:
        pass  # it could not answer: what was returned tells
    return heard, ended


UNREAD, PAUSED = "unread", "paused"
WHY = "you closed with bytes unread, or while it still talked"
WORDS = 1000  # more than anybody counts
BREATH, PAUSE = 0.0005, 1.0  # seconds
LAST_HINTS = {
    "answer first": "answer before you wait for anything that the client says",
    "before the client got a byte": "sendall() first, shutdown() after it",
    "left the connection open": "close() is the last thing that you do, once the client is done",
    "say that you send no more": "which call ends your direction, and lets you read on?",
    "after your end": "the client says when it is done: what does recv() return then? "
    "(After SHUT_RDWR it does at once)",
    "goes on when it likes": "a pause is no end: what does recv() return when the client closes?",
    "you got": "all of the answer comes before the end of your direction",
    "bytes to send": "sendall() sends all of it",
    "the client got": "what is unread at close() makes a reset: what has to come before it?",
}


@exercise("close", hint=LAST_HINTS, seconds=20)
def last_word(answer_and_close: Callable[[socket.socket, bytes], object]) -> None:
    for size in (100, 2_000_000):
        answer = os.urandom(size)
        with socket.create_server(ANY) as listener:
            client = socket.create_connection(listener.getsockname())
            connection, _ = listener.accept()
        with client, connection:
            client.sendall(b"unread")
            select.select([connection], [], [], 1)
            number = connection.fileno()
            here = link(number)
            with background(read_slowly, client) as peer:
                broken = answered(answer_and_close, connection, answer)
                if open_still := link(number) == here:
                    connection.detach()  # if the answer has not
                    os.close(number)
        received, ended, late = peer.result
        first = size if ended == "a timeout" and not received else 0
        assert not first, "the client waits for your answer, and you for what it says: answer first"
        assert received or "BrokenPipe" not in broken, (
            f"{broken} before the client got a byte: you had ended your direction"
        )
        assert not open_still, "you returned, and left the connection open"
        assert ended not in ("ECONNRESET", "EPIPE"), f"the client got {ended}: {WHY}"
        assert ended == "b''", (
            f"the client waited for the end, and got {ended}: say that you send no more"
        )
        assert received == answer, f"{size} bytes to send, the client got {len(received)}"
        assert late != UNREAD, "you left unread what the client said after your end"
        assert late != PAUSED, (
            "the client was silent for a second, and you had closed: it goes on when it likes"
        )
        assert not late, f"the client talked on after your end, and got {late}: you had closed"
        assert not broken, f"{broken}; the client had closed, or has got a reset"


def answered(answer_and_close: Callable[..., object], *arguments: object) -> str:
    """What stopped it, if anything; nobody closes before it has returned."""
    try:
        answer_and_close(*arguments)
    except (BrokenPipeError, ConnectionResetError, TimeoutError) as error:
        return f"you got {type(error).__name__}"
    return ""


def read_slowly(client: socket.socket) -> tuple[bytes, str, str]:
    """Be the client: talk while the answer comes, and go on after its end.

    Return what came, how it ended, and what went wrong when it went on.
    """
    received = b""
    client.settimeout(2)
    with client:
        try:
            while data := client.recv(1 << 16):
                received += data
                if len(received) == len(data):
                    client.sendall(b"more")
        except TimeoutError:
            return received, "a timeout", ""
        except OSError as error:
            name = errno.errorcode[error.errno or 0]
            return received, name, name
        return received, repr(data), goes_on(client)


def goes_on(client: socket.socket) -> str:
    """Talk on, in more words than anybody counts, and once more after a pause."""
    late = says(client, WORDS, BREATH)
    if not late and (late := says(client, 1, PAUSE)):
        return late if late == UNREAD else PAUSED
    return late


def says(client: socket.socket, words: int, pause: float) -> str:
    """Say so many words, after a pause each; return what went wrong."""
    try:
        for _ in range(words):
            select.select([], [], [], pause)
            client.sendall(b"and ")
        read = wait_until(lambda: not unread(client), 2)
        # who closes with it unread sends a reset; who has closed answers with one
        error = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    except OSError as failure:
        return errno.errorcode[failure.errno or 0]
    if error:
        return errno.errorcode[error]
    return "" if read else UNREAD


def unread(client: socket.socket) -> int:
    """How many bytes wait at the other end of a connection within this machine."""
    here = client.getsockname()
    return sum(row.receive_queue for row in sockets(port=here[1]) if row.remote == here)
