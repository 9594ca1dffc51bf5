"""04: the server survives clients that are gone before accept(), or say nothing; it tells who came.

Its first client says nothing for a while, so that the others wait in the queue and leave it there.
"""

import re
from contextlib import ExitStack
from pathlib import Path

from sockutils.peers.ends import reset
from sockutils.peers.waits import wait_until
from sockutils.practice.own import answers, caller, closes, own_program
from sockutils.practice.program import PORT, Program, free, running
from sockutils.tables.diag import sockets

CATCH = "catch what fails with one client inside the loop, around recv() and sendall()"
HINTS = {
    "Transport endpoint": "who is gone has no address any more: take the one from accept()",
    "print the address": "print(address) right after accept(): who is gone already has come, too",
    "": f"some clients are gone before accept(): {CATCH}",
}
MUTE, RESET, RUDE = "left without a word", "reset the connection", "said rude and reset"
Address = tuple[str, int]


@own_program("accept", hint=HINTS)
def step(server: Path) -> None:
    free()
    with running(server, options=("-u",)) as program, ExitStack() as queue:  # it prints at once
        program.listens()
        first = queue.enter_context(caller())
        gone = {leaves(how): how for how in (RESET, MUTE, RUDE)}
        last = queue.enter_context(caller())
        wait_until(lambda: not connected(gone))
        for client, words in ((first, b"first"), (last, b"last")):
            client.sendall(words)
            answers(program, client, words.upper())
            closes(program, client)
            survives(program)
            came(program, client.getsockname(), f"said {words.decode()}")
        for address, how in gone.items():
            came(program, address, how)


def leaves(how: str) -> Address:
    """Call, and leave in this way; return who called."""
    with caller() as client:
        address: Address = client.getsockname()
        if how == RUDE:
            client.sendall(b"rude")
        if how != MUTE:
            reset(client)
    return address


def connected(clients: dict[Address, str]) -> bool:
    rows = sockets(port=PORT)
    return any(row.remote in clients and row.state in ("ESTAB", "SYN-RECV") for row in rows)


def survives(program: Program) -> None:
    wait_until(lambda: program.over, 0.3)
    program.lives()
    assert not program.over, f"{program} ended when a client was gone before accept(): {CATCH}"


def came(program: Program, address: Address, how: str) -> None:
    """Look for the client's port in what the program prints."""
    host, port = address
    wait_until(lambda: re.search(rf"\b{port}\b", program.printed), 2)
    assert re.search(rf"\b{port}\b", program.printed), (
        f"{program} printed {program.printed!r:.80}, and not ({host!r}, {port}), who {how}: "
        "print the address that accept() returns, for each client"
    )
