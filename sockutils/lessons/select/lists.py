"""The check of the first exercise: whom select() is asked about, by what waits for each."""

import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from sockutils.lessons.select.situations import listener, pair
from sockutils.practice.exercise import exercise
from sockutils.practice.short import short

LIMITS = 1000, 10  # bytes
Waiting = dict[socket.socket, bytes | memoryview]
WHOM = {
    "the listener": "the listener is in the first list, always and once, and never in the second",
    "not supported between": "waiting[one] has the bytes: len() counts them",
    "not two lists": "the last line: `return` readers, writers",
    "no socket": "[listener, *others] has the listener and each of the others",
    "count for each": "compare len(waiting[one]) with the limit, client by client",
    "the writers": "a client is a writer as long as one byte waits for it, and no longer",
    "you have changed": "",
    "still busy": "call no select() here: return its two lists, and serve_all() calls it",
    "": "a client is a reader while fewer than `limit` bytes wait for it, be it a writer or not",
}


@exercise("select", hint=WHOM)
def whom(lists: Callable[..., tuple[list[socket.socket], list[socket.socket]]]) -> None:
    with ExitStack() as stack:
        server = listener(stack)
        idle, byte, little, much = (pair(stack)[1] for _ in range(4))
        for limit in LIMITS:
            alone: Waiting = {idle: b""}
            asked(lists, server, {}, limit)
            asked(lists, server, alone, limit)
            waiting: Waiting = {idle: b"", byte: b"x", little: bytes(limit - 1)}
            asked(lists, server, waiting | {much: memoryview(bytes(limit))}, limit)


def asked(lists: Callable[..., Any], server: socket.socket, waiting: Waiting, limit: int) -> None:
    mine = dict(waiting)
    given = lists(server, mine, limit)
    two = isinstance(given, tuple | list) and len(given) == 2
    assert two, f"you return {short(given)}, not two lists: the readers, the writers"
    assert mine == waiting, "you have changed `waiting`: what is in it has not been sent yet"
    readers, writers = map(list, given)
    for name, ends in (("readers", readers), ("writers", writers)):
        for one in ends:
            assert isinstance(one, socket.socket), f"among the {name} is {short(one)}, no socket"
    assert server in readers, "the listener is not among the readers: nobody new gets in"
    assert readers.count(server) == 1, f"the listener is {readers.count(server)} times a reader"
    assert server not in writers, "the listener is among the writers, and never is writable"
    for one, data in waiting.items():
        right_lists(len(data), limit, one in readers, one in writers, alone=len(waiting) == 1)
    for name, ends in (("readers", readers), ("writers", writers)):
        assert len({*ends}) == len(ends), f"a client is several times among the {name}"


def right_lists(size: int, limit: int, reads: bool, writes: bool, alone: bool) -> None:
    """One client's places in the two lists, by how much waits for it."""
    waits = f"{size} byte{'s wait' if size != 1 else ' waits'} for a client"
    if not size:
        others = "" if alone else ", while bytes wait for others: count for each client"
        assert reads, f"nothing waits for a client that is not among the readers{others}"
        assert not writes, (
            "nothing waits for a client that is among the writers: it is writable, so that"
            " select() returns at once, and the loop never rests"
        )
        return
    assert writes, f"{waits}, and it is not among the writers: who sends them?"
    if size < limit:
        assert reads, f"{waits}, {limit} are the limit, and it is not among the readers"
    else:
        assert not reads, (
            f"{waits}, which is the limit, and it is among the readers: if it asks on and on and"
            " reads nothing, the memory fills"
        )
