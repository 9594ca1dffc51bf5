"""Steps of the learner's own server and client: their files run, and real peers drive them."""

import functools
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from sockutils.peers.waits import wait_until
from sockutils.practice.exercise import Hint, Result, told_by
from sockutils.practice.limit import bounded
from sockutils.practice.program import ANSWER, HOST, PORT, Program
from sockutils.practice.progress import record
from sockutils.practice.traceback import syntax_error

UNREAD = " before it had read everything"
LOOPS = "answers the same client again and again, and does not come to close() while it is there"
WAITS = "waits for more from the same client, or its end, before it closes"
OPEN = "left the connection open: close() it, or use `with`"
ALONE = {"NameError: ": "a program knows its own lines only, and nothing of the notebook's cells"}


def own_program(
    lesson: str, hint: Hint, seconds: float = 60
) -> Callable[[Callable[..., object]], Callable[..., Result]]:
    """Turn a function that drives the learner's programs, and asserts, into a check of that name.

    The check takes the names of their files, one for each argument of the function, which gets
    paths. If none of them is there, nothing is attempted. The hint is as that of an exercise.
    """

    def decorate(check: Callable[..., object]) -> Callable[..., Result]:
        @functools.wraps(check)
        def examine(*files: str) -> Result:
            paths = [Path(file) for file in files]
            if not any(path.exists() for path in paths):
                note = f"{paths[0]} is not there yet: write it first"
                return Result(check.__name__, "not attempted", note)
            if failure := unreadable(paths) or trouble(check, paths, seconds):
                record(lesson, check.__name__, passed=False)
                return Result(check.__name__, f"not yet — {failure}", told_by(hint, failure, ALONE))
            return Result(check.__name__, "passed", record(lesson, check.__name__))

        return examine

    return decorate


def unreadable(paths: list[Path]) -> str:
    for path in paths:
        if path.exists() and (why := refused(path)):
            return f"{path.name}: {why}"
    return ""


def refused(path: Path) -> str:
    try:
        return syntax_error(path)
    except OSError as error:
        return f"it cannot be read: {error.strerror}"


def trouble(check: Callable[..., object], paths: list[Path], seconds: float) -> str:
    try:
        stuck = bounded(seconds, check, *paths)
    except AssertionError as error:
        return str(error)
    return f"it was not over after {seconds:g} s" if stuck else ""


def caller() -> socket.socket:
    """A client of the learner's server."""
    return socket.create_connection((HOST, PORT), timeout=ANSWER)


def answers(program: Program, client: socket.socket, expected: bytes) -> None:
    """Read what the client gets, until it is as long as expected."""
    got = b""
    try:
        while len(got) < len(expected) and (part := client.recv(1 << 16)):
            got += part
    except TimeoutError:
        seen = f"{got!r:.80} and no more" if got else "nothing"
        line = f"{program} answered {seen} within {ANSWER:.0f} s, expected {expected!r:.80}"
        queue = ": it has not called accept(), the client is still in its queue"
        raise AssertionError(line + queue * program.keeps_waiting()) from None
    except ConnectionResetError as error:
        died(program)
        raise AssertionError(f"{program} reset the connection: it closed{UNREAD}") from error
    if not got:
        died(program)
        raise AssertionError(f"{program} ended the connection without an answer")
    assert got == expected, f"{program} answered {different(got, expected)}"


def different(got: bytes, expected: bytes) -> str:
    """Both, or, if they begin alike, where and how they differ."""
    if f"{got!r:.80}" != f"{expected!r:.80}":
        return f"{got!r:.80}, expected {expected!r:.80}"
    pairs = enumerate(zip(got, expected, strict=False))
    at = next((n for n, (one, other) in pairs if one != other), min(len(got), len(expected)))
    return (
        f"{len(got)} bytes, expected {len(expected)}; from byte {at} on it is"
        f" {got[at : at + 20]!r}, expected {expected[at : at + 20]!r}"
    )


def died(program: Program) -> None:
    """If it has died, that is the news."""
    wait_until(lambda: program.over, 1)
    program.lives()


def closes(program: Program, client: socket.socket) -> None:
    """Read the end of the connection."""
    more: Any = b""
    try:
        more = client.recv(100)
    except TimeoutError:
        raise AssertionError(f"{program} {why_open(client)}") from None
    except ConnectionResetError as error:
        raise AssertionError(f"{program} reset the connection: it closed{UNREAD}") from error
    assert not more, f"after its answer {program} sent {more!r:.80}, too"


def why_open(client: socket.socket) -> str:
    """What a server does that has answered and not closed: say more, then end, and see."""
    client.settimeout(1)
    try:
        client.sendall(b"more")
    except BrokenPipeError:  # this client has ended its direction: nothing is left to wait for
        return OPEN
    except OSError:
        return WAITS
    try:
        with suppress(TimeoutError):
            return LOOPS if client.recv(100) else WAITS
        client.shutdown(socket.SHUT_WR)
        client.recv(100)
    except TimeoutError:
        return OPEN
    except OSError:  # it closed without having read what came last
        pass
    return WAITS
