"""A learner's server that works, and takes its time: told from one that sleeps, or spins."""

import select
import socket
from collections.abc import Callable

from sockutils.lessons.own.rests import asleep, processes, used
from sockutils.peers.ends import unread
from sockutils.peers.waits import wait_until
from sockutils.practice.own import answers
from sockutils.practice.program import ANSWER, PORT, Program
from sockutils.tables.diag import sockets


def hears_soon(program: Program, client: socket.socket, expected: bytes) -> None:
    """Read the answer, which a server that works for somebody else has not forgotten."""
    end = select.poll()
    end.register(client, select.POLLRDHUP)
    if not patiently(program, lambda: unread(client) >= len(expected) or end.poll(0)):
        client.settimeout(0.1)  # it has had its time
    answers(program, client, expected)


def patiently(program: Program, look: Callable[[], object]) -> bool:
    """Whether a look finds it: in some seconds, or later, if it works and does not sleep or spin.

    How long work takes on a busy machine says nothing: its seconds of the processor count.
    """
    pids = processes()
    limit = used(pids) + ANSWER
    while not wait_until(lambda: program.over or look(), ANSWER):
        if asleep(program, pids) or used(pids) > limit:
            break
    return bool(look())


def waiting() -> set[tuple[object, ...]]:
    """The bytes that wait in the kernel, at both ends of each connection."""
    over = ("LISTEN", "LAST-ACK", "TIME-WAIT")
    rows = [row for row in sockets(port=PORT) if row.state not in over]
    return {(row.local, row.remote, row.receive_queue, row.send_queue) for row in rows}
