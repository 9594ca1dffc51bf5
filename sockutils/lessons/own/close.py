"""08: the client says its lines, ends its direction, and reads on; the server closes at the end."""

import select
import socket
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from sockutils.lessons.own.connect import EXIT, gives_up
from sockutils.peers.waits import wait_until
from sockutils.practice.own import UNREAD, answers, caller, closes, own_program
from sockutils.practice.program import ANSWER, HOST, PORT, START, Program, free, running
from sockutils.practice.short import short
from sockutils.tables.diag import sockets

LINES = 1000
MOMENT = 0.3  # seconds in which a client has ended that has nothing to wait for
MORE = "ET VOILÀ\n".encode()  # what a server says that has heard everything
SPLIT = MORE.index("À".encode()) + 1  # in the middle of a character
HALF = "client.shutdown(socket.SHUT_WR), after the last line: the server reads b'', and you read on"
KEPT = f"{HALF}. (close() ends nothing as long as a file of makefile() is open)"
BOTH = "SHUT_WR is the direction that you send in; after SHUT_RD or SHUT_RDWR you read no answer"
ON = "read until recv() gives b'', or with `for answer in answers`: nobody has to count"
HINTS = {
    "without an answer to": "one answer for each line, until the client's end",
    "before it had read": "read until the client's end, then close()",
    "left the connection open": "the client's end, b'', is the end of your loop, too: then close()",
    "waits for more": "the client's end, b'', is the end of your loop, too: then close()",
    "ended after its first": "the loop around accept() is still there?",
    "said nothing": "lines = sys.argv[1:] or ['hello'], and a loop that sends each of them",
    "instead of its arguments": "lines = sys.argv[1:] or ['hello'], and a loop that sends each",
    "end with a newline": "line.encode() + b'\\n'",
    "does not say that it is done": KEPT,
    "Broken pipe": "after shutdown() nobody sends: first the loop over the lines, then shutdown()",
    "Bad file descriptor": HALF,
    "closed its socket": HALF,
    "without waiting": f"{BOTH}. Then {ON}",
    "reset the connection": f"{ON}. {BOTH}",
    "gone before": f"{ON}. And end your direction with {HALF}",
    "UnicodeDecodeError": "a character may come in two parts: decode lines, or all at the end",
    "empty lines": "each answer has its newline: print(…, end='')",
    "as Python writes bytes": "`.decode()` makes text of bytes",
    "printed": f"print every answer that comes: {ON}",
    "nobody listens": f"as before: an `except OSError` around all of it; {EXIT}",
    "one line, and no traceback": f"as before: an `except OSError` around all of it; {EXIT}",
    "timed out": "within 2 s for each answer, not for all of them",
}


@own_program("close", hint=HINTS)
def step(server: Path, client: Path) -> None:
    free()
    with running(server) as program:
        program.listens()
        for _ in range(2):
            reads_everything(program)
    many = [f"line {number}" for number in range(LINES)]
    for words in ([], ["good morning"], many):
        half_closes(client, words)
    with running(server) as serving:
        serving.listens()
        with running(client, *many) as calling:
            calling.ends()
            shows(calling, "".join(f"{line}\n" for line in many).upper())
    with running(client) as alone:  # its server has ended
        gives_up(alone, "nobody listens", START)


def reads_everything(program: Program) -> None:
    """A client that says all that it has to say, ends its direction, and only then reads."""
    lines = [f"line {number}\n".encode() for number in range(LINES)]
    with caller() as client:
        try:
            client.sendall(b"".join(lines))
            client.shutdown(socket.SHUT_WR)  # ENOTCONN: a reset has come
        except OSError as error:
            ended_early(program)
            raise AssertionError(f"{program} reset the connection: it closed{UNREAD}") from error
        try:
            answers(program, client, b"".join(lines).upper())
        except AssertionError:
            ended_early(program)
            raise
        closes(program, client)
    ended_early(program)


def ended_early(program: Program) -> None:
    wait_until(lambda: program.over, 0.2)
    program.lives()
    assert not program.over, f"{program} ended after its first client"


def half_closes(path: Path, words: list[str]) -> None:
    """Be a server that answers each line, says one more thing at the end, and then closes."""
    expected = "".join(f"{word}\n" for word in words or ["hello"]).encode()
    with socket.create_server((HOST, PORT)) as listener, running(path, *words) as program:
        with program.calls(listener) as connection:
            same(program, hears(program, connection, expected), expected)
            listens_on(program, connection)
            says(program, connection, MORE[:SPLIT])
            wait_until(lambda: program.over or not unread(connection), ANSWER)
            says(program, connection, MORE[SPLIT:])
            connection.shutdown(socket.SHUT_WR)
            wait_until(lambda: program.over, ANSWER)  # who closes first has the port at rest
            stays_whole(program, connection)
        program.ends()
        shows(program, (expected.upper() + MORE).decode())


def same(program: Program, heard: bytes, expected: bytes) -> None:
    """It has said its arguments, one a line; if not, tell of the first line that is another."""
    pairs = enumerate(zip_longest(heard.splitlines(), expected.splitlines()), start=1)
    for number, (said, right) in pairs:
        told = f"{program} said something else instead of its arguments, one a line: line {number}"
        assert said is not None, f"{told} is missing, {short(right)}"
        assert right is not None, f"{told} is one too many, {short(said)}"
        assert said == right, f"{told} is {short(said)}, not {short(right)}"
    assert heard == expected, f"{program} said {short(heard)}: a message has to end with a newline"


def talk(program: Program, connection: socket.socket) -> Iterator[bytes]:
    """What the client says, until it ends its direction; each line is answered as it comes.

    But nothing is answered before the client waits for it: who reads nothing is gone by then.
    """
    first, unanswered = True, b""
    while part := connection.recv(1 << 16):
        yield part
        unanswered += part
        if first and select.select([connection], [], [], MOMENT)[0]:
            continue
        first = False
        lines, newline, unanswered = unanswered.rpartition(b"\n")
        says(program, connection, (lines + newline).upper())
    if first and unanswered:
        wait_until(lambda: program.over, MOMENT)
        program.lives()
        assert not program.over, f"{program} was gone without waiting for an answer"
    lines, newline, _ = unanswered.rpartition(b"\n")
    says(program, connection, (lines + newline).upper())


def hears(program: Program, connection: socket.socket, expected: bytes) -> bytes:
    """What the client says until it ends its direction."""
    heard = b""
    try:
        for part in talk(program, connection):
            heard += part
    except TimeoutError:
        pass
    except ConnectionResetError:
        failed(program)
        raise AssertionError(
            f"{program} reset the connection: it closed before it had read every answer"
        ) from None
    else:
        waited(program, heard == expected)
        failed(program, heard)
        assert heard, f"{program} called, said nothing, and ended its direction"
        return heard
    failed(program, heard)
    assert heard, f"{program} connected, and said nothing within {ANSWER:.0f} s"
    assert b"\n" in heard, f"{program} said {heard!r:.60}: a message has to end with a newline"
    got, all_of_them = heard.count(b"\n"), expected.count(b"\n")
    assert got >= all_of_them, f"{program} said {got} of {all_of_them} lines, and no more"
    raise AssertionError(f"{program} does not say that it is done: its server waits for its end")


def waited(program: Program, said_all: bool) -> None:
    """Was its end only that of its patience?"""
    wait_until(lambda: program.over, MOMENT)
    if said_all and program.status and "timed out" in program.complained:
        raise AssertionError(
            f"{program} does not say that it is done: it waits for its server's end, "
            "and its server for its own, until it has timed out"
        )


def failed(program: Program, heard: bytes = b"") -> None:
    """If it has ended with an error, that is the news."""
    wait_until(lambda: program.over, 0.3)
    program.lives()
    assert heard or not program.over, f"{program} ended, and said nothing"


def says(program: Program, connection: socket.socket, answer: bytes) -> None:
    try:
        connection.sendall(answer)
    except (BrokenPipeError, ConnectionResetError):
        failed(program, b"!")
        raise AssertionError(f"{program} reset the connection: answers were on their way") from None


def listens_on(program: Program, connection: socket.socket) -> None:
    """Its direction is over: has it still a socket to read with?"""
    wait_until(lambda: program.over, 0.3)
    program.lives()
    there = f"{program} was gone before its server had said everything"
    assert not program.over, f"{there}: it has to read until the server's end, too"
    rows = [row for row in sockets(port=PORT) if row.local == connection.getpeername()]
    open_still = any(row.inode for row in rows)
    assert open_still, f"{program} closed its socket while its server still had something to say"


def unread(connection: socket.socket) -> int:
    """How many bytes wait at the client's end."""
    here = connection.getpeername()
    return sum(row.receive_queue for row in sockets(port=PORT) if row.local == here)


def stays_whole(program: Program, connection: socket.socket) -> None:
    error = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    assert not error, f"{program} reset the connection: it closed before it had read every answer"


def shows(program: Program, expected: str) -> None:
    printed = [line.strip() for line in program.printed.rstrip().splitlines()]
    seen, wanted = [line for line in printed if line], expected.splitlines()
    it = f"{program} printed"
    if seen == wanted:
        assert printed == seen, f"{it} empty lines between the answers"
        return
    first = next((line for line in seen if line.startswith(("b'", 'b"'))), "")
    assert not first, f"{it} {short(first)}, as Python writes bytes"
    missing = [line for line in wanted if line not in {*seen}]
    assert not missing, (
        f"{it} {lines_of(seen)}, and not the answer {missing[0]!r}: "
        f"{len(missing)} of {len(wanted)} are missing"
    )
    assert seen == wanted, f"{it} {lines_of(seen)}, its server said {lines_of(wanted)}"


def lines_of(lines: list[str]) -> str:
    return "1 line" if len(lines) == 1 else f"{len(lines)} lines"
