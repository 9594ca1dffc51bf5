"""05: the client has a time limit, and says in one line that it got no answer."""

from pathlib import Path

from sockutils.lessons.own.start import calls_once
from sockutils.peers.waits import wait_until
from sockutils.practice.own import own_program
from sockutils.practice.program import HOST, PORT, START, Program, free, running
from sockutils.practice.silent import full

LIMIT = START + 5  # seconds until a client has given up: to start takes a while, too
EXIT = 'sys.exit("words") says the words, and ends with status 1'
HINTS = {
    "is not there": "the client of before is folded under the text above: begin with it",
    "still waits": "create_connection() has a timeout; settimeout() before connect() does it, too",
    "ended with status": "`except OSError` takes every way in which a connection fails",
    "says nothing": EXIT,
    "lines: one": "either print() or sys.exit() says it",
    "let it be 1": EXIT,
}


@own_program("connect", hint=HINTS)
def step(client: Path) -> None:
    free()
    with running(client) as program:
        gives_up(program, "nobody listens")
    with full(HOST, PORT), running(client) as program:
        gives_up(program, "the server is silent")
    calls_once(client, b"good morning")


def gives_up(program: Program, why: str) -> None:
    """Wait until it has ended, with one line and status 1."""
    wait_until(lambda: program.over, LIMIT)
    assert program.over, f"{why}, and {program} still waits after {LIMIT:.0f} s: set a time limit"
    if "Traceback (most recent call last)" in program.complained:
        program.lives()
    lines = f"{program.printed}\n{program.complained}".split("\n")
    said = [line for line in lines if line.strip()]
    assert said, f"{why}, and {program} says nothing: one line tells its user why"
    assert len(said) == 1, f"{why}, and {program} says {len(said)} lines: one is enough"
    told = f"{why}, and {program} ends with status {program.status}"
    assert program.status == 1, f"{told}: let it be 1, so that a script notices"
