"""14: the server lets go who is late: silent, slow to end a line, or deaf to its answers."""

import select
import socket
import time
from contextlib import suppress

from sockutils.lessons.own.ending import LATE, SILENCE, held
from sockutils.lessons.own.quantities import LINES, SMALL
from sockutils.peers.waits import wait_until
from sockutils.practice.own import answers, caller
from sockutils.practice.program import HOST, PORT, Program

EARLY = 1.0  # seconds that everybody has
SILENT, SLOW, DEAF = "says nothing", "goes on bit by bit", "reads none of its answers"


def lets_the_late_go(program: Program) -> None:
    """One says nothing, one goes on bit by bit without an end; one asks in time."""
    with caller() as mute, caller() as slow, caller() as good:
        start = time.monotonic()
        gone: dict[str, float] = {}
        beat = 0.0
        while len(gone) < 2 and time.monotonic() - start < LATE:
            for name, client in ((SILENT, mute), (SLOW, slow)):
                if name not in gone and is_over(client):
                    gone[name] = time.monotonic() - start
            if time.monotonic() - start > beat:
                beat += 0.5
                with suppress(OSError):
                    slow.sendall(b"x")
                asks(program, good)
            wait_until(lambda: False, 0.05)
    for name in (SILENT, SLOW):
        assert name in gone, kept(program, name)
        told = f"a client that {name} was let go after {gone[name]:.1f} s: it has {SILENCE}"
        assert gone[name] > EARLY, told


def lets_them_go_when_nothing_happens(program: Program) -> None:
    """One asks and never reads, one says nothing; nobody else is there, so that nothing comes."""
    with socket.socket() as deaf, caller() as mute:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        deaf.connect((HOST, PORT))
        with suppress(OSError):  # a busy program may have let it go by now
            while select.select([], [deaf], [], 0.2)[1]:
                deaf.send(LINES, socket.MSG_DONTWAIT)
        wait_until(lambda: not held(mute) and not held(deaf), LATE)
        assert not held(mute), kept(program, f"{SILENT}, and nobody else is there")
        assert not held(deaf), kept(program, DEAF)


def kept(program: Program, name: str) -> str:
    return (
        f"a client {name}, and {program} {PORT} {SILENCE} still keeps it after {LATE:.0f} s: "
        f"{SILENCE} are the limit"
    )


def is_over(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def asks(program: Program, client: socket.socket) -> None:
    try:
        client.sendall(b"in time\n")
        answers(program, client, b"IN TIME\n")
    except (AssertionError, ConnectionError) as error:
        raise AssertionError(f"a client that asks each half second was let go: {error}") from None
