"""Peers that talk beside a learner's function, and say what they have not heard."""

import select
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from sockutils.lessons.looking import counted, reset
from sockutils.peers.peer import background

MANY = 2000  # far more calls than a function needs in a moment of silence, far fewer than a spin
Calls = Counter[str]
Ends = Sequence[socket.socket]
Peer = Callable[..., None]


def beside(peer: Peer, ends: Ends, answer: Callable[..., Any], *args: object) -> Any:
    """Call the learner's function while a peer uses the ends; what the peer finds comes first."""
    calls: Calls = Counter()
    failure = None
    try:
        with background(careful, peer, calls, ends, patience=10), counted(calls):
            try:
                result = answer(*args)
            except OSError as error:
                failure = error
        if failure:
            raise failure
    finally:
        del failure  # its traceback holds this frame, and the learner's sockets
    threads = calls["start_new_thread"] + calls["start_joinable_thread"]
    assert not threads, "more than one thread worked; do it in one"
    return result


def careful(peer: Peer, calls: Calls, ends: Ends) -> None:
    """Let the peer talk; if that goes wrong, let nobody wait."""
    for end in ends:
        end.settimeout(2)
    try:
        peer(calls, *ends)
    except (AssertionError, OSError) as error:
        for end in ends:
            with suppress(OSError):
                reset(end)
        raise AssertionError(f"a peer found: {error}") from None


def silence(calls: Calls, *ends: socket.socket) -> None:
    """Say nothing for a moment, and look whether the function rests."""
    before = calls.total()
    readable, _, _ = select.select(ends, [], [], 0.4)
    assert not readable, "a peer was told something that nobody else had said"
    assert calls.total() - before < MANY, "you never rest: something in your sets is always ready"


def tell(who: str, end: socket.socket, data: bytes, *to: socket.socket, last: bool = False) -> None:
    with suppress(OSError):  # the hearers tell
        end.sendall(data)
        if last:
            end.shutdown(socket.SHUT_WR)
    for hearer in to:
        hear(who + " ended its direction, and" * last, hearer, data, last)


def hear(who: str, end: socket.socket, due: bytes, last: bool = False) -> None:
    """Read what is due, and the end if it was the last."""
    heard, wrong = b"", ""
    try:
        while len(heard) < len(due) + last and (data := end.recv(len(due) + last - len(heard))):
            heard += data
    except TimeoutError:
        wrong = ", and no end" if heard == due else ", and then nothing"
    if wrong or heard != due:
        came = f"{heard[:20]!r}, {len(heard)} bytes{wrong}"
        raise AssertionError(f"{who} said {due[:20]!r}; another one heard {came}")
