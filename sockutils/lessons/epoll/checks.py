"""The checks of the exercises: taking all, letting nobody starve, forgetting an entry."""

import select
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress

from sockutils.lessons.epoll.crowd import VAIN, Crowd
from sockutils.lessons.epoll.sleeper import watched_for_sleep
from sockutils.lessons.epoll.watched import interest_list
from sockutils.peers.ends import dangling, link
from sockutils.practice.exercise import exercise
from sockutils.practice.short import short
from sockutils.tables.descriptors import held

BIG = bytes(range(256)) * 1200  # several times what one recv() is asked for
BRIEF = b"abc" * 20_000  # more than one turn should take, and no second edge
CLOSE = "close() it: after os.close() the object still has the number, and closes it again"
Taken = tuple[bytes, bool]


class Timed(socket.socket):
    """A connection that knows the longest time that somebody wanted to wait for it."""

    longest = 0.0

    def settimeout(self, value: float | None) -> None:
        self.longest = max(self.longest, value or 0)
        super().settimeout(value)


def crammed(end: socket.socket, words: bytes) -> bytes:
    """Send what fits, into a buffer as large as anybody may have; return what that was."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    sent = 0
    with suppress(BlockingIOError):
        while sent < len(words):
            sent += end.send(words[sent:], socket.MSG_DONTWAIT)
    return words[:sent]


@exercise(
    "epoll",
    hint={
        "still busy": "a recv() waits where nothing is left, unless it has the flag MSG_DONTWAIT",
        "BlockingIOError: ": "it says that nothing is left. Is it the end of the connection, too?",
        "you say": "what does recv() say when nothing is left, and what at the end?",
        "not a tuple": "two values, with a comma between them",
        "and the end have come: you return": "what came before the end is returned, too",
        "have come: you return": "how do you know that this recv() was the last one?",
        "first the bytes": "gather the pieces in one bytes object",
        "wait for more": "a recv() with MSG_DONTWAIT tells at once that there is no more",
        "time limit": "with it recv() waits for what may never come, and all others with you",
        "nonblocking": "the flag is for one call, setblocking() for all others who use the socket",
    },
)
def take(everything: Callable[[socket.socket], Taken]) -> None:
    cases: list[tuple[str, list[bytes], bool]] = [
        ("3 bytes have come", [b"abc"], False),
        ("{:,} bytes have come", [BIG], False),
        ("100 messages have come", [b"message"] * 100, False),
        ("nothing has come", [], False),
        ("3 bytes and the end have come", [b"abc"], True),
        ("{:,} bytes and the end have come", [BIG], True),
        ("the end has come", [], True),
    ]
    before = held()
    for happening, pieces, over in cases:
        end, far = socket.socketpair()
        with Timed(end.family, end.type, end.proto, end.detach()) as near, far:
            name = link(near)
            right = b"".join(crammed(far, piece) for piece in pieces)
            words = happening.format(len(right))
            if over:
                far.shutdown(socket.SHUT_WR)
            try:
                with watched_for_sleep() as slept:
                    found = everything(near)
            except OSError as error:
                told = type(error)(f"{words}: {error}")
                raise told.with_traceback(error.__traceback__) from None
            gone = dangling(near, name) or near.fileno() == -1
            assert not gone, f"{words}: you have closed the socket; it goes on being used"
            limit = f"{words}: you set a time limit of {near.longest:g} s, and wait: do not"
            assert not near.longest, limit
            assert not slept, f"{words}: you wait for more, which may never come: do not"
            assert near.gettimeout() is None, "you have made the socket nonblocking: MSG_DONTWAIT"
            assert isinstance(found, tuple), f"{words}: you return {short(found)}, not a tuple"
            assert len(found) == 2, f"{words}: a tuple of two, not {len(found)}"
            data, ended = found
            both = f"{words}: first the bytes, then whether it has ended; you return {short(found)}"
            assert isinstance(data, (bytes, bytearray)), both
            assert data == right, f"{words}: you return {short(data)}"
            assert ended is over, f"{words}: whether it has ended is {over}, you say {ended!r}"
    assert held() <= before, "you left a descriptor open"


@exercise(
    "epoll",
    hint="Keep your own queue of the ready ones, and ask the instance again, without waiting,"
    " after a few recv() of one of them. Only BlockingIOError takes one out of the queue. Busy in"
    " poll()? It waits for a socket that it has reported already: an edge is not told again.",
)
def share(serve: Callable[[select.epoll, list[socket.socket]], list[int]]) -> None:
    before = held()
    with ExitStack() as stack:
        crowd = Crowd(stack, {"busy": b"x" * 40, "late": b"hello?", "brief": BRIEF})
        names = {end: link(end) for end in crowd.connections}
        counts = serve(crowd.instance, [*crowd.connections])
        assert crowd.came is not None, "the busy connection goes on: read it with recv()"
        assert crowd.served, "the connection that wrote late was never read"
        assert crowd.edge, "leave the connections registered as they are, with EPOLLET"
        assert crowd.vain <= VAIN, (
            f"recv() found nothing {crowd.vain} times: the instance tells who is ready"
        )
        right = [crowd.sent, 6, len(BRIEF)]
        assert counts == right, f"{right} bytes were sent, you return {short(counts)}"
        assert not crowd.instance.closed, "the instance is closed: it is not yours"
        for end in crowd.connections:
            assert not dangling(end, names[end]), CLOSE
            assert end.fileno() == -1, "you left a connection open: close each when it has ended"
    assert held() <= before, "you left a descriptor open"


@exercise(
    "epoll",
    hint={
        "without a flag": "which method takes an entry off?",
        "somebody has a copy": "close() takes an entry off only with the last copy of the"
        " descriptor. Which method does at once?",
        "Bad file descriptor": "what is closed has no number that you could name. In which order?",
        "negative integer": "a closed socket has no number any more. In which order?",
        "still open here": "it is off the list, and nobody has closed it",
        "shutdown": "shutdown() ends the connection, for all copies; close() ends one copy",
        "in your line": "unregister() and close() are all that is needed: they do not wait",
        "watches others": "take one entry off, and leave the others",
    },
)
def forget(hang_up: Callable[[select.epoll, socket.socket], object]) -> None:
    before = held()
    with ExitStack() as stack:
        instance = stack.enter_context(select.epoll())
        (near, far), (other, peer) = socket.socketpair(), socket.socketpair()
        for end in (near, far, other, peer):
            stack.enter_context(end)
        copy = stack.enter_context(near.dup())
        name = link(near)
        instance.register(near, select.EPOLLIN)
        instance.register(other, select.EPOLLIN)
        hang_up(instance, near)
        assert not dangling(near, name), CLOSE
        assert near.fileno() == -1, "the connection is still open here"
        assert not instance.closed, "the instance is closed: it watches others, too"
        left = interest_list(instance)
        assert left, "nothing is on the interest list any more: the instance watches others, too"
        still = "the connection is closed, and its entry is still on the interest list"
        off = f"{still}, without a flag: ERR and HUP are reported unasked"
        assert "another: -" not in left, off
        assert len(left) == 1, f"{still}: somebody has a copy"
        peer.send(b"x")
        with suppress(BrokenPipeError):
            far.send(b"hello")
        ready = [number for number, _ in instance.poll(0)]
        assert ready == [other.fileno()], "the instance must report the other one, and only that"
        assert not dangling(copy, name), "you have closed the copy: it belongs to somebody else"
        copy.setblocking(False)
        heard = copy.recv(100)
        goes_on = "whoever has a copy of the descriptor goes on: no shutdown()"
        assert heard == b"hello", goes_on
        with suppress(BrokenPipeError):
            copy.send(b"answer")
        far.setblocking(False)
        assert far.recv(100) == b"answer", goes_on
    assert held() <= before, "you left a descriptor open"
