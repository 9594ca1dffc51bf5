"""Whether a learner's server, which has nothing to do, sleeps: seen from outside."""

import time
from contextlib import suppress
from itertools import count
from pathlib import Path

from sockutils.peers.waits import wait_until
from sockutils.practice.program import HOST, PORT, Program
from sockutils.tables.busy import who_holds

LOOKS = 10  # in a row that have to find it asleep
# Looks, half a second of them (longer on a busy machine, where whoever wakes wakes as seldom), and
# the seconds of the processor that a server which waits does not use.
WHILE, MUCH = 100, 0.005
SPENT, PATIENCE = 1.5, 30  # seconds of the processor, and of the clock, until it has to sleep
OFTEN = 90  # times in that while: as often as somebody who looks every five milliseconds
BRIEF = 0.0003  # seconds of the processor at a time: who only looks, and sleeps again, needs less
MILLISECONDS = (
    "without a number it waits until there is something (poll() counts milliseconds, epoll seconds)"
)
SPINS = "keeps a processor busy"


def rests(program: Program, when: str) -> None:
    """It sleeps, and uses no processor time for a while."""
    pids = processes()
    calm = asleep(program, pids)
    spent = seldom(program, pids, when)
    program.lives()
    assert not program.over, f"{when}, and {program} has ended"
    busy = not calm or spent > MUCH
    assert not busy, f"{when}, and {program} {SPINS}: nothing is to be done"


def seldom(program: Program, pids: set[int], when: str) -> float:
    """For a while it does not wake again and again; return what processor time it has used."""
    before, woken, looks = used(pids), wakes(pids), count()
    wait_until(lambda: program.over or next(looks) >= WHILE, PATIENCE)
    spent, woken = used(pids) - before, wakes(pids) - woken
    often = woken > max(OFTEN, spent / BRIEF)  # one that spins is given a processor often, too
    assert not often, f"{when}, and {program} wakes again and again: {MILLISECONDS}"
    return spent


def processes() -> set[int]:
    return {one.pid for row in who_holds(PORT, HOST) for one in row.holders or ()}


def asleep(program: Program, pids: set[int]) -> bool:
    """Whether it sleeps, at all of so many looks in a row, before it has used too much time.

    One that runs is R, and so is one that would, on a busy machine.
    """
    looks: list[bool] = []
    limit = used(pids) + SPENT

    def known() -> bool:
        looks.append({state for pid in pids for state in states(pid)} == {"S"})
        return program.over or looks[-LOOKS:] == [True] * LOOKS or used(pids) > limit

    wait_until(known, PATIENCE)
    return looks[-LOOKS:] == [True] * LOOKS


def states(pid: int) -> list[str]:
    """Of the threads of a process, as letters of proc(5)."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # that thread has just ended
            found.append(path.read_text().rpartition(")")[2].split()[0])
    return found


def wakes(pids: set[int]) -> int:
    """How often their threads were given a processor: the last number of schedstat, if there."""
    found = 0
    for pid in pids:
        for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            with suppress(OSError):
                found += int(path.read_text().split()[-1])
    return found


def used(pids: set[int]) -> float:
    """The processor time of these processes: the clock of each, clock_getcpuclockid(3)."""
    spent = 0.0
    for pid in pids:
        with suppress(OSError):  # it has ended
            spent += time.clock_gettime((~pid << 3) | 2)
    return spent
