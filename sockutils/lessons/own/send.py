"""06: a message is a line, however it is cut. The server answers each, until its client's end."""

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sockutils.lessons.own.across import across, read
from sockutils.lessons.own.send_client import asks, cut_off, patience, prints
from sockutils.peers.ends import reset
from sockutils.peers.waits import wait_until
from sockutils.practice.own import answers, caller, died, own_program
from sockutils.practice.program import ANSWER, HOST, PORT, Program, free, running

LONG = 300_000  # bytes: no buffer of a program has it in one piece
HALF = "to half a line"
OPEN = "left the connection open"
MORE = "the same client has more lines: a loop, until recv() gives b'' or the file is over"
KEEP = "keep what has come in a variable, until a newline is in it: or let makefile('rb') do that"
NEWLINE = "the newline belongs to the line: it comes, and goes, with it"
NO_TEXT = 'a line is bytes, need not be text: makefile("rb"), no decode(), no encode()'
OVER = "the answer is over with its newline: the server keeps the connection"
HINTS = {
    HALF: KEEP,
    "in the middle of a line": KEEP,
    "was cut": "a line may be longer than any recv(), and than a limit of readline()",
    "the last line": "what is left at the end is a line, too: answer it",
    OPEN: "at the client's end leave the loop, and close. The file of makefile() holds the "
    'connection, too: `with connection, connection.makefile("rb") as lines:`',
    r", to b'\xff": NO_TEXT,
    "Unicode": NO_TEXT,
    "after Ctrl-C": "`except OSError` around what you do with one client, and nothing more: a bare "
    "`except:` takes the KeyboardInterrupt of Ctrl-C, too",
    "closed in the middle": "b'' before the newline is the end: the line is cut off, and that is "
    'no answer: sys.exit("words")',
    "answered nothing": "answer each line as soon as its newline has come: read(), readlines() and "
    "a loop until b'' wait for the client's end. What you write() into a file of makefile() needs "
    "flush(); sendall() goes out at once",
    "Ctrl-Z": "send() may take a part, and says so; sendall() goes on until all is taken",
    "expected b'WHO": NEWLINE,
    "expected b' BL": "blanks and \\r belong to the line, too: change nothing but small letters; "
    'strip() takes them away, makefile() without "rb" the \\r',
    r"expected b'\xff": "answer every byte that is no small letter as it came",
    "expected b'ONE": f"an empty line is a line. {NEWLINE}",
    "without an answer": MORE,
    "before it had read": MORE,
    "ConnectionReset": "catch what fails with one client inside the loop: reading fails, too",
    "Broken pipe": "catch what fails with one client inside the loop: sendall() fails, too",
    "said b": f'client.sendall(b"hello\\n"). {NEWLINE}',
    "TimeoutError: ": "`except OSError` takes every way in which a call of a socket fails",
    "EOFError": "b'' before the newline is the end: one line, sys.exit(…), and no traceback",
    "timed out": OVER,
    "waits for more": OVER,
    "as Python writes bytes": "`.decode()` makes text of bytes",
    "printed": "one recv() is a part of the line: read on until its newline",
    "still waits": "create_connection() has a timeout, and it holds for makefile(), too",
}


@own_program("send", hint=HINTS)
def step(server: Path, client: Path) -> None:
    free()
    with running(server) as program:
        program.listens()
        talks_on(program)
        with caller() as gone:
            sends(program, gone, b"half a li")
            read(gone)
            reset(gone)
        stopped(program)
        with caller() as last:
            sends(program, last, b"and you?\n")
            answers(program, last, b"AND YOU?\n")
            last.shutdown(socket.SHUT_WR)
            assert not (more := until_its_end(program, last)), (
                f"after the client's end {program} sent {more!r:.80}, too"
            )
        interrupted(program)
    for pieces in ((b"good ", b"morn", b"ing\n"), (b"and who are you?\n",)):
        asks(client, pieces)
    patience(client)
    cut_off(client)
    with running(server) as program:
        program.listens()
        with running(client) as calls:
            calls.ends()
            prints(calls, b"HELLO\n")


def talks_on(program: Program) -> None:
    """One client with all kinds of lines."""
    with caller() as client:
        for piece in (b"who", b" is"):
            sends(program, client, piece)
            nothing_yet(program, client, f"{piece!r}")
        sends(program, client, b" there?\n")
        answers(program, client, b"WHO IS THERE?\n")
        sends(program, client, b"one\n\nthree\n")
        answers(program, client, b"ONE\n\nTHREE\n")
        for line in (b"\xff\xfe\n", b" blanks \t\r\n"):
            sends(program, client, line)
            with to(line):
                answers(program, client, line.upper())
        sends(program, client, b"x" * LONG)
        nothing_yet(program, client, f"{LONG:,} bytes")
        sends(program, client, b"\n")
        answers_long(program, client)
        sends(program, client, b"last")
        client.shutdown(socket.SHUT_WR)
        got = until_its_end(program, client)
        told = f"the last line, b'last', had no newline, and {program} answered {got!r:.80}"
        assert got in (b"LAST", b"LAST\n"), told


@contextmanager
def to(line: bytes) -> Iterator[None]:
    """Tell to which line no answer came."""
    try:
        yield
    except AssertionError as error:
        unanswered = str(error).endswith("without an answer")
        raise AssertionError(f"{error}, to {line!r}" if unanswered else str(error)) from None


def stopped(program: Program) -> None:
    """While its answer waits for room, it is stopped, and goes on.

    A send() that waits returns then with what has been taken, as after any signal.
    """
    with slow_reader() as client:
        sends(program, client, b"x" * LONG + b"\n")
        client.shutdown(socket.SHUT_WR)
        with suppress(OSError):  # it has been reset
            wait_until(
                lambda: program.over or any(row.send_queue for row in across(client)), ANSWER
            )
        program.pauses()
        got = until_its_end(program, client)
        if not got:
            died(program)
        told = (
            f"{program} was stopped while it sent {LONG + 1:,} bytes, and went on, as with Ctrl-Z "
            f"and fg: {len(got):,} of them came"
        )
        assert got == b"X" * LONG + b"\n", told


def interrupted(program: Program) -> None:
    """Ctrl-C ends it, at the latest when the client is gone that it is busy with."""
    with caller() as client:
        sends(program, client, b"half a li")
        read(client)
        program.signal(signal.SIGINT)
        wait_until(lambda: program.over, 1)
    wait_until(lambda: program.over, ANSWER)
    assert program.over, f"{program} goes on after Ctrl-C, which came while it served a client"


@contextmanager
def slow_reader() -> Iterator[socket.socket]:
    """A client for which a long answer has no room: small pieces keep the server's buffer small."""
    with socket.socket() as client:
        client.settimeout(ANSWER)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 20_000)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400)
        client.connect((HOST, PORT))
        yield client


def sends(program: Program, client: socket.socket, data: bytes) -> None:
    try:
        client.sendall(data)
    except TimeoutError:
        raise AssertionError(f"{program} does not read: a line of {len(data):,} bytes") from None
    except ConnectionError:
        died(program)
        raise AssertionError(f"{program} ended the connection without an answer") from None


def nothing_yet(program: Program, client: socket.socket, piece: str) -> None:
    """Half a line has been read: nothing may come for it."""
    read(client)
    client.settimeout(0.2)
    try:
        got = client.recv(100)
    except TimeoutError:
        client.settimeout(ANSWER)
        return
    except ConnectionResetError:
        got = b""
    if not got:
        died(program)
    what = f"answered {got!r:.80} {HALF}" if got else "ended the connection in the middle of a line"
    raise AssertionError(f"{program} {what}, {piece}: it is complete when its newline has come")


def answers_long(program: Program, client: socket.socket) -> None:
    got = bytearray()
    with suppress(TimeoutError):
        while not got.endswith(b"\n") and (part := client.recv(1 << 16)):
            got += part
    if not got:
        died(program)
    told = f"a line of {LONG + 1:,} bytes was cut: {program} answered {len(got):,}"
    assert got == b"X" * LONG + b"\n", told


def until_its_end(program: Program, client: socket.socket) -> bytes:
    """What comes after the client's last word, until the program closes."""
    got = bytearray()
    try:
        while part := client.recv(1 << 16):
            got += part
            assert len(got) < 2 * LONG, f"{program} answers on and on after the client's end"
    except TimeoutError:
        raise AssertionError(f"the client has ended, and {program} {OPEN}") from None
    except ConnectionResetError:
        died(program)
        raise AssertionError(f"{program} reset the connection: no answer is safe then") from None
    return bytes(got)
