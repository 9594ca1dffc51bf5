"""14: the server ends at SIGTERM, without losing anybody who has begun."""

import signal
from contextlib import ExitStack

from sockutils.peers.waits import wait_until
from sockutils.practice.own import answers, caller
from sockutils.practice.program import ANSWER, HOST, PORT, Program
from sockutils.tables.busy import who_holds

SILENCE = 2  # seconds that a client may take for a line: the program's second argument
LATE = 10.0  # seconds until it has to be gone: a busy machine takes a while
CONVERSATIONS = 50
QUEUE = 3  # clients that nobody has accepted when the end comes


def stops(program: Program) -> None:
    """SIGTERM in the middle of many lines: each gets the rest of its answer, then an end."""
    with ExitStack() as stack:
        clients = [stack.enter_context(caller()) for _ in range(CONVERSATIONS)]
        for client in clients:
            client.sendall(b"first\nsecond, in ")
        for client in clients:
            answers(program, client, b"FIRST\n")
        silent = stack.enter_context(caller())
        silent.sendall(b"hello\n")
        answers(program, silent, b"HELLO\n")
        with program.stopped():
            queue = [stack.enter_context(caller()) for _ in range(QUEUE)]
            for client in queue:
                client.sendall(b"in the queue\n")
            silent.sendall(b"at the end\n")
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
        turned_away = wait_until(lambda: not listens(), ANSWER)
        assert turned_away, f"{ANSWER:.0f} s after SIGTERM {program} still takes new clients"
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
    wait_until(lambda: program.over, ANSWER)
    assert program.over, f"all have left after SIGTERM, and {program} still runs"
    assert program.status == 0, f"after SIGTERM {program} ended with status {program.status}, not 0"


def waits_for_nobody_for_ever(program: Program) -> None:
    with caller() as stuck:
        stuck.sendall(b"a line\nand half a ")
        answers(program, stuck, b"A LINE\n")
        program.signal(signal.SIGTERM)
        wait_until(lambda: program.over, LATE)
        assert program.over, (
            f"{LATE:.0f} s after SIGTERM {program} {PORT} {SILENCE} still waits for a client that "
            "never ends its line"
        )


def listens() -> bool:
    return any(row.state == "LISTEN" for row in who_holds(PORT, HOST))
