"""What its first and its third exercise ask: to connect to one of several addresses."""

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


LIMITS = "settimeout() with `each`, or with what is left of `total` if that is less"
CLOSE = "client.close() where connect() has failed"


@exercise(
    "resolvers",
    hint={
        "has a timeout": "settimeout(None) for the socket that you return",
        "socket() may fail": "have socket() in a `try`, too, and go on with the next address",
        "to Python to close": CLOSE,
        "still open": CLOSE,
        "left a socket open": CLOSE,
        "the error of the first": "remember the error of each attempt: the latest is the one to raise",
        "no time at all": "look what is left before each attempt: if nothing, raise TimeoutError",
        "seconds": LIMITS,
        "silent": LIMITS,
        "": f"{LIMITS}, and with None for the socket that you return. Close what did not connect.",
    },
    seconds=12,
)
def first_that_answers(connect: Connect) -> None:
    with ExitStack() as stack:
        quiet = stack.enter_context(silent())
        server, trap = (stack.enter_context(socket.create_server(ANY)) for _ in range(2))
        good = info(server.getsockname())
        other = [info(UNREACHABLE), *unknown(trap.getsockname()), refusing(), quiet]
        before = held()
        case = "the seventh of eight addresses answers, the second is of a family that is not there"
        client, calls = attempted(case, connect, [*other, good, refusing()], 0.3, 3)
        reached(client, calls, good, before, case)
        case = "the first is silent, and each had 0.3 seconds"
        timed(connect, [quiet, good], good, case, most=1.5, limits=(0.3, 5))
        out_of_time(connect, [quiet] * 8, 0.4, 0.6)
        out_of_time(connect, [quiet], 3, 0.4)
        error = raised(connect, [quiet], 1, 0)
        assert error == "TimeoutError", f"no time at all, `total` is 0: you raised {error}"
        error = raised(connect, [info(UNREACHABLE), refusing()], 1, 5)
        which = ", the error of the first" if error == "OSError" else ""
        assert error == "ConnectionRefusedError", f"the last one refused: you raised {error}{which}"
        with silent(make_room) as slow:
            case = "the first of four answers after a second, and each had 3 seconds"
            timed(connect, [slow, *[refusing()] * 3], slow, case, most=4, limits=(3, 3))
        assert not held() - before, "you left a socket open"


def out_of_time(connect: Connect, answers: list[Info], each: float, total: float) -> None:
    start = time.monotonic()
    error = raised(connect, answers, each, total)
    took = time.monotonic() - start
    case = f"all are silent, and there were {total} seconds"
    assert error == "TimeoutError", f"{case}: you raised {error}"
    assert total - 0.1 < took < total + 1.4, f"{case}: you took {took:.1f}"


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
