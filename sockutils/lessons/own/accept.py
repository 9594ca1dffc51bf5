"""04: the server survives clients that are gone before accept(), or say nothing; it tells who came.

A client that says nothing for a while keeps the others in the queue, so that they leave it there.
"""

import os
import resource
import signal
import socket
from contextlib import suppress
from pathlib import Path

from sockutils.lessons.own.rests import SPINS, asleep, processes
from sockutils.lessons.own.socket import accepted, closes_all
from sockutils.peers.ends import reset
from sockutils.peers.waits import wait_until
from sockutils.practice.own import answers, caller, closes, own_program
from sockutils.practice.program import ANSWER, HOST, PORT, Program, free, running
from sockutils.tables.diag import sockets

MUTE, RESET, RUDE = "left without a word", "reset the connection", "said rude and reset"
ENDED = "said rude, ended its sending and reset"
TALKS = 1 << 16  # characters that a server which waits does not print
CATCH = "catch what fails with one client inside the loop, around recv() and sendall()"
HINTS = {
    "Transport endpoint": "who is gone has no address any more: take the one from accept()",
    "print the address": "print(address) right after accept(): who is gone already has come, too",
    MUTE: "recv() returns b'' then: be through with this client and go on, without `break`",
    "Broken pipe": "EPIPE is what a reset is called after the client's end: catch OSError",
    "Ctrl-C": "`except OSError:`, as `except:` catches KeyboardInterrupt, too",
    SPINS: "the `try` around recv() and sendall() only; what accept() raises is no client's error",
    "left the connection open": "`with connection:` around recv() and sendall() closes in any case",
    "leaves to Python": "an error jumps over close(): `with connection:` closes in any case",
    "": f"some clients are gone before accept(): {CATCH}",
}
Address = tuple[str, int]
Caller = tuple[Address, str]  # and what it did


@own_program("accept", hint=HINTS)
def step(server: Path) -> None:
    free()
    with running(server, options=("-u",)) as program:  # it prints at once
        program.listens()
        callers = [each for how in (MUTE, RESET, RUDE, ENDED) for each in meets(program, how)]
        tells(program, callers)
        does_not_spin(program)
    with running(server, options=("-u", "-X", "dev")) as program:
        program.listens()
        meets(program, RUDE)
        closes_all(program)
        can_be_interrupted(program)


def meets(program: Program, how: str) -> list[Caller]:
    """While one client keeps it waiting, another one leaves its queue in this way."""
    with caller() as first:
        gone = leaves(how)
        with caller() as last:
            wait_until(lambda: not connected(gone, how))
            one = serves(program, first, "first")
            survives(program, how)
            return [one, (gone, how), serves(program, last, "last")]


def serves(program: Program, client: socket.socket, words: str) -> Caller:
    client.sendall(words.encode())
    answers(program, client, words.upper().encode())
    closes(program, client)
    return client.getsockname(), f"said {words}"


def leaves(how: str) -> Address:
    """Call, and leave in this way; return who called."""
    with caller() as client:
        address: Address = client.getsockname()
        if how in (RUDE, ENDED):
            client.sendall(b"rude")
        if how == ENDED:
            client.shutdown(socket.SHUT_WR)
        if how != MUTE:
            reset(client)
    return address


def connected(client: Address, how: str) -> bool:
    """Whether its end, or its reset, is still on its way."""
    states = {row.state for row in sockets(port=PORT) if row.remote == client}
    return bool(states - {"CLOSE-WAIT"} if how == MUTE else states)


def survives(program: Program, how: str) -> None:
    wait_until(lambda: program.over, 0.3)
    program.lives()
    assert not program.over, f"{program} ended when a client {how} before accept()"


def tells(program: Program, callers: list[Caller]) -> None:
    """Look for each client's port, and for the host, in what the program prints."""
    asleep(program, processes())  # then it has printed what it will print
    lines = program.printed.splitlines()
    said = f"printed {lines[-1]!r:.80} last" if lines else "printed nothing"
    for (host, port), how in callers:
        assert has_told(program, port), (
            f"{program} {said}, and nowhere ({host!r}, {port}), who {how}: "
            "print the address that accept() returns, for each client"
        )
    assert HOST in program.printed, f"{program} {said}: print the address, with its host, too"


def has_told(program: Program, port: int) -> bool:
    # Words of another thread, and its port, may stand at it without a gap.
    return wait_until(lambda: str(port) in program.printed, 1)


def does_not_spin(program: Program) -> None:
    """Leave it no descriptor and let a client call: it may end or wait, and not try on and on."""
    (pid,) = processes()
    limit = max(map(int, os.listdir(f"/proc/{pid}/fd"))) + 1
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    said = len(program.printed) + TALKS
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, hard))
    with suppress(OSError), caller() as last:  # who ends resets it
        last.settimeout(1)
        last.sendall(b"last")  # accept() is waiting, with a descriptor in reserve: it serves one
        while last.recv(100):
            pass
    rests = asleep(program, {pid}) or program.over
    spins = not rests or len(program.printed) > said
    assert not spins, (
        f"without a descriptor left accept() fails for {program}, which tries again at once, "
        f"without an end, and {SPINS}"
    )


def can_be_interrupted(program: Program) -> None:
    """Ctrl-C ends it, also while it waits for the words of a client."""
    pids = processes()
    with caller():
        wait_until(accepted, ANSWER)
        asleep(program, pids)
        program.signal(signal.SIGINT)
        wait_until(lambda: program.over, 1)  # a thread may serve the client to its end
    asleep(program, pids)  # then it goes on
    wait_until(lambda: program.over, 1)
    assert program.over, f"Ctrl-C does not end {program} while a client says nothing"
