"""05: the client has a time limit, and says in one line that it got no answer."""

import os
import re
import socket
import time
from pathlib import Path

from sockutils.kernel.network import network
from sockutils.lessons.own.rests import states
from sockutils.lessons.own.start import calls_once
from sockutils.peers.waits import wait_until
from sockutils.practice.own import own_program
from sockutils.practice.program import HOST, PORT, START, Program, free, running
from sockutils.practice.silent import full
from sockutils.practice.traceback import last_words
from sockutils.tables.diag import sockets

LIMIT = 2.5  # seconds after which one that waits for two does not sleep any more
LATEST = 3.5  # and until it has ended: a busy machine takes a while
SOONEST = 0.5  # seconds: who gives up before has lost every call over a slow line
NUMBER = re.compile(r"\d+|None")  # settimeout()'s error has None
DENIED = re.compile(r"\b(?:not?|nor|neither|never)\b|n't", re.IGNORECASE)
EXIT = 'sys.exit("words") says the words, and ends with status 1'
HINTS = {
    "is not there": "the client of before is folded under the text above: begin with it",
    "still waits": "create_connection() has a timeout; settimeout() before connect() does it, too",
    "no traceback": "`except OSError` takes every way in which a connection fails",
    "ended with status": "a server listens there: say hello to it, since it waits for that, and "
    "print its answer. Then nothing has failed: let the program end by itself",
    "gave up after": "a SYN that is lost costs a second: timeout=2 has room for one",
    "no port is left": "have words of its own for each error; an exception, printed, has them",
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
    start = time.monotonic()
    with full(HOST, PORT), running(client) as program:
        wait_until(lambda: program.over or calling(), START)
        wait_until(lambda: program.over, LIMIT)
        assert not waits(program), still("the server is silent", program, LIMIT)
        silent = gives_up(program, "the server is silent", START)
    took = time.monotonic() - start
    soon = f"the server is silent, and {client.name} gave up after {took:.1f} s"
    assert took > SOONEST, f"{soon}: wait a second or two"
    tells_apart(client.name, refused, silent)
    names_no_other(client, {"refused": refused, "silent": silent})
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
        words = last_words(program.path, program.complained)
        status = f"{program} ended with status {program.status}"
        raise AssertionError(f"one line, and no traceback: {status}: {words}")
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


def names_no_other(client: Path, lines: dict[str, str]) -> None:
    """What is neither refused nor silent is called neither: here no local port is left."""
    from sockutils.lessons.connect.lan import RANGE, ephemeral  # its package imports this module

    if not (network().private and os.access(RANGE, os.W_OK)):
        return
    with ephemeral("20000 20000"), socket.socket() as holder:
        holder.bind((HOST, 20000))
        with running(client) as program:
            wait_until(lambda: program.over, START)
            said = f"{program.printed}\n{program.complained}".strip()
    for case, line in lines.items():
        told = f"no port is left for a call (EADDRNOTAVAIL), and {client.name} says {line!r:.60}"
        assert said != line.strip(), f"{told}, as if it were {case}"
