"""What its second exercise asks: a connect loop with two limits."""

import socket
import time
from contextlib import ExitStack

from sockutils.lessons.resolvers.checks import (
    ANY,
    UNREACHABLE,
    Connect,
    Info,
    attempted,
    info,
    raised,
    reached,
    refusing,
    silent,
    timed,
    unknown,
)
from sockutils.practice.exercise import exercise
from sockutils.practice.silent import make_room
from sockutils.tables.descriptors import held

LIMITS = "settimeout() with `each`, or with what is left of `total` if that is less"
CLOSE = "client.close() where connect() has failed"
NO_SOCKET = "where socket() fails there is nothing to close: give it a `try` of its own"
NOTHING_LEFT = "look what is left before each attempt: if nothing, raise TimeoutError"


@exercise(
    "resolvers",
    hint={
        "has a timeout": "settimeout(None) for the socket that you return",
        "UnboundLocalError": NO_SOCKET,
        "'NoneType' object has no attribute 'close'": NO_SOCKET,
        "Timeout value out of range": NOTHING_LEFT,
        "you are connected to": "socket() takes the first three of each entry, as they are",
        "socket() may fail": "have socket() in a `try`, too, and go on with the next address",
        "to Python to close": CLOSE,
        "still open": CLOSE,
        "left a socket open": CLOSE,
        "took no time": "what is left, the clock says: set the end once, time.monotonic() + total",
        "the last one refused": "remember the error of each attempt: raise the latest",
        "a reason to try the next": "`except OSError` takes every way in which an attempt fails",
        "no time at all": NOTHING_LEFT,
        "seconds": LIMITS,
        "silent": LIMITS,
        "": f"{LIMITS}, and with None for the socket that you return. Close what did not connect.",
    },
    seconds=12,
)
def first_that_answers(connect: Connect) -> None:
    with ExitStack() as stack:
        quiet = stack.enter_context(silent())
        server, trap = (stack.enter_context(socket.create_server(ANY)) for _ in range(2))
        good = info(server.getsockname())
        timed(connect, [refusing(), good], good, "the first of two refuses", limits=(0.3, 5))
        other = [*unknown(trap.getsockname()), info(UNREACHABLE), refusing(), quiet]
        before = held()
        case = "the seventh of eight addresses answers, the first is of a family that is not there"
        client, calls = attempted(case, connect, [*other, good, refusing()], 0.3, 3)
        reached(client, calls, good, before, case)
        case = "the first is silent, and each had 0.3 seconds"
        timed(connect, [quiet, good], good, case, most=1.5, limits=(0.3, 5))
        out_of_time(connect, [quiet] * 8, 0.4, 0.6)
        out_of_time(connect, [quiet], 3, 0.4)
        said = raised(connect, [*[refusing()] * 12, good], 5, 20)
        case = "twelve refuse at once, the next one answers, and there were 20 seconds"
        assert said != "TimeoutError", f"{case}: you raised {said}, and they took no time"
        error = raised(connect, [quiet], 1, 0)
        assert error == "TimeoutError", f"no time at all, `total` is 0: you raised {error}"
        error = raised(connect, [info(UNREACHABLE), refusing()], 1, 5)
        which = ", the error of the first" if error == "OSError" else ""
        assert error == "ConnectionRefusedError", f"the last one refused: you raised {error}{which}"
        with silent(make_room) as slow:
            case = "the first of four answers after a second, and each had 3 seconds"
            timed(connect, [slow, *[refusing()] * 3], slow, case, most=4, limits=(3, 3))
        assert not held() - before, "you left a socket open"


def out_of_time(connect: Connect, answers: list[Info], each: float, total: float) -> None:
    start = time.monotonic()
    error = raised(connect, answers, each, total)
    took = time.monotonic() - start
    case = f"all are silent, and there were {total} seconds"
    assert error == "TimeoutError", f"{case}: you raised {error}"
    assert total - 0.1 < took < total + 1.4, f"{case}: you took {took:.1f}"
