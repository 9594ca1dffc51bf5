"""What its exercises ask of the learner's functions."""

import math
import os
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from statistics import median
from typing import Any

from sockutils.peers.peer import background
from sockutils.practice.exercise import exercise
from sockutils.tables.innards import NOTSENT, NOTSENT_SIZE

CLOSED = "you closed the connection: it is used again"
LOOKS = 2  # what is kept in so many, a millisecond apart, the learner may be about to let go
LEVELS = "SO_KEEPALIVE is of SOL_SOCKET, the options that begin with TCP_ are of IPPROTO_TCP"
# What a wrong level sets without an error: level and option, and what was meant.
STRAYS = (
    ("IPPROTO_TCP", "TCP_DEFER_ACCEPT", "SO_KEEPALIVE"),
    ("SOL_SOCKET", "SO_DEBUG", "TCP_NODELAY"),
    ("SOL_SOCKET", "SO_DONTROUTE", "TCP_KEEPINTVL"),
    ("SOL_SOCKET", "SO_BROADCAST", "TCP_KEEPCNT"),
)


@exercise(
    "sockopts",
    hint={
        CLOSED: "",
        "at that level": LEVELS,
        "Protocol not available": LEVELS,
        "Invalid argument": "TCP_KEEPIDLE and TCP_KEEPINTVL take 1 to 32767 seconds, TCP_KEEPCNT "
        "takes 1 to 127 probes",
        "'float'": "an option is a whole number: what do the three have to make together?",
        "is a limit for": "keepalive has a switch, SO_KEEPALIVE, and three timers",
        "is off": "the three timers count only with the switch, SO_KEEPALIVE of SOL_SOCKET",
        "": "the first probe after TCP_KEEPIDLE, then KEEPINTVL times KEEPCNT",
    },
)
def watch(keep_watch: Callable[[socket.socket, int], object]) -> None:
    for seconds in (20, 7, 2, 30_000):
        with ExitStack() as stack:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            client = stack.enter_context(socket.create_connection(listener.getsockname()))
            try:
                keep_watch(client, seconds)
            except (OSError, TypeError) as error:
                words = f"asked for {seconds} s: {type(error).__name__}: {error}"
                raise AssertionError(words) from error
            assert client.fileno() != -1, CLOSED
            on = client.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            others = stray(client) or of_others(client)
            assert on, f"SO_KEEPALIVE is off: the kernel asks nobody{others}"
            idle, pause, count, limit = (
                client.getsockopt(socket.IPPROTO_TCP, option)
                for option in (
                    socket.TCP_KEEPIDLE,
                    socket.TCP_KEEPINTVL,
                    socket.TCP_KEEPCNT,
                    socket.TCP_USER_TIMEOUT,
                )
            )
            why = f"{count} times"
            if limit:  # it decides instead of the count: at the first probe that is due after it
                count = max(1, math.ceil((limit / 1000 - idle) / pause))
                why = f"{count} times (TCP_USER_TIMEOUT, {limit} ms, overrides TCP_KEEPCNT)"
            total = idle + pause * count
            assert total == seconds, (
                f"asked for {seconds} s: the first probe goes out after {idle} s, "
                f"then {why} {pause} s without an answer make {total} s{stray(client)}"
            )


def stray(client: socket.socket) -> str:
    """What has been set instead, at a level where the number means something else."""
    for level, other, meant in STRAYS:
        if client.getsockopt(getattr(socket, level), getattr(socket, other)):
            return f"; {other} is set, which has the number of {meant} at that level, {level}"
    return ""


def of_others(client: socket.socket) -> str:
    if client.gettimeout() is not None:
        return "; settimeout() is a limit for your own calls"
    if client.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT):
        return "; TCP_USER_TIMEOUT is a limit for what you send"
    return ""


@exercise(
    "sockopts",
    seconds=10,
    hint={
        CLOSED: "",
        "you returned None": "`return` what recv() gives",
        "you returned": "the answer has two bytes: recv() until you have both, and return them",
        "Permission denied": f"{LEVELS}; at SOL_SOCKET the number of TCP_NODELAY is SO_DEBUG",
        "at that level": LEVELS,
        "unread": "the answer has two bytes: recv() until you have both",
        "the server wants": "head first, then body, each once",
        "the server for more": "has all of head and body been sent?",
        "has not waited": "let recv() wait: no setblocking(False), no MSG_DONTWAIT, no short limit",
        "usually takes": "what does the second piece wait for? The server's kernel confirms late, "
        "and the server is not yours: send one piece, or set the option that lets a second one go",
    },
)
def quick(ask: Callable[[socket.socket, bytes, bytes], bytes]) -> None:
    for head, body in ((b"head", b"body"), (b"x", b"longer")):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = socket.create_connection(listener.getsockname())
            with background(serve, listener, len(head + body), client) as peer, client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 2, 0))
                times = []
                for _ in range(11):
                    start = time.monotonic()
                    answer = answered(ask, client, head, body)
                    times.append(time.monotonic() - start)
                    assert client.fileno() != -1, CLOSED
                    assert answer == b"ok", f"the server answers b'ok', you returned {answer!r}"
                    assert not unread(client), "you left bytes of an answer unread"
                set_instead = stray(client)
            requests, kept = peer.result
            seen = set(requests)
            assert seen == {head + body}, (
                f"the server wants {head + body!r} eleven times, it got {seen or 'nothing'}"
            )
            usual = median(times)  # on a busy machine long, also where the kernel keeps nothing
            assert usual < 0.025 or kept <= len(times) / 2, (
                f"a request usually takes {usual * 1000:.0f} ms: the client's kernel has a piece "
                f"of it, and does not send it{set_instead}"
            )


def answered(ask: Callable[..., object], client: socket.socket, head: bytes, body: bytes) -> object:
    try:
        return ask(client, head, body)
    except (BlockingIOError, TimeoutError) as error:  # SO_RCVTIMEO, or a limit of the answer's own
        words = "you wait for the answer, and the server for more of the request"
        if unread(client, 1):
            words = "your recv() has not waited for the answer, which came a moment later"
        raise AssertionError(words) from error


def unread(end: socket.socket, seconds: float = 0) -> bool:
    return bool(select.select([end], [], [], seconds)[0])


def serve(listener: socket.socket, size: int, client: socket.socket) -> tuple[list[bytes], int]:
    """Answer each request; return them, and of how many the client's kernel kept a piece back."""
    requests, kept = list[bytes](), 0
    connection, _ = listener.accept()
    with connection, suppress(ConnectionError):  # the learner's function may close too early
        while (found := receive(connection, size, client))[0]:
            requests.append(found[0])
            kept += found[1] > LOOKS
            connection.sendall(b"ok")
    return requests, kept


def receive(connection: socket.socket, size: int, client: socket.socket) -> tuple[bytes, int]:
    """A request, and in how many looks the client's kernel had bytes that it did not send."""
    request, kept, part = b"", 0, b"?"
    while part and len(request) < size:
        while not unread(connection, 0.001):
            kept += unsent(client) > 0
        part = connection.recv(size - len(request))
        request += part
    return request, kept


def unsent(client: socket.socket) -> int:
    with suppress(OSError):  # it is closed
        info = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, NOTSENT + NOTSENT_SIZE.size)
        return int(NOTSENT_SIZE.unpack_from(info, NOTSENT)[0])
    return 0


CALLER = """
import os, socket, sys
with socket.socket(socket.AF_UNIX) as client:
    client.connect("\\0" + sys.argv[1])
    client.sendall(str(os.getpid()).encode())
    client.recv(1)
"""


class AnotherUser(socket.socket):
    """A socket whose SO_PEERCRED names another user and group than the kernel does."""

    asked = False

    def getsockopt(self, *arguments: Any) -> Any:
        raw = super().getsockopt(*arguments)
        if arguments[:2] != (socket.SOL_SOCKET, socket.SO_PEERCRED):
            return raw
        self.asked = True
        if isinstance(raw, int):  # the first four bytes
            return raw
        return (raw[:4] + struct.pack("II", 4001, 4002))[: len(raw)]


@exercise(
    "sockopts",
    seconds=10,
    hint="SO_PEERCRED: three numbers of 4 bytes, pid, uid, gid, unpack them.",
)
def caller(who: Callable[[socket.socket], tuple[int, int]]) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("")
        listener.listen()
        listener.settimeout(5)
        command = [sys.executable, "-c", CALLER, listener.getsockname()[1:].decode()]
        with subprocess.Popen(command) as child:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(5)
                connection.recv(100)
                answer = as_tuple(who(connection))
                assert connection.fileno() != -1, CLOSED
                right = child.pid, os.getuid()
                said = f"process {right[0]} of user {right[1]} called: {right}, you say {answer}"
                own = isinstance(answer, tuple) and answer[:1] == (os.getpid(),)
                assert answer == right, said + (", which is yourself" if own else "")
                with AnotherUser(fileno=os.dup(connection.fileno())) as other:
                    answer = as_tuple(who(other))
                    assert not other.asked or answer == (child.pid, 4001), (
                        f"if user 4001 of group 4002 had called, you would say {answer}"
                    )


def as_tuple(answer: object) -> object:
    return tuple(answer) if isinstance(answer, list) else answer
