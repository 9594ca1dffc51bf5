"""13: each answer leaves at once, and the server's kernel asks a client that has been silent.

Whether it does is seen in the kernel: its timer, and an answer that it has and does not send.
"""

import socket
import time
from pathlib import Path

from sockutils.link.deaf import deaf
from sockutils.peers.waits import wait_until
from sockutils.practice.own import answers, caller, closes, own_program
from sockutils.practice.program import ANSWER, PORT, Program, free, running
from sockutils.tables.borrowed import option
from sockutils.tables.innards import Innards, innards

IDLE = 60
SET = 3.0  # seconds until a server that has accepted has set its options
SOON = 0.15  # seconds after which the kernel sends what it held back, TCP's loss probe: at 0.2
TRIES = 3
SILENT, SECOND = "a client that has said nothing yet", "the client after the first one"
TALKED = "a client that has talked"
FIRST = " its first client"
EACH = (
    "on each connection, as soon as accept() has returned it; or on the listener before listen(), "
    "since connections inherit what it has when they are made"
)
LEVELS = "SO_KEEPALIVE is of SOL_SOCKET, TCP_NODELAY and TCP_KEEPIDLE are of IPPROTO_TCP"
HINTS = {
    "Invalid argument": "TCP_KEEPIDLE takes seconds, up to 32767; bind() comes before listen()",
    "Protocol not available": LEVELS,
    "Permission denied": LEVELS + "; at SOL_SOCKET the number of TCP_NODELAY is SO_DEBUG",
    SILENT: f"SO_KEEPALIVE is of SOL_SOCKET, TCP_KEEPIDLE of IPPROTO_TCP, in seconds: set both "
    f"{EACH}",
    SECOND: f"the first client has a timer: set the options {EACH}",
    TALKED: "leave SO_KEEPALIVE on, and TCP_KEEPIDLE at 60, as long as the connection lasts",
    f"sent{FIRST}": f"a later client has TCP_NODELAY, the first one has not: set it {EACH}",
    "holds back": f"TCP_NODELAY of IPPROTO_TCP, 1: set it {EACH}",
    "": "begin with the server as it was, folded under the text above: three options are all that "
    "it takes",
}


@own_program("sockopts", hint=HINTS)
def step(server: Path) -> None:
    free()
    with running(server) as program:
        program.listens()
        with caller() as silent:
            asks(program, silent, SILENT)
            with caller() as client:
                asks(program, client, SECOND)
                serves(program, client)
                asks(program, client, TALKED)
                sends_at_once(program, client)
            serves(program, silent)
            sends_at_once(program, silent, FIRST)
            ends(program, silent)


def serves(program: Program, client: socket.socket) -> None:
    """As before: lines in pieces, and more than one in a piece."""
    client.sendall(b"he")
    client.sendall(b"llo\nwho is")
    answers(program, client, b"HELLO\n")
    client.sendall(b" there?\nyou\n")
    answers(program, client, b"WHO IS THERE?\nYOU\n")


def ends(program: Program, client: socket.socket) -> None:
    client.sendall(b"the end")
    client.shutdown(socket.SHUT_WR)
    answers(program, client, b"THE END")
    closes(program, client)


def its_end(client: socket.socket) -> Innards | None:
    return innards(PORT, client.getsockname())


def asks(program: Program, client: socket.socket, who: str) -> None:
    """Whether the kernel asks this client after a minute of silence."""
    start, after = time.monotonic(), list[float]()

    def set_so() -> bool:
        end = its_end(client)
        if end is None or end.asks is None:
            return False
        after.append(time.monotonic() - start + end.asks)
        return IDLE - 10 < end.asks <= IDLE

    wait_until(lambda: program.over or accepted(client), ANSWER)
    if wait_until(set_so, SET):
        return
    program.lives()
    assert not program.over, f"{program} ended while it had {who}"
    assert accepted(client), f"{program} has not accepted a client within {ANSWER:.0f} s"
    assert after, (
        f"{program} has no keepalive timer for {who}: its kernel will never ask whether that "
        "client is still there"
    )
    raise AssertionError(
        f"{program} lets its kernel ask {who} after {min(after):.0f} s of silence, not after {IDLE}"
    )


def accepted(client: socket.socket) -> bool:
    end = its_end(client)
    return end is not None and end.inode > 0


def sends_at_once(program: Program, client: socket.socket, to: str = "") -> None:
    """Two answers in a row, of which the first one is not confirmed: are both on their way?

    On a machine too busy to tell, the option itself is looked at, where that is allowed.
    """
    held = (
        f"{program} has sent{to} two short answers, the client has not confirmed the first, and "
        "the kernel holds back the second, to send it with others"
    )
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    kept_in_time = 0
    for _ in range(TRIES):
        kept, in_time = holds_back(client)
        answers(program, client, b"ONE\nTWO\n")
        if in_time and not kept:
            return
        kept_in_time += kept and in_time
        assert kept_in_time < 2, held
    end = its_end(client)
    nodelay = end and option(end.inode, socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert nodelay != 0, held


def queue(client: socket.socket) -> int:
    end = its_end(client)
    return end.queue if end else 0


def holds_back(client: socket.socket) -> tuple[bool, bool]:
    """Ask for two answers, and confirm none; return whether one is kept, and was so in time."""
    wait_until(lambda: queue(client) == 0, 2)
    with deaf(client):
        start = time.monotonic()
        client.sendall(b"one\n")
        wait_until(lambda: queue(client) >= len(b"ONE\n"), ANSWER)
        client.sendall(b"two\n")
        wait_until(lambda: queue(client) >= len(b"ONE\nTWO\n"), SOON)
        kept = not wait_until(lambda: not keeps(client), SOON / 3)
        return kept, time.monotonic() - start < SOON


def keeps(client: socket.socket) -> bool:
    end = its_end(client)
    return end is not None and end.held > 0
