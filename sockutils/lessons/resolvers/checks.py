"""What its exercise in depth asks, and limits.py too: to connect to one of several addresses."""

import os
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from sockutils.calls.call import Calls
from sockutils.calls.trace import trace
from sockutils.errors.shown import name_of
from sockutils.kernel.network import network
from sockutils.link.link import Link
from sockutils.peers.peer import background
from sockutils.practice.exercise import exercise
from sockutils.practice.left import left_open
from sockutils.practice.silent import full, knocked, make_room
from sockutils.tables.descriptors import held

Info = tuple[int, int, int, str, Any]  # what getaddrinfo() returns a list of
Connect = Callable[..., socket.socket]
ANY = ("127.0.0.1", 0)
NO_FAMILY = 255  # beyond AF_MAX, and no module is loaded for it
UNREACHABLE = ("127.255.255.255", 5099)  # a broadcast address: TCP fails at once


def info(address: Any, protocol: int = socket.IPPROTO_TCP) -> Info:
    family = socket.AF_INET6 if len(address) == 4 else socket.AF_INET
    return family, socket.SOCK_STREAM, protocol, "", address


def refusing() -> Info:
    """An address whose port is closed."""
    with socket.create_server(ANY) as closed:
        return info(closed.getsockname())


def unknown(address: Any) -> list[Info]:
    """For which there may be no socket: no such family, no such protocol; nobody is at ::1."""
    nobody = refusing()[4]
    no_family = (NO_FAMILY, socket.SOCK_STREAM, 0, "", nobody)
    return [no_family, info(address, socket.IPPROTO_UDP), info(("::1", nobody[1], 0, 0))]


@contextmanager
def silent(later: Callable[[socket.socket], None] | None = None) -> Iterator[Info]:
    """An address that does not answer, at first.

    What happens to its listener when a SYN has been dropped decides what becomes of the next one,
    a second later: make_room() connects, refuse() does what it says.
    """
    with ExitStack() as stack:
        listener = stack.enter_context(full())
        here = info(listener.getsockname())
        if later:
            stack.enter_context(background(later, listener))
        yield here


def refuse(listener: socket.socket) -> None:
    knocked(listener)
    listener.close()


def attempted(case: str, connect: Connect, *arguments: object) -> tuple[Any, Calls]:
    """What it returns, and the calls on its way."""
    with trace() as calls:
        try:
            return connect(*arguments), calls
        except OSError as error:
            name = name_of(error)
    hint = TRIES.get(name, "one that fails is a reason to try the next")
    raise AssertionError(f"{case}: you raised {name}; {hint}")


TRIES = {
    "TimeoutError": "did a silent address take the time of all, or end an attempt that goes on?",
    "EPROTONOSUPPORT": "socket() may fail, too, and the next one may answer",
    "EAFNOSUPPORT": "socket() may fail, too, and the next one may answer",
}


def reached(client: Any, calls: Calls, answer: Info, before: set[str], case: str) -> None:
    """The learner's result is connected to that address, and nothing else was left open."""
    assert isinstance(client, socket.socket), f"{case}: you return {client!r}, not a socket"
    assert client.fileno() != -1, f"{case}: the socket that you return is closed; by `with`?"
    with client:
        try:
            peer = client.getpeername()
        except OSError:
            raise AssertionError(f"{case}: {NOT_YET}") from None
        limit = client.gettimeout()
        assert limit is None, f"the socket that you returned has a timeout: {limit:g} s"
        assert peer == answer[4], f"{case}: you are connected to {peer}, not to {answer[4]}"
        own = os.readlink(f"/proc/self/fd/{client.fileno()}")
        assert held() - before <= {own}, f"{case}: an attempt that failed or lost is still open"
        assert left_open(calls) <= 1, f"{case}: {TO_PYTHON}"


NOT_YET = "what you return is not connected; writable is a failed one, too: what does SO_ERROR say?"
TO_PYTHON = "you left it to Python to close an attempt that failed or lost"


def raised(connect: Callable[..., Any], *args: object) -> str:
    """The name of what it raises when nobody answers; no traceback, which would hold sockets."""
    with trace() as calls:
        try:
            said = given(connect(*args))
        except OSError as error:
            said = type(error).__name__
    assert not left_open(calls), TO_PYTHON
    return said


def given(result: object) -> str:
    said = f"nothing, but returned {result!r}"
    if isinstance(result, socket.socket):
        result.close()
    return said


@exercise(
    "resolvers",
    hint="Nonblocking sockets and select(): a new attempt after 0.25 s or after a failure, and the"
    " earlier ones go on. connect_ex() may fail at once; SO_ERROR tells what became of an attempt.",
    seconds=15,
)
def eyeballs(connect: Connect) -> None:
    before = held()
    with socket.create_server(ANY) as listener, silent() as quiet:
        good = info(listener.getsockname())
        with silent(make_room) as slow:
            timed(
                connect,
                [slow, good],
                good,
                "the first is silent for a second, the second answers",
                0.15,
                0.9,
            )
        with socket.create_server(ANY) as trap:
            timed(connect, [good, info(trap.getsockname())], good, "both answer")
            called = select.select([trap], [], [], 0)[0]
            assert not called, "the first address answered, and you called the second one, too"
        with silent(make_room) as slow:
            timed(connect, [slow, quiet], slow, "the first is slow, the second silent")
        timed(connect, [quiet, quiet, good], good, "two are silent", 0.4, 1.5)
        failing = [info(UNREACHABLE)] * 3 + [refusing()] * 3
        timed(connect, [*failing, good], good, "six fail at once", 0, 0.6)
        with socket.create_server(ANY) as trap:
            answers = [*unknown(trap.getsockname()), good]
            timed(connect, answers, good, "there is no socket for the first", 0, 0.6)
        with silent(refuse) as late, silent(make_room) as slow:
            timed(connect, [late, slow], slow, "the first fails late, the second is slow")
    if linked():
        over_link(connect)
    error = raised(connect, [info(UNREACHABLE), refusing()])
    assert error == "ConnectionRefusedError", f"the last one refused, and you raised {error}"
    assert not held() - before, "you left a socket open"


def timed(
    connect: Connect,
    answers: list[Info],
    good: Info,
    case: str,
    least: float = 0,
    most: float = 5,
    limits: tuple[float, ...] = (),
) -> None:
    before, start = held(), time.monotonic()
    client, calls = attempted(case, connect, [*answers], *limits)
    took = time.monotonic() - start
    reached(client, calls, good, before, case)
    assert took > least, f"{case}: the next one was tried before 0.25 seconds were over"
    assert took < most, f"{case}: you waited for {took:.1f} seconds"


def over_link(connect: Connect) -> None:
    """The link swallows one family."""
    with (
        Link(lose=lambda packet: packet.version == 6),
        socket.create_server(("10.0.0.1", 0)) as four,
    ):
        port = four.getsockname()[1]
        lost, good = info(("fd00::2", port, 0, 0)), info(("10.0.0.2", port))
        timed(connect, [lost, good], good, "all IPv6 packets get lost", 0.15, 0.9)


def linked() -> bool:
    """Whether a Link can be had, with IPv6 on it."""
    if not network().private:
        return False
    with suppress(OSError), Link(), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("fd00::1", 0))
        return True
    return False
