"""Clients that try a server out, all at the same time: who is served, who waits."""

import select
import socket
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from sockutils.calls.counted import counted
from sockutils.lessons.server.bugs import (
    beside_a_bug,
    ends,
    silent_threads,
    still_served,
    with_a_bug,
)
from sockutils.lessons.server.busy import endless
from sockutils.lessons.server.clients import (
    PATIENCE,
    Design,
    Tested,
    all_read,
    ask,
    drip,
    expect,
    hear,
    started,
)
from sockutils.lessons.server.slow import a_slow_reader, with_a_long_answer
from sockutils.peers.ends import reset
from sockutils.peers.peer import background
from sockutils.peers.waits import wait_until
from sockutils.tables.descriptors import no_descriptor_left

Trial = Callable[[Tested], None]
SPIN = 500  # calls: more than a server needs that waits, fewer than one makes that does not
BUFFER = 1 << 18  # bytes, of each end of a connection in the checks
LINES = (b"read me " * 127 + b"please\n") * (1 << 12)  # more than a connection's buffers hold


def byte_by_byte(tested: Tested) -> None:
    client = tested.call()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    drip(client, b"one byte at a time\n", 0.002)
    expect(client, b"ONE BYTE AT A TIME\n")


def half_close(tested: Tested) -> None:
    client = tested.call()
    client.sendall(b"one\ntwo\nthree\n")
    client.shutdown(socket.SHUT_WR)
    expect(client, b"ONE\nTWO\nTHREE\n")
    over = select.select([client], [], [], PATIENCE)[0] and not client.recv(1)
    assert over, "it has answered all of a client that sends no more, and does not close"


def after_three_resets(tested: Tested) -> None:
    for line in (b"", b"half a line", b"a line\n"):
        client = tested.call()
        client.sendall(line)
        reset(client)
    ask(tested.call(), b"served?")


def ten_at_once(tested: Tested) -> None:
    for number, client in enumerate([tested.call() for _ in range(10)]):
        ask(client, b"client %d" % number)


def beside_a_silent_one(tested: Tested) -> None:
    tested.call()
    ask(tested.call(), b"served?")


def beside_one_that_reads_nothing(tested: Tested) -> None:
    greedy, rest = tested.call(), memoryview(LINES)
    limit_buffers(greedy)
    while rest and select.select([], [greedy], [], 0.25)[1]:
        rest = rest[greedy.send(rest) :]
    assert rest, "it takes all that it is sent, and would run out of memory"
    ask(tested.call(), b"served?")
    with background(say_the_rest, greedy, rest):
        heard = hear(greedy)
    assert heard == LINES.upper(), f"{len(LINES)} bytes to come in capitals, {len(heard)} came"


def say_the_rest(client: socket.socket, rest: memoryview) -> None:
    while rest:
        rest = rest[client.send(rest) :]
    client.shutdown(socket.SHUT_WR)


def stops(tested: Tested) -> None:
    client = tested.call()
    ask(client, b"before")
    client.sendall(b"half of it before, ")
    port = tested.listener.getsockname()[1]
    wait_until(lambda: all_read(port))
    tested.listener.shutdown(socket.SHUT_RDWR)
    client.sendall(b"half of it after\n")
    expect(client, b"HALF OF IT BEFORE, HALF OF IT AFTER\n")
    with suppress(ConnectionRefusedError):
        tested.call()
        raise AssertionError("the listener was shut down, and listens again")
    assert not tested.returns(), "it returned while a client was still there"


CHECKS: Mapping[str, Trial] = {
    "one client": lambda tested: ask(tested.call(), b"one", b"two"),
    "byte by byte": byte_by_byte,
    "half-close": half_close,
    "after three resets": after_three_resets,
    "ten at once": ten_at_once,
    "beside a silent one": beside_a_silent_one,
    "beside one that reads nothing": beside_one_that_reads_nothing,
    "stops": stops,
}


def beside_a_fast_one(tested: Tested) -> None:
    with socket.socket() as fast:  # known before it is accepted
        fast.bind(("127.0.0.1", 0))
        tested.listener.feeds[fast.getsockname()] = endless(fast, PATIENCE + 1)
        fast.connect(tested.listener.getsockname())
        fast.sendall(b"on\n")
        ask(tested.call(), b"served?")


def a_piece_of_a_line(tested: Tested) -> None:
    client = tested.call()
    client.sendall(b"as it comes")
    expect(client, b"AS IT COMES")


def a_question_at_the_end(tested: Tested) -> None:
    client, listener = tested.call(), tested.listener
    ask(client, b"before")
    listener.last = partial(client.sendall, b"at the end\n")  # there when the server hears of it
    listener.shutdown(socket.SHUT_RDWR)
    if not wait_until(lambda: listener.last is None, 1):  # it was told otherwise, or is busy
        listener.last = None
        client.sendall(b"at the end\n")
    expect(client, b"AT THE END\n")


def rests(calls: Counter[str], tested: Tested) -> None:
    ask(tested.call(), b"and now nothing")
    assert calls_in(0.3, calls) < SPIN, (
        "it never rests, though nobody says anything: does the loop watch for more than it needs?"
    )


def no_descriptor(calls: Counter[str], tested: Tested) -> None:
    early = tested.call()
    ask(early, b"early")
    with socket.socket() as late, socket.socket() as later:  # accept() has one number in reserve
        with no_descriptor_left():
            for client in (late, later):
                client.settimeout(PATIENCE)
                client.connect(tested.listener.getsockname())
            made = calls_in(0.3, calls)
            still_served(early)
        ask(late, b"late")
        ask(later, b"later")
    assert made < SPIN, "it never rests: accept() fails at once, again and again"


def calls_in(seconds: float, calls: Counter[str]) -> int:
    """How many calls the server makes meanwhile."""
    before = calls.total()
    select.select([], [], [], seconds)
    return calls.total() - before


# Of the exercise: Shout waits for a line's end.
MORE: Mapping[str, Trial] = {
    "a piece of a line": a_piece_of_a_line,
    "beside a fast one": beside_a_fast_one,
    "a question at the end": a_question_at_the_end,
}


ALONE = "no descriptor left"  # whoever runs beside it would have none either


def exam(copied: list[int], calls: Counter[str]) -> dict[str, Trial]:
    return {
        "half-close": half_close,
        "after three resets": after_three_resets,
        "a slow reader of 100 MB": partial(a_slow_reader, copied),
        "beside a silent one": beside_a_silent_one,
        "beside one that reads nothing": beside_one_that_reads_nothing,
        "beside a fast one": beside_a_fast_one,
        "beside a bug": beside_a_bug,
        ALONE: partial(no_descriptor, calls),
        "a question at the end": a_question_at_the_end,
        "stops": stops,
    }


def examine(name: str, design: Design, protocol: Any) -> dict[tuple[str, str], str]:
    """Drive servers with real clients: (check, name) → "works" or what happened, for matrix().

    All checks but one at the same time, each with a server of its own. A thread that ends with an
    error says nothing meanwhile.
    """
    copied, calls = list[int](), Counter[str]()
    trials = exam(copied, calls)
    last = trials[ALONE]
    tried = with_a_bug(with_a_long_answer(protocol, copied))
    quiet = ends(design)

    def watched(*arguments: Any) -> None:
        with counted(calls):
            quiet(*arguments)

    with silent_threads():
        with ThreadPoolExecutor(len(trials)) as pool:
            found = {
                check: pool.submit(outcome, trial, quiet, tried)
                for check, trial in trials.items()
                if check != ALONE
            }
        told = {check: future.result() for check, future in found.items()}
        told[ALONE] = outcome(last, watched, tried)
    return {(check, name): told[check] for check in trials}


def outcome(trial: Trial, design: Design, *protocol: Any) -> str:
    with started(design, 0, *protocol) as tested:
        limit_buffers(tested.listener)  # and those of its connections
        try:
            trial(tested)
        except TimeoutError:
            return "no answer"
        except OSError as error:
            return f"a client was cut off: {error}"
        except AssertionError as error:
            return str(error)
    return "works"


def limit_buffers(end: socket.socket) -> None:
    """So that LINES are more than they hold, whatever the system's settings are."""
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        end.setsockopt(socket.SOL_SOCKET, option, BUFFER)
