"""The exercise that calls several addresses at the same time."""

import socket
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack

from sockutils.calls.counted import counted
from sockutils.calls.trace import trace
from sockutils.lessons.connect.peers import (
    BUSY,
    BUSY_WORDS,
    HERE,
    NOWHERE,
    Address,
    close_late,
    in_time,
    peer,
    silent,
)
from sockutils.peers.peer import background
from sockutils.practice.exercise import exercise
from sockutils.practice.silent import full, make_room


@exercise(
    "connect",
    seconds=10,
    hint="Which call starts and does not wait? What tells you that one is over, and how it went?",
)
def race(first_answer: Callable[[list[Address], float], socket.socket | None]) -> None:
    with ExitStack() as stack:
        good = stack.enter_context(socket.create_server((HERE, 0))).getsockname()
        mute, numb = (stack.enter_context(silent(0)) for _ in range(2))
        with socket.create_server((HERE, 0)) as gone:
            closed = gone.getsockname()
        crowd = [mute, numb] * 20
        for addresses, seconds, expected, what in (
            ([good], 2, good, "a listener"),
            ([closed, good], 2, good, "a closed port and a listener"),
            ([NOWHERE, good], 2, good, "an address that cannot be reached, and a listener"),
            ([mute, numb, good], 2, good, "two silent listeners and a third that answers"),
            ([*crowd, good], 2, good, "forty silent addresses and one that answers"),
            ([closed, closed], 2, None, "only closed ports"),
            ([NOWHERE], 2, None, "only an address that cannot be reached"),
            ([mute, closed], 0.4, None, "a silent listener and a closed port"),
        ):
            took = in_time(1, one_race, first_answer, addresses, seconds, expected, what)
            assert took <= 1, f"{what}: that was clear at once, and took you more than a second"
            patient = expected or mute not in addresses or took >= seconds - 0.05
            assert patient, f"{what}: you had {seconds} seconds, and gave up sooner"
        slow, dying = (stack.enter_context(full()) for _ in range(2))
        late, lost = slow.getsockname(), dying.getsockname()
        with background(make_room, slow):
            what = "a closed port, and a listener that answers only after a second"
            took = one_race(first_answer, [closed, late], 4, late, what)
        assert took <= 3, f"{what}: that took you more than three seconds"
        with background(close_late, dying):
            what = "a silent listener, and one that is closed after a second"
            took = one_race(first_answer, [mute, lost], 1.5, None, what)
        assert took <= 2.3, f"{what}: you had 1.5 seconds, all in all, and it took {took:.1f}"
        assert took >= 1.45, f"{what}: you had 1.5 seconds, and gave up after {took:.1f}"


def one_race(
    first_answer: Callable[[list[Address], float], socket.socket | None],
    addresses: list[Address],
    seconds: float,
    expected: Address | None,
    what: str,
) -> float:
    """The seconds that it took."""
    start, asked = time.monotonic(), Counter[str]()
    try:
        with trace() as calls, counted(asked):
            winner = first_answer(addresses, seconds)
            took = time.monotonic() - start
    except OSError as error:
        raise AssertionError(f"{what}: you raised {error!r}") from error
    one = winner is None or isinstance(winner, socket.socket)
    assert one, f"{what}: you returned {winner!r}, neither a socket nor None"
    try:
        assert (winner is None) == (expected is None), f"{what}: you returned {winner!r}"
        if winner is not None:
            assert winner.fileno() != -1, f"{what}: you closed the socket that you returned"
            connected = peer(winner) == expected
            assert connected, f"{what}: your socket is not connected to it; has SO_ERROR said 0?"
        left = len(calls.unclosed()) - (winner is not None)
        assert left <= 0, f"{what}: you left {left} of your sockets open"
        assert asked.total() < BUSY, f"{what}: {BUSY_WORDS}"
    finally:
        if winner is not None:
            winner.close()
    return took
