"""02: the server's port comes from its command line; it starts again at once, or says why not."""

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sockutils.peers.waits import wait_until
from sockutils.practice.own import answers, own_program
from sockutils.practice.program import ANSWER, HOST, PORT, START, Program, free, running
from sockutils.tables.diag import sockets
from sockutils.tables.rows import Row

OTHER = 5001
HOW = "SO_REUSEADDR, set before bind(), lets it start all the same"
ONE_LINE = "Catch the OSError of bind(), and sys.exit() with a line of text"
WENT_ON = "It went on after bind() had failed: end it in the `except`, with sys.exit()"
CALLED = (
    " serves nobody any more once it has been started a second time: does the second one "
    "call the first? Let bind() say that the port is in use"
)
ARGUMENTS = "sys.argv[1:] is a list of texts: empty, or with the port"
RESET = struct.pack("ii", 1, 0)  # socket(7), SO_LINGER: close() ends the connection at once
TRACEBACK = "Traceback (most recent call last):"


@own_program("bind", hint=dict.fromkeys((", not 500", "IndexError", "TypeError"), ARGUMENTS))
def step(server: Path) -> None:
    starts_again(server, PORT)
    starts_again(server, OTHER, str(OTHER))
    in_use = stands_back(server, PORT)
    stands_back(server, OTHER, str(OTHER))
    says_so_only_then(server, in_use)


def starts_again(server: Path, port: int, *arguments: str) -> None:
    """Run it, and once more while the first run's client is still connected."""
    free(port)
    with ExitStack() as clients:
        with running(server, *arguments) as program:
            starts(program, port, "a run before it, without SO_REUSEADDR: try again in a minute")
            talks(program, clients.enter_context(client_on(port)), b"hello")
        with running(server, *arguments) as again:
            starts(again, port, f"its first run: {HOW}")
            with client_on(port) as late:
                talks(again, late, b"again")


def stands_back(server: Path, port: int, *arguments: str) -> str:
    """Run it, and a second time while it runs: the line that the second one prints."""
    with running(server, *arguments) as program:
        program.listens(port)
        with running(server, *arguments) as second:
            in_use = gives_up(second, port)
        try:
            with client_on(port) as client:
                talks(program, client, b"hello")
        except (OSError, AssertionError):
            raise AssertionError(f"{program}{CALLED}") from None
    return in_use


def says_so_only_then(server: Path, in_use: str) -> None:
    """A client that resets the connection is another error than a port in use."""
    free()
    with running(server) as program:
        program.listens()
        with client_on(PORT):
            pass
        wait_until(lambda: program.over, 1)  # it need not end: one that survives this is right
        assert not (program.status == 1 and lines_of(program) == [in_use]), (
            f"a client of {program} reset its connection, and it says {in_use!r:.80}, as where the "
            "port is in use. Keep only bind() and listen() in the `try`"
        )


@contextmanager
def client_on(port: int) -> Iterator[socket.socket]:
    """A client whose end resets the connection: no wrong server holds up the next one."""
    with socket.create_connection((HOST, port), timeout=ANSWER) as client:
        try:
            yield client
        finally:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def talks(program: Program, client: socket.socket, words: bytes) -> None:
    client.sendall(words)
    answers(program, client, words.upper())


def starts(program: Program, port: int, whose: str) -> None:
    """Wait until it listens; if it cannot, because of a connection that is left, say so."""
    try:
        program.listens(port)
    except AssertionError:
        left = [row.state for row in rows_of(port) if row.state != "LISTEN"]
        blocked = TRACEBACK not in program.complained or "already in use" in program.complained
        if not (program.over and left and blocked):
            raise
        said = (lines_of(program) or ["it says nothing"])[-1]
        raise AssertionError(
            f"{program} ended with status {program.status} ({said}): on port {port} "
            f"is a connection ({left[0]}) of {whose}"
        ) from None


def rows_of(port: int) -> list[Row]:
    return [row for row in sockets(port=port) if row.protocol == "tcp" and row.local[-1] == port]


def listeners(port: int) -> int:
    return [row.state for row in rows_of(port)].count("LISTEN")


def gives_up(program: Program, port: int) -> str:
    """Wait for its end, with one line: its port is in use. Return the line."""
    wait_until(lambda: program.over or listeners(port) > 1, START)
    assert listeners(port) <= 1, (
        f"two of them listen on port {port}: SO_REUSEPORT shares it, and clients go to either"
    )
    where = f"started where another one listens on port {port}, {program}"
    assert program.over, f"{where} still runs {START:.0f} s later. {ONE_LINE}"
    lines = lines_of(program)
    if TRACEBACK in lines:
        cure = ONE_LINE if "already in use" in program.complained else WENT_ON
        raise AssertionError(f"{where} ended with a traceback ({lines[-1]}). {cure}")
    assert len(lines) == 1, f"{where} printed {len(lines)} lines, not one. {ONE_LINE}"
    assert port == PORT or str(PORT) not in lines[0], (
        f"{where} says {lines[0]!r}: name its own port"
    )
    assert program.status == 1, f"{where} ended with status {program.status}, not 1. {ONE_LINE}"
    return lines[0]


def lines_of(program: Program) -> list[str]:
    """What it wrote, to either output."""
    text = program.printed + program.complained
    return [line.strip() for line in text.splitlines() if line.strip()]
