"""14: the server has limits of length, of time and of descriptors, and ends without losing anybody.

Before its own trials it takes the steps of 10 to 13.
"""

import os
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from inspect import unwrap
from pathlib import Path

from sockutils.lessons.own import epoll, poll, select, sockopts
from sockutils.lessons.own.ending import SILENCE, stops, waits_for_nobody_for_ever
from sockutils.lessons.own.late import lets_the_late_go, lets_them_go_when_nothing_happens
from sockutils.lessons.own.quantities import a_slow_reader, beside_a_fast_one
from sockutils.lessons.own.rests import asleep, processes
from sockutils.peers.ends import reset
from sockutils.practice.own import answers, caller, own_program
from sockutils.practice.program import PORT, Program, free, running

LONG = 64 << 10  # bytes of a line that has to get its answer
ENDLESS = 16 << 20  # bytes of a line that are too many, and more than the buffers hold
HINTS = {
    "let one do it": "a thread for each client may wait, and is a design, too; this server is the "
    "loop of 12, or one with asyncio",
    "no text": "answer bytes with bytes: data.upper() needs no decode()",
    "the step of ": "it passed that step once: what have the new limits changed? A line of 300,000 "
    "bytes, and a client that is silent for some seconds, are within them",
    "never ends, and": "len() of what has begun, after each recv(): too long, and close() it",
    "of a line that never": "len() of what has begun, after each recv(): too long, and close() it",
    "was let go": "limits are for those who are late, or too long: look at the numbers again",
    "a client says nothing": "note time.monotonic() for each client; poll() with a limit, look "
    "who is late",
    "reads none of its answers": "who waits for EPOLLOUT is late, too, when its moment has come "
    "(asyncio: a limit for drain() as well, and transport.abort())",
    "bit by bit": "a deadline is a moment: it moves when a whole line has come, not with each byte",
    "File too large": "without a descriptor left it fails, and tries again at once, without an end",
    "Too many open files": "catch OSError around accept(), and look away from the listener for a "
    "moment",
    "when it has a descriptor again": "look at the listener again after a moment, whether or not "
    "something happens: poll() with a limit",
    "descriptor": "catch OSError around accept(): look away from the listener for a moment",
    "without a pause": "one recv() for each that is ready, and then the next one: no "
    "loop around it",
    "read none of the answers": "while answers wait, ask for EPOLLOUT and not for EPOLLIN: "
    "what you do not read stays with the client",
    "copies all": "while answers wait, ask for EPOLLOUT alone, so that you keep little; and a "
    "memoryview is cut without a copy",
    "just before SIGTERM": "when the end comes, look once more who has said something",
    "had come from one client when": "one recv() may leave something in the kernel's buffer: look "
    "who is ready once more, before you let go who has begun nothing",
    "still waits for a client that": "one moment for the end of all, which no answer moves",
    "in the queue": "after SIGTERM accept until BlockingIOError, then close the listener",
    "SIGTERM": "signal.signal(signal.SIGTERM, handler): the handler notes it, the loop looks. "
    "(poll() with a limit: a signal does not end its wait.) "
    "Close the listener, and go on until those who have begun are served, or late",
    "": "one client's trouble ends that client: catch OSError around what is done for one",
}
Trial = Callable[[Program], None]


@own_program("server", hint=HINTS, seconds=180)
def step(server: Path) -> None:
    for lesson, earlier in EARLIER.items():
        try:
            unwrap(earlier)(server)
        except AssertionError as error:
            raise AssertionError(f"the step of {lesson}: {error}") from None
    free()
    with running(server) as program:
        program.listens()
        for trial in TRIALS.values():
            trial(program)
        stops(program)
    with running(server, str(PORT), str(SILENCE)) as program:
        program.listens()
        lets_them_go_when_nothing_happens(program)
        lets_the_late_go(program)
        waits_for_nobody_for_ever(program)


def survives_resets(program: Program) -> None:
    for words in (b"", b"half a line", b"a line\n", b"line\n" * 1000):
        with caller() as client, suppress(ConnectionError):
            client.sendall(words)
            reset(client)
        serves(program, "after a reset")


def serves(program: Program, when: str) -> None:
    """Let a new client have its answer."""
    with caller() as client:
        try:
            client.sendall(b"are you there?\n")
            answers(program, client, b"ARE YOU THERE?\n")
        except (AssertionError, ConnectionError) as error:
            program.lives()
            raise AssertionError(f"{when}: {error}") from None


def long_lines(program: Program) -> None:
    with caller() as client:
        line = b"x" * (LONG - 1) + b"\n"
        with sent_meanwhile(client, line):
            try:
                answers(program, client, line.upper())
            except AssertionError as error:
                raise AssertionError(f"a line of {LONG} bytes was let go: {error}") from None
    taken = 0
    with caller() as client, suppress(ConnectionError):
        while taken < ENDLESS:
            client.sendall(bytes(1 << 20))
            taken += 1 << 20
    assert taken < ENDLESS, f"{program} took {taken >> 20} MB of a line that never ends"
    serves(program, "after a line that never ends")


def any_bytes(program: Program) -> None:
    """A line that is no UTF-8: an exception, if a program decodes it; and who is served beside."""
    odd = bytes(range(128, 256)) + b"\0\n"
    with caller() as other, caller() as client:
        client.sendall(odd)
        try:
            answers(program, client, odd)
            other.sendall(b"still there?\n")
            answers(program, other, b"STILL THERE?\n")
        except (AssertionError, ConnectionError) as error:
            raise AssertionError(f"a line of bytes that are no text: {error}") from None


@contextmanager
def sent_meanwhile(client: socket.socket, line: bytes) -> Iterator[None]:
    """A line is sent in pieces while it is answered."""
    with suppress(ConnectionError):
        client.sendall(line[: LONG // 2])
        client.sendall(line[LONG // 2 :])
    yield


def waits_for_a_descriptor(program: Program) -> None:
    (pid,) = processes()
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = max(map(int, os.listdir(f"/proc/{pid}/fd"))) + 1
    with ExitStack() as stack:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used, hard))
        try:
            late = [stack.enter_context(caller()) for _ in range(3)]
            for client in late:
                client.sendall(b"late\n")
            rests = asleep(program, {pid}) or program.over
            program.lives()
            assert not program.over, f"{program} ended when no descriptor was left"
            assert rests, f"without a descriptor left {program} tries again and again, at once"
        finally:
            with suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
        for client in late:
            try:
                answers(program, client, b"LATE\n")
            except AssertionError as error:
                raise AssertionError(f"when it has a descriptor again: {error}") from None


EARLIER = {
    "10 select": select.step,
    "11 poll": poll.step,
    "12 epoll": epoll.step,
    "13 sockopts": sockopts.step,
}
TRIALS: dict[str, Trial] = {
    "clients that reset": survives_resets,
    "bytes that are no text": any_bytes,
    "lines that are too long": long_lines,
    "one that never stops": beside_a_fast_one,
    "one that reads 100 MB slowly": a_slow_reader,
    "no descriptor left": waits_for_a_descriptor,
}
