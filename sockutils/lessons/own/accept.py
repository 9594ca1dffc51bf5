"""04: the server survives clients that are gone before accept(), or say nothing; it tells who came.

A client that says nothing for a while keeps the others in the queue, so that they leave it there.
"""

import os
import re
import resource
import socket
from contextlib import suppress
from pathlib import Path

from sockutils.lessons.own.rests import SPINS, asleep, processes
from sockutils.lessons.own.socket import closes_all
from sockutils.peers.ends import reset
from sockutils.peers.waits import wait_until
from sockutils.practice.own import answers, caller, closes, own_program
from sockutils.practice.program import ANSWER, PORT, Program, free, running
from sockutils.tables.diag import sockets

MUTE, RESET, RUDE = "left without a word", "reset the connection", "said rude and reset"
TALKS = 1 << 16  # characters that a server which waits does not print
CATCH = "catch what fails with one client inside the loop, around recv() and sendall()"
HINTS = {
    "Transport endpoint": "who is gone has no address any more: take the one from accept()",
    "print the address": "print(address) right after accept(): who is gone already has come, too",
    MUTE: "recv() returns b'' then: be through with this client and go on, without `break`",
    SPINS: "the `try` around recv() and sendall() only; what accept() raises is no client's error",
    "leaves to Python": "an error jumps over close(): `with connection:` closes in any case",
    "": f"some clients are gone before accept(): {CATCH}",
}
Address = tuple[str, int]


@own_program("accept", hint=HINTS)
def step(server: Path) -> None:
    free()
    with running(server, options=("-u",)) as program:  # it prints at once
        program.listens()
        for how in (MUTE, RESET, RUDE):
            meets(program, how)
        does_not_spin(program)
    with running(server, options=("-u", "-X", "dev")) as program:
        program.listens()
        meets(program, RUDE)
        closes_all(program)


def meets(program: Program, how: str) -> None:
    """While one client keeps it waiting, another one leaves its queue in this way."""
    with caller() as first:
        gone = leaves(how)
        with caller() as last:
            wait_until(lambda: not connected(gone))
            serves(program, first, "first")
            survives(program, how)
            serves(program, last, "last")
        came(program, gone, how)


def serves(program: Program, client: socket.socket, words: str) -> None:
    client.sendall(words.encode())
    answers(program, client, words.upper().encode())
    closes(program, client)
    came(program, client.getsockname(), f"said {words}")


def leaves(how: str) -> Address:
    """Call, and leave in this way; return who called."""
    with caller() as client:
        address: Address = client.getsockname()
        if how == RUDE:
            client.sendall(b"rude")
        if how != MUTE:
            reset(client)
    return address


def connected(client: Address) -> bool:
    rows = sockets(port=PORT)
    return any(row.remote == client and row.state in ("ESTAB", "SYN-RECV") for row in rows)


def survives(program: Program, how: str) -> None:
    wait_until(lambda: program.over, 0.3)
    program.lives()
    assert not program.over, f"{program} ended when a client {how} before accept()"


def came(program: Program, address: Address, how: str) -> None:
    """Look for the client's port in what the program prints."""
    host, port = address
    alone = rf"(?<!\d){port}(?!\d)"  # words of another thread may stand at it
    wait_until(lambda: re.search(alone, program.printed), ANSWER)
    assert re.search(alone, program.printed), (
        f"{program} printed {program.printed!r:.80}, and not ({host!r}, {port}), who {how}: "
        "print the address that accept() returns, for each client"
    )


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
