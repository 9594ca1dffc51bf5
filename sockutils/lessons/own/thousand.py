"""12: more clients than select() can name connect to a learner's server, and say nothing.

They come in groups that its backlog has room for: how large that is, is the server's own affair.
"""

import os
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext

from sockutils.lessons.own.patience import patiently
from sockutils.practice.own import caller, died
from sockutils.practice.program import ANSWER, PORT, Program
from sockutils.tables.netlink import open_netlink
from sockutils.tables.rows import Row, tcp_rows

CLIENTS = 1100  # more than select() can name
SPARE = 100  # descriptors for everything else
LISTEN = 1 << 10  # <net/tcp_states.h>
RUSH = 50  # connect, where there is room, before somebody looks whether they were accepted


@contextmanager
def many_descriptors() -> Iterator[int]:
    """Raise the soft limit, which the program inherits; yield for how many clients there is room.

    Raising it is anybody's right, up to the hard limit.
    """
    soft, hard = limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = len(os.listdir("/proc/self/fd")) + SPARE
    limit = soft
    if 0 <= soft < CLIENTS + taken:
        limit = CLIENTS + taken if hard == resource.RLIM_INFINITY else min(hard, CLIENTS + taken)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield CLIENTS if limit == resource.RLIM_INFINITY else limit - taken
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def crowd(program: Program, stack: ExitStack, number: int) -> list[socket.socket]:
    """So many clients that connect, and say nothing. All are accepted."""
    clients: list[socket.socket] = []
    try:
        while len(clients) < number and not program.over:
            with program.stopped() if not clients else nullcontext():
                more = range(min(room(), number - len(clients)))
                clients.extend(stack.enter_context(caller()) for _ in more)
            if not none_waits():
                waits_for_none(program, len(clients))
    except (TimeoutError, ConnectionError):
        died(program)
        waits_for_none(program, len(clients))
        raise AssertionError(
            f"{len(clients)} clients are connected, and {program} lets nobody else in"
        ) from None
    program.lives()
    assert not program.over, f"{len(clients)} clients are connected, and {program} has ended"
    return clients


def waits_for_none(program: Program, number: int = 1) -> None:
    """Whoever has connected is accepted, unless the program sleeps or spins."""
    calm = patiently(program, lambda: program.over or none_waits())
    program.lives()
    have = number - sum(row.accept_queue or 0 for row in listeners())
    told = f"{number} clients are connected, and say nothing"
    assert calm, f"{told}: {program} has accepted {have}, and no other within {ANSWER:.0f} s"


def room() -> int:
    """For how many clients at once a backlog has room, of a size that asks for no luck."""
    return max(1, min([RUSH, *(row.backlog or 0 for row in listeners())]))


def none_waits() -> bool:
    return not any(row.accept_queue for row in listeners())


def listeners() -> list[Row]:
    """The rows of those alone: a table of all the clients takes a while."""
    with closing(open_netlink()) as kernel:
        return [*tcp_rows(kernel, PORT, LISTEN)]
