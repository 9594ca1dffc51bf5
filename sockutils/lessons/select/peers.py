"""Peers that talk beside a learner's function, and say what they have not heard."""

import select
import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from sockutils.calls.counted import counted
from sockutils.peers.ends import reset
from sockutils.peers.peer import background

MANY = 2000  # far more calls than a function needs in a moment of silence, far fewer than a spin
FEW = 30  # in a moment in which all has been read
LATE = 100  # calls of recv(); an answer that looks at the time needs one or two
Calls = Counter[str]
Ends = Sequence[socket.socket]
Peer = Callable[..., None]


def beside(peer: Peer, ends: Ends, answer: Callable[..., Any], *args: object) -> Any:
    """Call the learner's function while a peer uses the ends.

    What went wrong first is told: what the peer has found, or what the function has raised.
    """
    calls: Calls = Counter()
    found: list[str] = []
    failure = None
    try:
        with background(careful, peer, calls, ends, found, patience=10), counted(calls):
            try:
                result = answer(*args)
            except Exception as error:
                failure = None if found else error
                hang_up(ends)
            calls["returned"] = 1
        if failure:
            raise failure
    finally:
        del failure  # its traceback holds this frame, and the learner's sockets
    assert not found, found[0]
    threads = calls["start_new_thread"] + calls["start_joinable_thread"]
    assert not threads, "more than one thread worked; do it in one: select() waits for all at once"
    return result


def careful(peer: Peer, calls: Calls, ends: Ends, found: list[str]) -> None:
    """Let the peer talk; if that goes wrong, let nobody wait."""
    for end in ends:
        end.settimeout(2)
    try:
        peer(calls, *ends)
    except (AssertionError, OSError) as error:
        late = ". Your function had returned by then" if calls["returned"] else ""
        found.append(f"a peer found: {error}{late}")
        for end in ends:
            with suppress(OSError):
                reset(end)


def hang_up(ends: Ends) -> None:
    """Let no peer wait for a function that is over."""
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def silence(calls: Calls, *ends: socket.socket, many: int = MANY) -> None:
    """Say nothing for a moment, and look whether the function rests."""
    before = calls.total()
    readable, _, _ = select.select(ends, [], [], 0.4)
    assert not readable, "a peer was told something that nobody else had said"
    assert calls.total() - before < many, (
        "you never rest: something in your sets is always ready, or your timeout is 0, or short."
        " Who has ended stays readable; who has nothing to get is writable"
    )


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
        if len(heard) < len(due):
            wrong = ", and then the end: closed too early"
    except TimeoutError:
        wrong = ", and then nothing"
        if heard == due:
            wrong = ", and no end: pass it on, with shutdown(SHUT_WR)"
    except ConnectionResetError:
        wrong = ", and then a reset: closed too early"
    if wrong or heard != due:
        if due.startswith(heard):
            came = f"{heard[:20]!r}, {len(heard)} of {len(due)} bytes{wrong}"
        else:
            same = next(
                (n for n in range(len(due)) if heard[n : n + 1] != due[n : n + 1]), len(due)
            )
            came = (
                f"{heard[same : same + 20]!r} from byte {same} on: lost a part, or sent it twice?"
            )
        raise AssertionError(f"{who} said {due[:20]!r}; another one heard {came}")


class Endless(socket.socket):
    """A connection whose peer has always said more by the next recv()."""

    peer: socket.socket
    over = 0.0  # when nobody should read any longer
    late = 0  # calls of recv() long after that

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        self.late += time.monotonic() > self.over + 1
        assert self.late < LATE, (
            "one talks without a pause, and you read from it though the time is over"
        )
        self.peer.send(b"more")
        return super().recv(size, flags)
