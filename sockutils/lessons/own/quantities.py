"""Clients of the learner's server with much to say: one is fast, one reads late and slowly."""

import select
import socket
import threading
from contextlib import suppress
from math import inf
from typing import NamedTuple

from sockutils.lessons.own.rests import asleep, processes, used
from sockutils.practice.own import answers, caller
from sockutils.practice.program import ANSWER, HOST, PORT, Program

LINES = (b"one line of very many, " * 50 + b"\n") * 1000
MUCH = 87 * len(LINES)  # bytes, 100 MB: more than all buffers hold
TURN = 8_000_000  # bytes that the fast one may get meanwhile: a turn is less, and so is a late look
QUICK = 20 * len(LINES)
TWICE = memoryview(LINES * 2)
ANSWERS = (LINES * 2).upper()
SMALL = 1 << 16  # bytes, of a client's buffer: answers leave in many parts
TIMES = 3  # so much more of the processor may a byte cost that is not read at once


def beside_a_fast_one(program: Program) -> None:
    """One sends without a pause, and reads; another one asks, and has its answer soon."""
    over = threading.Event()

    def say() -> None:
        with suppress(OSError):
            while not over.is_set():
                fast.sendall(LINES)

    with caller() as fast, caller() as other:
        saying = threading.Thread(target=say)
        saying.start()
        try:
            meanwhile = hear(program, fast, 1 << 20)  # it is in full swing
            other.sendall(b"may I?\n")
            meanwhile = hear(program, fast, TURN, other)
        finally:
            over.set()
            with suppress(OSError):
                fast.shutdown(socket.SHUT_RDWR)
            saying.join()
        assert meanwhile < TURN, (
            f"one client sends without a pause, and another one waits for its answer: {program} "
            f"has sent {TURN // 1_000_000} MB to the first one meanwhile"
        )
        answers(program, other, b"MAY I?\n")


def hear(
    program: Program, client: socket.socket, length: int, other: socket.socket | None = None
) -> int:
    """Read so much, or until something has come for the other one; return how much that was."""
    got = 0
    ends = [client, other] if other else [client]
    while got < length:
        ready = select.select(ends, [], [], ANSWER)[0]
        assert ready, f"{program} answered nothing within {ANSWER:.0f} s to one who sends much"
        if other in ready:
            break
        part = client.recv(1 << 16)
        assert part, f"{program} ended the connection of one who sends much"
        got += len(part)
    return got


class Budget(NamedTuple):
    """How much of the processor a program may use: what a busy machine does is not counted."""

    program: Program
    pids: set[int]
    until: float

    def holds(self) -> None:
        assert used(self.pids) < self.until, (
            f"for a client that reads slowly {self.program} spends more than {TIMES} times as much "
            "of the processor on a byte as for one that reads at once: it copies all that waits, "
            "again and again"
        )


def a_slow_reader(program: Program) -> None:
    """Its 100 MB cost the server not much more than as many bytes of one that reads at once."""
    pids = processes()
    before = used(pids)
    with caller() as client:
        exchange(Budget(program, pids, inf), client, 0, QUICK)
    now = used(pids)
    budget = Budget(program, pids, now + (now - before) / QUICK * MUCH * TIMES)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        client.settimeout(ANSWER)
        client.connect((HOST, PORT))
        exchange(budget, client, fill(budget, client), MUCH)


def fill(budget: Budget, client: socket.socket) -> int:
    """Send without reading, until the server takes no more; return how many bytes that were."""
    sent = 0
    while sent < MUCH:
        budget.holds()
        if select.select([], [client], [], 0.2)[1]:
            sent += say_on(budget.program, client, sent, MUCH)
        elif asleep(budget.program, budget.pids) and not select.select([], [client], [], 0)[1]:
            return sent
    raise AssertionError(
        f"a client has sent {MUCH // 1_000_000} MB of lines and read none of the answers: "
        f"{budget.program} keeps all of them, and would run out of memory"
    )


def exchange(budget: Budget, client: socket.socket, sent: int, length: int) -> None:
    """Send the rest, and read all the answers, each of their bytes where it belongs."""
    got = 0
    while got < length:
        budget.holds()
        writers = [client] if sent < length else []
        readable, writable, _ = select.select([client], writers, [], ANSWER)
        so_far = f"{got} of {length} bytes of answers came, and then"
        assert readable or writable, f"{so_far} nothing within {ANSWER:.0f} s"
        if writable:
            sent += say_on(budget.program, client, sent, length)
        if readable:
            part = client.recv(SMALL)
            at = got % len(LINES)
            assert part, f"{so_far} the end: {budget.program} closed its connection"
            assert part == ANSWERS[at : at + len(part)], f"{so_far} something else"
            got += len(part)


def say_on(program: Program, client: socket.socket, sent: int, length: int) -> int:
    at = sent % len(LINES)
    try:
        return client.send(TWICE[at : at + min(length - sent, len(LINES))], socket.MSG_DONTWAIT)
    except BlockingIOError:
        return 0
    except OSError:
        raise AssertionError(f"{program} cut off a client that sends much") from None
