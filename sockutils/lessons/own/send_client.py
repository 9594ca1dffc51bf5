"""06, its client: a line is asked for, and one answers; cut off, or not at all, it is no answer."""

import socket
from contextlib import suppress
from pathlib import Path

from sockutils.lessons.own.across import read
from sockutils.lessons.own.connect import LATEST, calling, gives_up
from sockutils.lessons.own.start import shows
from sockutils.peers.waits import wait_until
from sockutils.practice.own import died
from sockutils.practice.program import HOST, PORT, START, Program, running
from sockutils.practice.silent import full


def asks(client: Path, pieces: tuple[bytes, ...]) -> None:
    """Play the server, which answers in pieces and keeps the connection."""
    with socket.create_server((HOST, PORT)) as listener, running(client) as program:
        with program.calls(listener) as connection:
            heard = line_of(connection)
            if not heard:
                died(program)
            assert heard == b"hello\n", f"{program} said {heard!r:.80}, not b'hello\\n'"
            for piece in pieces:
                with suppress(OSError):  # it has gone early: that shows in what it prints
                    connection.sendall(piece)
                    read(connection)
            wait_until(lambda: program.over, LATEST)
            assert program.over, f"{program} has its line, and waits for more"
        program.ends()
        prints(program, b"".join(pieces))


def cut_off(client: Path) -> None:
    """Play a server that says half a line, and closes."""
    with socket.create_server((HOST, PORT)) as listener, running(client) as program:
        with program.calls(listener) as connection:
            line_of(connection)
            with suppress(OSError):
                connection.sendall(b"HE")
        gives_up(program, "the server closed in the middle of its line", START)


def prints(program: Program, line: bytes) -> None:
    seen = program.printed
    raw = f"{program} printed {seen.strip()!r:.80}, the answer as Python writes bytes"
    assert repr(line.rstrip())[:-1] not in seen, raw
    shows(program, line.rstrip())


def line_of(connection: socket.socket) -> bytes:
    heard = b""
    with suppress(TimeoutError):
        while not heard.endswith(b"\n") and (part := connection.recv(100)):
            heard += part
    return heard


def patience(client: Path) -> None:
    """What it could in 05 it can still: refused, silent; and connected to somebody who is mute."""
    with running(client) as program:
        gives_up(program, "nobody listens", START)
    with full(HOST, PORT), running(client) as program:
        wait_until(lambda: program.over or calling(), START)
        gives_up(program, "the server is silent", LATEST)
    with (
        socket.create_server((HOST, PORT)) as listener,
        running(client) as program,
        program.calls(listener),
    ):
        gives_up(program, "the server says nothing", LATEST)
