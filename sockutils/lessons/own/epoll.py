"""12: epoll watches as many clients as there are descriptors, and who is silent costs nothing.

Programs with a limit of their own, as select() has at 1024, end here; what an instance watches is
read in /proc.
"""

import re
import select
import socket
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

from sockutils.lessons.own import poll
from sockutils.lessons.own.patience import hears_soon, patiently
from sockutils.lessons.own.poll import GONE, MEGABYTE, hears, says, serves, small
from sockutils.lessons.own.rests import asleep, processes, rests
from sockutils.lessons.own.thousand import CLIENTS, crowd, many_descriptors, waits_for_none
from sockutils.peers.ends import reset, unread
from sockutils.peers.waits import wait_until
from sockutils.practice.own import answers, caller, own_program
from sockutils.practice.program import ANSWER, PORT, Program, free, running
from sockutils.tables.diag import sockets

FEW = 10  # leave last
LAST = b"the end"  # a line without its newline
HUGE = b"x" * 300_000 + b"\n"
ENTRY = re.compile(r"^tfd:\s+\d+ events:\s+([0-9a-f]+)", re.MULTILINE)
KEEP = "keep what send() did not take, and ask for EPOLLOUT until it is out"
Instance = tuple[int, int]  # a process and its descriptor
HINTS = {
    "out of range in select": "select() names no descriptor above 1023: epoll has no such limit",
    "Too many open files": "close each connection that has ended; and no setrlimit()",
    "what epoll watches": "epoll = select.epoll(), and epoll.register() for the listener and for "
    "each connection; epoll.poll() in place of poll.poll()",
    "another instance": "make it once, before the loop: the kernel keeps the list from then on",
    "closed its own": "unregister() and close() once recv() has returned b'' and all is answered",
    "EPOLLOUT": "a connection is nearly always writable: register it with EPOLLIN, ask for "
    "EPOLLOUT only while an answer waits, and for EPOLLIN alone when it is out",
    "silent, and": "wait without a time limit: epoll.poll()",
    "have their answers, and": "wait without a time limit: epoll.poll(). And who is told of "
    "something takes it: else it is told again at once",
    "waits for it, and another": "connection.setblocking(False), and send() in place of sendall(): "
    "it takes what fits, and EPOLLOUT tells when there is room for more",
    "is busy, and another": f"do not loop around send() until all is sent: {KEEP}",
    "and sends nothing": f"nothing can be sent to it: {KEEP}, and leave EPOLLIN out "
    "meanwhile, or read what comes",
    "cut off": f"BlockingIOError is an OSError, too, and no end: catch it first; {KEEP}",
    "then another answer": f"cut off exactly what send() took: answers[sent:]; {KEEP}",
    "and then nothing": f"{KEEP}: not every turn has something to recv(), nor room to send()",
    "and then the end": "close at b'' only when all answers are sent",
    "are gone, and": "the end (b'') stays readable: unregister() and close()",
    "has accepted": "a limit of your own? Or one accept() for several clients, edge-triggered",
    "lets nobody else in": "accept() whoever comes: a limit of your own?",
    "FileExistsError": "register() once for each connection, modify() from then on",
    "FileNotFoundError": "unregister() what is registered, before it is closed",
    "Bad file descriptor": "unregister() first, then close()",
    "KeyError": "is each number in your dictionary that epoll names? Put a client in when you "
    "register it, take it out when you unregister it; the listener is no client",
    "ValueError": "unregister() and pop() before close(): a closed socket has the number -1",
    "not connected": f"shutdown() fails where the connection is gone; {GONE}",
    "ResetError": GONE,
    "BrokenPipe": GONE,
    "ended when a client reset": GONE,
    "and no more": "with EPOLLET an edge is told once: read until BlockingIOError. Without it, "
    "ask for EPOLLIN again when the answer is out",
    "answered nothing": "who is there? One dictionary entry and one register() for each connection",
    "in your line": "",  # the error says what there is to say
    "": "as with poll(): register each connection with EPOLLIN, and modify() what has changed",
}


@own_program("epoll", hint=HINTS, seconds=120)
def step(server: Path) -> None:
    free()
    with many_descriptors() as room, running(server) as program, ExitStack() as stack:
        program.listens()
        number = min(CLIENTS, room)
        clients = crowd(program, stack, number - 1)
        calm(program, f"{number - 1} clients are silent")
        clients.append(one_more(program, stack))
        patiently(program, lambda: len(watched(program)) > number)  # accepted is not yet watched
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
        poll.meets_one_that_resets(program)
        program.lives()


def one_more(program: Program, stack: ExitStack) -> socket.socket:
    """What has watched the others goes on, when one more has come."""
    before = instances(program)
    client = stack.enter_context(caller())
    waits_for_none(program)
    rests(program, "one more client is silent")
    lost = before.keys() - instances(program).keys()
    assert not lost, f"a client has come, and now {program} watches them all in another instance"
    return client


def converse(program: Program, clients: list[socket.socket]) -> None:
    """All speak before the first one reads, in pieces; each has words of its own."""
    for pieces in (b"hello ", b"from %d\nand "), (b"good", b"bye, %d\n"):
        for number, client in enumerate(clients):
            for piece in pieces:
                client.sendall(piece % number if b"%" in piece else piece)
    for number, client in enumerate(clients):
        expected = b"HELLO FROM %d\nAND GOODBYE, %d\n" % (number, number)
        there = unread(client) >= len(expected)  # hears_soon() looks for the program's process
        (answers if there else hears_soon)(program, client, expected)


def says_much(program: Program, client: socket.socket) -> None:
    """A line that is longer than what a recv() takes."""
    sent = says_what_fits(program, client, HUGE)
    own = client.getsockname()
    idle = asleep(program, processes())
    left = any(row.receive_queue for row in sockets(port=PORT) if row.remote == own)
    assert not (idle and left), (
        f"a client sends a line of {len(HUGE)} bytes: {program} reads a part of it, and no more"
    )
    hears(program, client, HUGE, sent)


def says_what_fits(program: Program, client: socket.socket, words: bytes) -> int:
    """Send until there is no room, and the server, which has done what it can, makes none."""
    sent = says(program, client, words)
    while asleep(program, processes()) and sent < len(words):
        if not (more := says(program, client, words[sent:])):
            break
        sent += more
    return sent


def calm(program: Program, when: str) -> None:
    """It rests; if not, perhaps because sockets that could be written to are reported."""
    try:
        rests(program, when)
    except AssertionError as error:
        writable = sum(bool(flags & select.EPOLLOUT) for flags in watched(program))
        why = f", and {writable} of the sockets are watched for EPOLLOUT" if writable else ""
        raise AssertionError(f"{error}{why}") from None


def serves_beside_a_mute_one(program: Program) -> None:
    """A client with small buffers sends much, and reads late. Others talk meanwhile."""
    with small() as mute:
        sent = says_what_fits(program, mute, MEGABYTE)
        mutely = "one client has sent a megabyte, and reads nothing"
        serves(program, mutely)
        poll.rests(program, mutely)  # not before it has done what there is to do
        hears(program, mute, MEGABYTE, sent)
        calm(program, "all have their answers")


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
        hears_soon(program, client, LAST.upper())
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
    """What the epoll instances of a program watch, each entry's flags."""
    return [flags for entries in instances(program).values() for flags in entries]


def instances(program: Program) -> dict[Instance, list[int]]:
    """The epoll instances that watch something, and each entry's flags: proc(5), fdinfo."""
    found: dict[Instance, list[int]] = {}
    for pid in processes():
        for path in Path(f"/proc/{pid}/fdinfo").iterdir():
            with suppress(FileNotFoundError, PermissionError, ProcessLookupError):
                if entries := ENTRY.findall(path.read_text()):
                    found[pid, int(path.name)] = [int(flags, 16) for flags in entries]
    return found
