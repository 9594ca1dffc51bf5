"""12: epoll watches as many clients as there are descriptors, and who is silent costs nothing.

Programs with a limit of their own, as select() has at 1024, end here; what an instance watches is
read in /proc.
"""

import os
import re
import resource
import select
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path

from sockutils.lessons.own.rests import processes, rests
from sockutils.peers.ends import reset
from sockutils.peers.waits import wait_until
from sockutils.practice.own import answers, caller, died, own_program
from sockutils.practice.program import ANSWER, HOST, PORT, Program, free, running
from sockutils.tables.diag import sockets

CLIENTS = 1100  # more than select() can name
SPARE = 100  # descriptors for everything else
FEW = 10  # leave last
RUSH = 50  # connect before somebody looks whether they were accepted
LAST = b"the end"  # a line without its newline
HUGE = b"x" * 300_000 + b"\n"
MEGABYTE = b"one of many lines\n" * (1 << 16)
ENTRY = re.compile(r"^tfd:\s+\d+ events:\s+([0-9a-f]+)", re.MULTILINE)
HINTS = {
    "out of range in select": "select() names no descriptor above 1023: epoll has no such limit",
    "Too many open files": "close each connection that has ended; and no setrlimit()",
    "what epoll watches": "epoll = select.epoll(), and epoll.register() for the listener and for "
    "each connection; epoll.poll() in place of poll.poll()",
    "closed its own": "unregister() and close() once recv() has returned b'' and all is answered",
    "EPOLLOUT": "a connection is nearly always writable: register it with EPOLLIN, ask for "
    "EPOLLOUT only while an answer waits, and for EPOLLIN alone when it is out",
    "are silent, and": "wait without a time limit: epoll.poll()",
    "have their answers, and": "wait without a time limit: epoll.poll(). And who is told of "
    "something takes it: else it is told again at once",
    "reads nothing": "connection.setblocking(False), and send() in place of sendall(): it takes "
    "what fits, and EPOLLOUT tells when there is room for more",
    "are gone, and": "the end (b'') stays readable: unregister() and close()",
    "accepted none of": "a limit of your own? Or one accept() for several clients, edge-triggered",
    "FileExistsError": "register() once for each connection, modify() from then on",
    "FileNotFoundError": "unregister() what is registered, before it is closed",
    "Bad file descriptor": "unregister() first, then close()",
    "KeyError": "unregister, take out of the dictionary, close: all three, in this order",
    "ValueError": "unregister() and pop() before close(): a closed socket has the number -1",
    "and no more": "with EPOLLET an edge is told once: read until BlockingIOError. Without it, "
    "ask for EPOLLIN again when the answer is out",
    "answered nothing": "who is there? One dictionary entry and one register() for each connection",
    "": "as with poll(): register each connection with EPOLLIN, and modify() what has changed",
}


@own_program("epoll", hint=HINTS, seconds=120)
def step(server: Path) -> None:
    free()
    with many_descriptors() as room, running(server) as program, ExitStack() as stack:
        program.listens()
        number = min(CLIENTS, room)
        clients = crowd(program, stack, number)
        calm(program, f"{number} clients are silent")
        found = len(watched(program))
        assert found > number, (
            f"{program} has accepted {number} clients, and what epoll watches is {found}: "
            "let it be each client, and the listener"
        )
        converse(program, clients)
        says_much(program, clients[0])
        calm(program, f"all {number} clients have their answers")
        leave(program, clients)
        calm(program, f"all {number} clients are gone")
        serves_beside_a_mute_one(program)
        with caller() as late:
            late.sendall(b"and one more\n")
            answers(program, late, b"AND ONE MORE\n")
        program.lives()


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
        while len(clients) < number:
            more = min(RUSH, number - len(clients))
            with stopped() if not clients else nullcontext():
                clients += [stack.enter_context(caller()) for _ in range(more)]
            if not wait_until(lambda: program.over or not queued(), ANSWER) or program.over:
                break
    except (TimeoutError, ConnectionError):
        died(program)
    program.lives()
    there = f"{len(clients)} clients are connected, and say nothing"
    assert not program.over, f"{there}: {program} has ended"
    waiting = queued()
    stuck = waiting or len(clients) < number
    assert not stuck, (
        f"{there}: {program} has accepted none of the last {max(waiting, 1)} within {ANSWER:.0f} s"
    )
    return clients


@contextmanager
def stopped() -> Iterator[None]:
    """It does not run during the block, so that all that happens is news to it at once."""
    pids = processes()
    sent(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        sent(pids, signal.SIGCONT)


def sent(pids: set[int], number: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def queued() -> int:
    """How many clients wait for accept()."""
    return sum(row.accept_queue or 0 for row in sockets(port=PORT) if row.state == "LISTEN")


def converse(program: Program, clients: list[socket.socket]) -> None:
    """All speak before the first one reads, in pieces; each has words of its own."""
    for pieces in (b"hello ", b"from %d\nand "), (b"good", b"bye, %d\n"):
        for number, client in enumerate(clients):
            for piece in pieces:
                client.sendall(piece % number if b"%" in piece else piece)
    for number, client in enumerate(clients):
        answers(program, client, b"HELLO FROM %d\nAND GOODBYE, %d\n" % (number, number))


def says_much(program: Program, client: socket.socket) -> None:
    """A line that is longer than what a recv() takes."""
    try:
        client.sendall(HUGE)
    except TimeoutError:
        raise AssertionError(
            f"a client sends a line of {len(HUGE)} bytes: {program} reads a part of it, and no more"
        ) from None
    answers(program, client, HUGE.upper())


def calm(program: Program, when: str) -> None:
    """It rests; if not, perhaps because sockets that could be written to are reported."""
    try:
        rests(program, when)
    except AssertionError as error:
        writable = sum(bool(flags & select.EPOLLOUT) for flags in watched(program))
        why = f", and {writable} of the sockets are watched for EPOLLOUT" if writable else ""
        raise AssertionError(f"{error}{why}") from None


def serves_beside_a_mute_one(program: Program) -> None:
    """A client with small buffers and packets sends much, and reads nothing. Another one talks."""
    with socket.socket() as mute, caller() as client:
        mute.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        mute.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        mute.settimeout(ANSWER)
        mute.connect((HOST, PORT))
        mute.settimeout(0.4)
        sent = 0
        with suppress(TimeoutError):  # there is no room any more
            while sent < len(MEGABYTE):
                sent += mute.send(MEGABYTE[sent:][: 1 << 16])
        client.sendall(b"hello\n")
        try:
            answers(program, client, b"HELLO\n")
        except AssertionError as error:
            silence = f"{program} answered nothing"
            if not str(error).startswith(silence):
                raise
            there = "one client has sent a megabyte and reads nothing"
            raise AssertionError(f"{there}: {silence} to another one in {ANSWER:.0f} s") from None
        reset(mute)


def leave(program: Program, clients: list[socket.socket]) -> None:
    """Most close, some reset, and at the end some have a last line. Their server closes, too."""
    last, others = clients[:FEW], clients[FEW:]
    for number, client in enumerate(others):
        (reset if number % 10 == 0 else socket.socket.close)(client)
    goes(program, f"{len(others)} clients are gone", FEW)
    for client in last:
        client.sendall(LAST)
        client.shutdown(socket.SHUT_WR)
    for client in last:
        answers(program, client, LAST.upper())
    goes(program, f"{FEW} clients have ended their direction and have their answers", 0)


def goes(program: Program, when: str, others: int) -> None:
    """It closes its ends, but those of the others."""
    before, left = 0, open_ends()
    while left > others and left != before:  # it goes on, if slowly
        before = left
        wait_until(partial(fewer, program, max(others, before // 2)), ANSWER)
        left = open_ends()
    program.lives()
    assert not program.over, f"{when}, and {program} has ended"
    assert left <= others, f"{when}, and {program} has not closed its own end of {left - others}"


def fewer(program: Program, number: int) -> bool:
    return program.over or open_ends() <= number


def open_ends() -> int:
    """How many connections the server still has."""
    states = ("ESTAB", "CLOSE-WAIT", "SYN-RECV")
    rows = sockets(port=PORT)
    return sum(row.local[-1] == PORT and row.state in states for row in rows)


def watched(program: Program) -> list[int]:
    """What the epoll instances of a program watch, each entry's flags: proc(5), fdinfo."""
    found: list[int] = []
    for pid in processes():
        for path in Path(f"/proc/{pid}/fdinfo").iterdir():
            with suppress(FileNotFoundError, PermissionError, ProcessLookupError):
                found += [int(flags, 16) for flags in ENTRY.findall(path.read_text())]
    return found
