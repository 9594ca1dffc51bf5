"""The lesson's exercises: what a call meets, and how an attempt that went on has ended."""

import os
import select
import socket
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from errno import EADDRNOTAVAIL, ECONNREFUSED, errorcode

from sockutils.calls.counted import counted
from sockutils.calls.trace import trace
from sockutils.kernel.network import network
from sockutils.lessons.connect.lan import RANGE, ephemeral
from sockutils.lessons.connect.peers import (
    BUSY,
    BUSY_WORDS,
    HERE,
    NOWHERE,
    Address,
    close_late,
    in_time,
    silent,
)
from sockutils.lessons.connect.routes import route
from sockutils.peers.peer import background
from sockutils.practice.exercise import exercise
from sockutils.practice.silent import full, make_room

SHORT, LONGER = 0.3, 1.0  # seconds for a call that nobody answers: no limit of its own fits both
LATE = 0.6  # seconds that a busy machine may add
EXAMPLE = ("192.0.2.1", 80)  # RFC 5737: nobody has it


@exercise(
    "connect",
    seconds=8,
    hint={
        "left your socket open": "a `with` block closes it, however it is left",
        "default timeout": "client.settimeout(seconds), or create_connection(address, seconds)",
        "you gave up": "`seconds` is the limit, and another one each time",
        "nobody answers": "settimeout() before connect(): it raises TimeoutError then, and "
        "connect_ex() returns EAGAIN",
        "No route to host": "two numbers say so: ENETUNREACH and EHOSTUNREACH",
        "no local port": "look at error.errno, and `raise` what is neither of the two; a number of "
        "connect_ex() becomes an exception with OSError(number, os.strerror(number))",
        "": "A limit before connect(), and an `except`, or a number, for each way it ends.",
    },
)
def diagnosis(diagnose: Callable[[Address, float], str]) -> None:
    with ExitStack() as stack:
        good = stack.enter_context(socket.create_server((HERE, 0))).getsockname()
        mute = stack.enter_context(silent(0))
        with socket.create_server((HERE, 0)) as gone:
            closed = gone.getsockname()
        cases = [
            (good, 2, "connected", "a server listens there"),
            (closed, 2, "refused", "nobody listens on this port"),
            (NOWHERE, 2, "unreachable", "TCP cannot reach this address: Network is unreachable"),
            (mute, SHORT, "silent", f"nobody answers there, and you have {SHORT} s"),
            (mute, LONGER, "silent", f"nobody answers there, and you have {LONGER} s"),
            (good, 2, "connected", "a server listens there, and was called before"),
        ]
        if network().private:  # elsewhere it would be a route of the whole machine
            stack.enter_context(route("unreachable", EXAMPLE[0]))
            no_route = "TCP cannot reach this address: No route to host"
            cases.append((EXAMPLE, 2, "unreachable", no_route))
        for address, seconds, right, what in cases:
            silence = address == mute
            soon = f"you had {seconds} s" if silence else "that is clear at once"
            most = seconds + LATE if silence else 0.9
            took = in_time(most, one_diagnosis, diagnose, address, seconds, right, what)
            assert took < most, f"{what}: {soon}, and it took {took:.1f} s"
            patient = not silence or took > seconds - 0.05
            assert patient, f"{what}: you gave up after {took:.2f} s"
        if network().private and os.access(RANGE, os.W_OK):
            something_else(diagnose, good)


def something_else(diagnose: Callable[[Address, float], str], good: Address) -> None:
    """With no port left at this end, the other end is none of the four."""
    said, raised = None, None
    with ephemeral("20000 20000"), socket.create_connection(good):
        try:
            said = diagnose(good, 2)
        except OSError as error:
            raised = error
    what = "no local port is left for a call (EADDRNOTAVAIL)"
    assert raised, (
        f"{what}, and you returned {said!r}: none of the four words is true, "
        "so let the exception through"
    )
    assert raised.errno == EADDRNOTAVAIL, f"{what}, and you raised {raised!r}"


def one_diagnosis(
    diagnose: Callable[[Address, float], str],
    address: Address,
    seconds: float,
    right: str,
    what: str,
) -> float:
    """The seconds that it took."""
    start, usual = time.monotonic(), socket.getdefaulttimeout()
    try:
        with trace() as calls:
            said = diagnose(address, seconds)
            took = time.monotonic() - start
    except OSError as error:
        raise AssertionError(f"{what}: you raised {error!r}") from error
    finally:
        left = socket.getdefaulttimeout()
        socket.setdefaulttimeout(usual)
    every = f"you left the default timeout at {left}: each later socket of the program has it"
    assert left == usual, every
    assert said == right, f"{what}: you returned {said!r}, not {right!r}"
    assert not calls.unclosed(), f"{what}: you left your socket open"
    return took


@exercise(
    "connect",
    seconds=10,
    hint={
        "clear at once": "select() returns as soon as it is over, sleep() does not",
        "you closed": "whoever gave you the socket goes on with it: a `with` block would close it",
        "not ECONNREFUSED": "a refused socket is writable, too: SO_ERROR has the number, "
        "for the first who reads it",
        "timeout": "select() has a limit of its own, its fourth argument",
        "": "select() waits until it is writable. Which option says how it went, and how often?",
    },
)
def outcome(how_it_went: Callable[[socket.socket, float], int | None]) -> None:
    with ExitStack() as stack:
        good = stack.enter_context(socket.create_server((HERE, 0)))
        mute = stack.enter_context(silent(0))
        slow, dying = (stack.enter_context(full()) for _ in range(2))
        with socket.create_server((HERE, 0)) as gone:
            closed = gone.getsockname()
        what = "a server listens there"
        there = good.getsockname()
        took = in_time(0.9, ended, how_it_went, there, 2, 0, what)
        assert took < 0.9, f"{what}: that is clear at once, and took you {took:.1f} s"
        with good.accept()[0] as end:
            heard = end.recv(100)
        assert not heard, f"you sent {heard!r} to find out, and the server got it: ask the socket"
        ended(how_it_went, closed, 2, ECONNREFUSED, "nobody listens there")
        took = in_time(0.9, ended, how_it_went, mute, SHORT, None, "nobody answers")
        assert took > SHORT - 0.05, f"nobody answers: you had {SHORT} s, and gave up sooner"
        assert took < 0.9, f"nobody answers: you had {SHORT} s, and took {took:.1f} s"
        with background(make_room, slow):
            ended(how_it_went, slow.getsockname(), 3, 0, "the answer comes after a second")
        address = dying.getsockname()
        with background(close_late, dying):
            ended(how_it_went, address, 3, ECONNREFUSED, "it is refused after a second")


def ended(
    how_it_went: Callable[[socket.socket, float], int | None],
    address: Address,
    seconds: float,
    right: int | None,
    what: str,
) -> float:
    """The seconds that it took."""
    with socket.socket() as client:
        client.setblocking(False)
        client.connect_ex(address)
        start, calls = time.monotonic(), Counter[str]()
        try:
            with counted(calls):
                said = how_it_went(client, seconds)
        except OSError as error:
            raise AssertionError(f"{what}: you raised {error!r}") from error
        took = time.monotonic() - start
        assert client.fileno() != -1, f"{what}: you closed the socket that you were given"
        mode = client.gettimeout()
        kept = f"{what}: the socket's timeout was 0 (not blocking), and you left it at {mode}"
        assert mode == 0, kept
        exact = said == right and (said is None) == (right is None) and said is not False
        assert exact, f"{what}: you returned {named(said)}, not {named(right)}"
        assert calls.total() < BUSY, f"{what}: {BUSY_WORDS}"
        if right is None:
            over = select.select([], [client], [], 0)[1]
            assert not over, f"{what}: the attempt is over, let it go on"
    return took


def named(number: object) -> str:
    known = errorcode.get(number) if isinstance(number, int) and number is not True else None
    return known or repr(number)
