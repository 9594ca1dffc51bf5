"""The checks of the exercises: peers that drip, half-close, reset, and do not read."""

import select
import socket
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from itertools import permutations
from typing import Any

from sockutils.lessons.select.peers import FEW, MANY, Calls, Endless, beside, hear, silence, tell
from sockutils.lessons.select.situations import listener, pair
from sockutils.peers.ends import accept_queue, reset
from sockutils.peers.peer import background
from sockutils.peers.waits import starved, wait_until
from sockutils.practice.exercise import exercise
from sockutils.practice.short import short
from sockutils.tables.descriptors import held
from sockutils.tables.tcp import unread

ALLOWED = 1.0  # seconds
MUCH = b"." * 700_000  # more than the buffers of a connection hold
PEERS = (
    "somebody else reads, too (EAGAIN is not the end),",
    "said a byte now and then",
    "ended",
    "reset",
)
RIGHT = ((b"y", b"xy"), (b"12", b"123"), (b"begin, " + MUCH + b"end",), (b"begin, ",))

DEADLINE = {
    "still blocks": "setblocking(False) for each, before the loop",
    "EAGAIN is not": "`except BlockingIOError: continue`, before `except OSError`",
    "BlockingIOError": "not ready after all: catch it around recv(), and go on",
    "ConnectionResetError": "an error ends this connection only: catch OSError around recv()",
    "you stayed": "compute when it is over, once. Before each select(), the time that is left",
    "still busy": "give select() the time that is left",
    "non-negative": "when no time is left, it is over: no further select()",
    "closed a connection": "take it out of a list of your own, and leave it open",
    "another order": "make an entry for each before the loop, in the order of `connections`",
    "is another one now": "watched = list(connections), and remove from that",
    "without a pause": "one recv() for each socket that is ready, then look at the time again",
    "you have": "received[one] += data for each piece, and the list in the order of `connections`",
    "": "select() again and again, for those that have not ended, with the time that is left",
}


@exercise("select", hint=DEADLINE)
def deadline(gather: Callable[[list[socket.socket], float], list[bytes]]) -> None:
    with ExitStack() as stack:
        ends, given = zip(*[pair(stack) for _ in range(4)], strict=True)
        with first_read_by_another(given[0]):
            connections, before = list(given), starved()
            peers = partial(four_peers, given[2])
            answer, took = beside(peers, ends, timed, gather, connections, ALLOWED)
        assert took > 0.9, (
            f"you came back after {took:.1f} of {ALLOWED:g} s, and two had not ended:"
            " select() returns as soon as one is ready, so call it again"
        )
        late = starved() - before  # how long it was ready to run, and another program ran
        assert took - late < 1.5, (
            f"you stayed {took:.1f} s, {ALLOWED:g} s were allowed, in total:"
            " does a byte that comes, or the next connection, start the time anew?"
        )
        closed = -1 in [end.fileno() for end in given]
        assert not closed, "you have closed a connection; that is left to the caller"
        assert isinstance(answer, list), f"you return {short(answer)}, not a list"
        assert len(answer) == len(given), f"{len(given)} connections, and a list of {len(answer)}"
        moved = not fits(answer) and any(map(fits, permutations(answer)))
        assert not moved, "you have what each has said, but in another order"
        for words, right, found in zip(PEERS, RIGHT, answer, strict=True):
            assert found in right, (
                f"the one that {words} said {short(right[-1])}, you have {short(found)}"
            )
        before = starved()
        _, took = timed(gather, list(given[2:]), 2.0)
        assert took - starved() + before < 1.5, (
            "all had ended, and you did not come back at once: end with the last one"
        )
        blocking = any(one.getblocking() for one in given)
        assert not blocking, (
            "a connection still blocks: if somebody else reads first, recv() waits, and all wait"
        )
        assert connections == list(given), (
            "the list that you were given is another one now: it is the caller's"
        )
        ends[0].sendall(b"now")
        gather(list(given[:2]), 0)  # the time is over when it begins
        one, other = map(stack.enter_context, socket.socketpair())
        other.send(b"and ")
        with Endless(fileno=one.detach()) as endless:
            endless.peer, endless.over = other, time.monotonic() + 0.2
            gather([endless], 0.2)


def fits(answer: Sequence[object]) -> bool:
    return all(found in right for right, found in zip(RIGHT, answer, strict=True))


@contextmanager
def first_read_by_another(end: socket.socket) -> Iterator[None]:
    """Once, between select() and recv(), somebody else takes what has come. (If the learner's
    socket blocks, nobody does: the recv() would not return.)"""
    usual = select.select
    taken: list[bytes] = []

    def late(*arguments: Any) -> Any:
        ready = usual(*arguments)
        if end in ready[0] and not end.getblocking() and not taken:
            taken.append(end.recv(1))
        return ready

    select.select = late
    try:
        yield
    finally:
        select.select = usual


def timed(gather: Callable[..., Any], *arguments: object) -> tuple[Any, float]:
    start = time.monotonic()
    return gather(*arguments), time.monotonic() - start


def four_peers(reader: socket.socket, calls: Calls, *ends: socket.socket) -> None:
    shared, dripping, talking, broken = ends
    shared.sendall(b"x")  # somebody else reads it
    for end in (talking, broken):
        end.sendall(b"begin, ")
    select.select([], [], [], 0.1)
    talking.settimeout(0.7)
    try:
        talking.sendall(MUCH + b"end")
    except TimeoutError:
        assert calls["returned"], (
            "it had more to say than the buffers hold, and you did not read on:"
            " do you wait for one, while another is ready?"
        )
    talking.close()
    reset(broken)
    dripping.sendall(b"1")
    # Whoever reads a hundred bytes at a time is not yet done.
    done = wait_until(lambda: not unread(reader), 0.3)
    silence(calls, dripping, many=FEW if done else MANY)
    dripping.sendall(b"2")
    shared.sendall(b"y")
    select.select([], [], [], 0.3)
    dripping.sendall(b"3")  # it must not make the wait longer


@exercise(
    "select",
    seconds=12,
    hint="For each direction: either bytes wait to be sent, or you want to read. Its end is passed"
    " on with shutdown(SHUT_WR).",
)
def pass_on(relay: Callable[[socket.socket, socket.socket], object]) -> None:
    for talk, order in ((turns, 1), (turns, -1), (late_reader, 1)):
        with ExitStack() as stack:
            client, left = pair(stack)
            right, server = pair(stack)
            for end in (left, right):  # so that send() takes a part
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 14)
            beside(talk, (client, server)[::order], relay, left, right)
            closed = -1 in (left.fileno(), right.fileno())
            assert not closed, "you have closed a socket; that is left to the caller"


def turns(calls: Calls, one: socket.socket, other: socket.socket) -> None:
    """One side asks, ends its direction, and gets the answer."""
    tell("one side", one, b"why?", other, last=True)
    silence(calls)
    tell("the side that had heard the end", other, b"because", one, last=True)


def late_reader(calls: Calls, one: socket.socket, other: socket.socket) -> None:
    """One side says as much as it can; the other one talks before it reads."""
    data = b"".join(b"%d " % number for number in range(10**6))
    one.settimeout(0.5)
    taken = 0
    with suppress(TimeoutError):
        while taken < len(data):
            taken += one.send(data[taken : taken + (1 << 18)])
    one.settimeout(2)
    assert taken < len(data), (
        "you read on, though what you had read was not yet sent: keep a little, not all"
    )
    tell(
        "a side that did not read (does a sendall() wait for it?)", other, b"wait!", one, last=True
    )
    one.shutdown(socket.SHUT_WR)
    hear("one side", other, data[:taken], last=True)


@exercise(
    "select",
    seconds=12,
    hint="Keep the bytes for each client that wait to be sent. Ask for writability only where some"
    " do. recv() and send() may raise: that client has left.",
)
def room(chat: Callable[[socket.socket, int], object]) -> None:
    with ExitStack() as stack:
        server = listener(stack)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        address = server.getsockname()
        ends = [stack.enter_context(socket.create_connection(address)) for _ in range(4)]
        before = held()
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always", ResourceWarning)
            beside(partial(visit, server.dup()), ends, chat, server, 4)
        assert not held() - before, "all have left, and you have not closed all connections"
        left = [one for one in said if f"laddr={address!r}" in str(one.message)]
        assert not left, "you left it to Python to close a connection: close() it when it has ended"


def visit(server: socket.socket, calls: Calls, *ends: socket.socket) -> None:
    ann, bob, deaf, rude = ends
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    data = b"".join(b"%d " % number for number in range(300_000))
    with server:  # a copy: the answer may have closed its own
        everyone = wait_until(lambda: not accept_queue(server), 3)
    assert everyone, (
        "4 clients have connected, and you have not accepted all: do you watch the listener?"
    )
    tell("the first client", ann, b"hello", bob, rude)
    echo = select.select([ann], [], [], 0.1)[0] and ann.recv(100)
    assert not echo, f"the first client said b'hello', and was told {echo!r}: tell the others"
    tell("the fourth client", rude, b"bye", ann, bob)
    reset(rude)
    tell("after a client's reset, one", bob, b"still there?", ann)
    with background(ann.sendall, data):
        hear("while a client did not read, one", bob, data)
    due = b"hellobyestill there?" + data + b"again"
    hear("while a client did not read, others", deaf, due[:400_000])
    tell("after a client read a part of what waits, one", bob, b"again", ann)
    silence(calls, ann, bob)
    hear("while a client did not read, others", deaf, due[400_000:])
    for end in (ann, bob, deaf):
        end.close()
