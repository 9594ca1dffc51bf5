"""10: the server serves many clients at once, in one thread; a silent one holds up nobody.

Each line of a client is answered, however it is cut, and whatever the others have begun.
"""

import os
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from sockutils.lessons.own.rests import SPINS, asleep, processes
from sockutils.peers.ends import reset
from sockutils.practice.own import answers, caller, died, own_program
from sockutils.practice.program import ANSWER, HOST, PORT, Program, free, running
from sockutils.tables.busy import who_holds

SILENT = 20
LATE = b"late " * 13_000 + b"\n"  # a line; so many of them are more than the buffers hold
LINES = 256
MANY = b"much " * 60_000  # of one line: more than one recv() gets
BEGUN = f"{SILENT} clients are silent or have begun a line, and another one talks"
ONE = "one thread of one process is enough: select() waits for all clients at once"
HINTS = {
    "File too large": "it has printed a megabyte: who has ended stays readable, and is served again"
    " and again. close() it, and take it out of the list for select()",
    "negative integer": "a socket that you have closed is still in a list for select(): take it out"
    " when you close it",
    "or had begun a line": "only b'' from recv(), or an error, is the end of a client",
    "before its newline": "a line may come in pieces: keep what each client has begun until the"
    " newline is there",
    "a line and a half": "answer each line that is complete, and keep only what follows the last"
    " newline",
    "no text": "bytes have upper(), too: without decode(), none is lost",
    "blanks around": "blanks are bytes like others: no strip()",
    "a carriage return": "a newline ends a line, and nothing else: split(b'\\n');"
    " splitlines() splits at \\r, too",
    "reads late": "a nonblocking sendall() raises in the middle of an answer: let the socket block,"
    " or keep what send() has not taken until it is writable",
    "three lines": "answer every line that has come. What makefile() has read is in its buffer, "
    "where select() does not see it: recv(), and split what you have",
    BEGUN: "one accept() or recv() for each socket that select() has returned, then select() again:"
    " a loop or a readline() until the line is complete waits for one client, and holds up all",
    "threads": ONE,
    "processes": ONE,
    SPINS: "who has ended stays readable: close it, and take it out of the list for select(). "
    "A timeout of 0, or idle clients in the second list, do it, too",
    "reset": "recv() and sendall() may raise for one client: catch OSError there, close that one, "
    "and go on with the others",
    "left without": "recv() returns b'' at the end of a client: close it, and go on",
    "without its newline": "when recv() returns b'', answer what the client has begun, then close",
    "talks late": "keep what each client has begun apart: a dict, client → bytes",
    "from byte": "give back all that came, in capitals: strip() and decode() lose bytes",
    "a long line": "a line may come in many pieces: keep them until the newline is there",
}


@own_program("select", hint=HINTS)
def step(server: Path) -> None:
    free()
    with running(server) as program, ExitStack() as stack:
        program.listens()
        silent = [stack.enter_context(caller()) for _ in range(SILENT)]
        for number, client in enumerate(silent):
            client.sendall(begun(number))
        with at(BEGUN):
            talks(program, b"hello\n")
        none_too_early(program, silent)
        works_alone(program)
        with at("three lines came in one piece"):
            talks(program, b"one\ntwo\nthree\n")
        with at("a line and a half came in one piece"), caller() as client:
            client.sendall(b"one\ntw")
            answers(program, client, b"ONE\n")
            client.sendall(b"o\n")
            answers(program, client, b"TWO\n")
        with at("a line has bytes that are no text"):
            talks(program, b"\xff\xfea\n")
        with at("a line has blanks around it"):
            talks(program, b" one \n")
        with at("a line has a carriage return in it"):
            talks(program, b"one\rline\n")
        leave(program, silent)
        idle = asleep(program, processes())  # who asks each in turn, and waits between, sleeps
        assert idle, f"nobody says anything, and {program} {SPINS}"
        for number, client in [*enumerate(silent)][::-1]:
            with at(f"a client talks late, and ends the line that it has begun, {begun(number)!r}"):
                client.sendall(b"ended\n")
                answers(program, client, begun(number).upper() + b"ENDED\n")
        with at("a long line came in pieces, and another client talked meanwhile"):
            silent[0].sendall(MANY)
            talks(program, b"short\n")
            none_too_early(program, silent[:1])
            silent[0].sendall(b"\n")
            answers(program, silent[0], MANY.upper() + b"\n")
        with at("a client reads late, when much waits for it"):
            reads_late(program)


def begun(number: int) -> bytes:
    """What a silent client has said of its line: something, or nothing."""
    return b"%d, " % number if number % 2 else b""


@contextmanager
def at(moment: str) -> Iterator[None]:
    """Say when it was that something went wrong."""
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"{moment}: {error}") from None


def talks(program: Program, words: bytes) -> None:
    with caller() as client:
        client.sendall(words)
        answers(program, client, words.upper())


def reads_late(program: Program) -> None:
    """Say as much as the server takes, read nothing; then read the answer."""
    with caller() as client:
        client.settimeout(0.5)
        data, taken = LINES * LATE, 0
        with suppress(OSError):  # it takes no more, or has ended: the answer tells
            while taken < len(data):
                taken += client.send(data[taken : taken + (1 << 18)])
        client.settimeout(ANSWER)
        answers(program, client, data[: taken // len(LATE) * len(LATE)].upper())


def none_too_early(program: Program, silent: list[socket.socket]) -> None:
    """Nobody has ended a line: whoever talked later is answered, so all that came is read."""
    for client in select.select(silent, [], [], 0.2)[0]:
        if early := client.recv(100):
            raise AssertionError(
                f"{program} answered {early!r:.80} to a line that was only begun, before its"
                " newline had come"
            )
        died(program)
        raise AssertionError(
            f"{program} ended the connection of a client that was silent or had begun a line"
        )


def works_alone(program: Program) -> None:
    pids = pids_of(program)
    assert len(pids) < 2, f"{program} serves with {len(pids)} processes: let one do it"
    pid = min(pids)
    threads = len(os.listdir(f"/proc/{pid}/task"))
    assert threads < 2, f"{program} serves with {threads} threads: let one do it"


def pids_of(program: Program) -> set[int]:
    pids = {one.pid for row in who_holds(PORT, HOST) for one in row.holders or ()}
    if not pids:
        died(program)
    assert pids, f"{program} does not listen any more"
    return pids


def leave(program: Program, silent: list[socket.socket]) -> None:
    """One of them resets, one ends without a word, one in the midst of a line."""
    for how in ("reset its connection", "left without a word", "ended a line without its newline"):
        words = begun(len(silent) - 1).upper()
        client = silent.pop()
        with at(f"a client {how}"):
            if how.startswith("reset"):
                reset(client)
            else:
                client.shutdown(socket.SHUT_WR)
                if words:
                    answers(program, client, words)
                ends(program, client)
                client.close()
            talks(program, b"next\n")


def ends(program: Program, client: socket.socket) -> None:
    try:
        more = client.recv(100)
    except TimeoutError:
        raise AssertionError(f"{program} left its end of the connection open") from None
    except ConnectionResetError:
        died(program)
        raise
    assert not more, f"{program} said {more!r:.80} to a client that had ended"
