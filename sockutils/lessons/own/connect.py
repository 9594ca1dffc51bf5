"""05: the client has a time limit, and says in one line that it got no answer."""

import re
from pathlib import Path

from sockutils.lessons.own.rests import states
from sockutils.lessons.own.start import calls_once
from sockutils.peers.waits import wait_until
from sockutils.practice.own import own_program
from sockutils.practice.program import HOST, PORT, START, Program, free, running
from sockutils.practice.silent import full
from sockutils.tables.diag import sockets

LIMIT = 2.5  # seconds after which one that waits for two does not sleep any more
LATEST = 3.5  # and until it has ended: a busy machine takes a while
NUMBER = re.compile(r"\d+|None")  # settimeout()'s error has None
DENIED = re.compile(r"\b(?:not?|nor|neither|never)\b|n't", re.IGNORECASE)
EXIT = 'sys.exit("words") says the words, and ends with status 1'
HINTS = {
    "is not there": "the client of before is folded under the text above: begin with it",
    "still waits": "create_connection() has a timeout; settimeout() before connect() does it, too",
    "ended with status": "`except OSError` takes every way in which a connection fails; "
    "and where a server listens, say hello to it: it waits for that",
    "says nothing": EXIT,
    "differ only": "os.strerror(number) has the words; an exception, printed, has them as well",
    "lines: one": "either print() or sys.exit() says it",
    "let it be 1": EXIT,
    "for both": "print the error: it says what is wrong. Or have an `except` for each",
    "said b": 'client.sendall(b"hello")',
    "printed": "print what recv() gives you, as text: `.decode()` makes it of bytes",
}


@own_program("connect", hint=HINTS)
def step(client: Path) -> None:
    free()
    with running(client) as program:
        refused = gives_up(program, "nobody listens", START)
    with full(HOST, PORT), running(client) as program:
        wait_until(lambda: program.over or calling(), START)
        wait_until(lambda: program.over, LIMIT)
        assert not waits(program), still("the server is silent", program, LIMIT)
        silent = gives_up(program, "the server is silent", START)
    tells_apart(client.name, refused, silent)
    calls_once(client, b"good morning")


def calling() -> bool:
    """Whether a client has sent its SYN, and got no answer."""
    return "SYN-SENT" in [row.state for row in sockets(port=PORT)]


def waits(program: Program) -> bool:
    """Whether it sleeps until the answer comes. One whose time is up runs, on a busy machine too.

    It does as soon as the kernel's timer is over, though a processor may be free for it only later.
    """
    return set(states(program.pid)) == {"S"} and calling() and set(states(program.pid)) == {"S"}


def still(why: str, program: Program, seconds: float) -> str:
    return f"{why}, and {program} still waits after {seconds:g} s: two are the limit"


def gives_up(program: Program, why: str, limit: float) -> str:
    """Wait until it has ended, with one line and status 1; return the line."""
    wait_until(lambda: program.over, limit)
    assert program.over, still(why, program, limit)
    if "Traceback (most recent call last)" in program.complained:
        program.lives()
    lines = f"{program.printed}\n{program.complained}".split("\n")
    said = [line for line in lines if line.strip()]
    assert said, f"{why}, and {program} says nothing: one line tells its user why"
    assert len(said) == 1, f"{why}, and {program} says {len(said)} lines: one is enough"
    told = f"{why}, and {program} ends with status {program.status}"
    assert program.status == 1, f"{told}: let it be 1, so that a script notices"
    return said[0]


def tells_apart(name: str, refused: str, silent: str) -> None:
    """Each line is about its own case, and in words."""
    both = f"{name} says {refused!r:.60} for both, refused and silent: tell what is wrong"
    assert refused != silent, both
    numbers = f"{name} says {refused!r:.60} and {silent!r:.60}, which differ only in a number"
    told = [NUMBER.sub("", line) for line in (refused, silent)]
    assert told[0] != told[1], f"{numbers}: its user does not know what it means"
    for word, case, line in (("refused", "silent", silent), ("timed out", "refused", refused)):
        mixed = word in line.lower() and not DENIED.search(line)
        assert not mixed, f"{name} says {line!r:.60} when it is {case}: which `except` says that?"
