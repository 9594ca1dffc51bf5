"""14: the server ends at SIGTERM, without losing anybody who has begun."""

import signal
import socket
from contextlib import ExitStack, suppress

from sockutils.peers.waits import wait_until
from sockutils.practice.own import answers, caller
from sockutils.practice.program import ANSWER, HOST, PORT, Program
from sockutils.tables.busy import who_holds
from sockutils.tables.diag import sockets
from sockutils.tables.rows import Row

SILENCE = 2  # seconds that a client may take for a line: the program's second argument
LATE = 10.0  # seconds until it has to be gone: a busy machine takes a while
CONVERSATIONS = 50
QUEUE = 3  # clients that nobody has accepted when the end comes
LINE = b"one of many lines, each of 64 bytes: recv() ends where one ends\n"
MANY = LINE * 2048  # more than one recv() takes


def stops(program: Program) -> None:
    """SIGTERM in the middle of many lines: each gets the rest of its answer, then an end."""
    with ExitStack() as stack:
        clients = [stack.enter_context(caller()) for _ in range(CONVERSATIONS)]
        for client in clients:
            client.sendall(b"first\nsecond, in ")
        for client in clients:
            answers(program, client, b"FIRST\n")
        silent, busy = (stack.enter_context(caller()) for _ in range(2))
        for client in (silent, busy):
            client.sendall(b"hello\n")
            answers(program, client, b"HELLO\n")
        with program.stopped():
            queue = [stack.enter_context(caller()) for _ in range(QUEUE)]
            for client in queue:
                client.sendall(b"in the queue\n")
            silent.sendall(b"at the end\n")
            many = come(busy)
            program.signal(signal.SIGTERM)
        for client in queue:
            try:
                answers(program, client, b"IN THE QUEUE\n")
            except (AssertionError, OSError) as error:
                raise AssertionError(f"{QUEUE} were in the queue at SIGTERM: {error}") from None
        try:
            answers(program, silent, b"AT THE END\n")
        except (AssertionError, OSError) as error:
            raise AssertionError(f"a line that came just before SIGTERM: {error}") from None
        has_answered(program, busy, many)
        turned_away = wait_until(lambda: not listens(), ANSWER)
        assert turned_away, f"{ANSWER:.0f} s after SIGTERM {program} still takes new clients"
        end_their_lines(program, clients)
    wait_until(lambda: program.over, ANSWER)
    assert program.over, f"all have left after SIGTERM, and {program} still runs"
    assert program.status == 0, f"after SIGTERM {program} ended with status {program.status}, not 0"


def come(client: socket.socket) -> int:
    """Send many lines to a program that is stopped; return how many bytes have come there."""
    with suppress(BlockingIOError):
        client.send(MANY, socket.MSG_DONTWAIT)
    wait_until(lambda: (row := servers_end(client)) and row.receive_queue >= len(MANY), 0.2)
    row = servers_end(client)
    return row.receive_queue if row else 0


def has_answered(program: Program, client: socket.socket, length: int) -> None:
    """Read the answers to the whole lines among so many bytes, of which it may be sent more."""
    expected = MANY[: length // len(LINE) * len(LINE)].upper()
    got = b""
    with suppress(OSError):
        while len(got) < len(expected) and (part := client.recv(1 << 16)):
            got += part
    client.close()
    assert got[: len(expected)] == expected, (
        f"{length} bytes, all of them lines, had come from one client when SIGTERM came, and "
        f"{program} answered {len(got)} of them"
    )


def end_their_lines(program: Program, clients: list[socket.socket]) -> None:
    for number, client in enumerate(clients):
        try:
            client.sendall(b"two pieces\n")
            answers(program, client, b"SECOND, IN TWO PIECES\n")
            over = client.recv(1) == b""
        except (AssertionError, OSError) as error:
            raise AssertionError(
                f"at SIGTERM {len(clients)} lines had begun; {number} got their answer, "
                f"and then: {error}"
            ) from None
        assert over, f"after SIGTERM {program} sent more than the answer"


def waits_for_nobody_for_ever(program: Program) -> None:
    """One never ends its line; another one ends it, and begins one more, again and again."""
    with caller() as stuck, caller() as tireless:
        for client in (stuck, tireless):
            client.sendall(b"a line\nand half a ")
            answers(program, client, b"A LINE\n")
        program.signal(signal.SIGTERM)
        wait_until(lambda: over(tireless) and program.over, LATE)
        who = "never ends its" if held(stuck) else "always begins another"
        assert program.over, (
            f"{LATE:.0f} s after SIGTERM {program} {PORT} {SILENCE} still waits for a client that "
            f"{who} line"
        )


def over(client: socket.socket) -> bool:
    """Go on with the line, and begin another one; tell whether the server has had enough."""
    try:
        client.send(b"line\nand half a ", socket.MSG_DONTWAIT)
        client.recv(1 << 16, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return False


def servers_end(client: socket.socket) -> Row | None:
    """The other end of a client's connection, as the kernel's table has it."""
    here = client.getsockname()
    return next((row for row in sockets(port=PORT) if row.remote == here), None)


def held(client: socket.socket) -> bool:
    """Whether a program still has the other end: one that it has closed may be there for long."""
    row = servers_end(client)
    return bool(row and row.inode)


def listens() -> bool:
    return any(row.state == "LISTEN" for row in who_holds(PORT, HOST))
