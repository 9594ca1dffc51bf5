"""The checks of the exercises: what they ask of a look, and of a loop that sends."""

import errno
import os
import select
import socket
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress

from sockutils.calls.counted import counted
from sockutils.lessons.poll.flags import says
from sockutils.lessons.poll.gathering import asked
from sockutils.lessons.poll.peers import (
    read_in_turn,
    shut,
    shut_both,
    shut_own,
    talk_and_close,
    talk_and_reset,
)
from sockutils.peers.ends import connected, dangling, fill, link, reset
from sockutils.peers.peer import background
from sockutils.practice.exercise import exercise
from sockutils.practice.short import short
from sockutils.tables.descriptors import held

AT_ONCE = 0.001  # seconds: poll(0) is far below, poll(1) above
LOOK = {
    "still busy": "poll(0) looks and returns; without a number poll() waits for ever",
    "you have waited": "poll(0) looks and returns: the number is how long it may wait",
    "'ended', and you say 'open'": "POLLRDHUP, the end of the other side, has to be asked for",
    "'open', and you say 'ended'": "POLLIN says that there is something to read: bytes or the end."
    " Which flag says that it is the end?",
    "'over', and you say 'ended'": "when all is over, POLLRDHUP is there as well as POLLHUP: look"
    " at POLLHUP first. (POLLERR is there after a reset only.)",
    "'over', and you say 'open'": "several flags come at once, so flags == select.POLLHUP is false:"
    " test flags & select.POLLHUP",
    "IndexError": "if there is no flag, the list that poll() returns is empty",
    "does not wait any more": "poll(0) does not wait, whatever the socket does: leave it as it is",
    "": "ask for POLLRDHUP with poll(0), and look at the flags: no other call is needed",
}


@exercise("poll", hint=LOOK)
def state(look: Callable[[socket.socket], str]) -> None:
    cases: list[tuple[str, str, Callable[[socket.socket, socket.socket], object], int]] = [
        ("two connected ends", "open", nothing, 0),
        ("3 bytes have come", "open", lambda a, b: b.send(b"abc"), select.POLLIN),
        ("the send queue is full", "open", full, 0),
        ("the other side has shut down", "ended", shut, select.POLLRDHUP),
        ("3 bytes have come, and the end", "ended", talk_and_close, select.POLLRDHUP),
        ("you have shut down, the other side has not", "open", shut_own, 0),
        ("both have shut down", "over", shut_both, select.POLLHUP),
        ("a reset has come", "over", lambda a, b: reset(b), select.POLLHUP),
        ("bytes and a reset have come", "over", talk_and_reset, select.POLLHUP),
    ]
    for words, right, happen, event in cases:
        client, server = connected()
        with client, server:
            name = link(client)
            happen(client, server)
            if event:
                says(client, event)
            waiting = peeked(client) if event != select.POLLHUP else b""
            calls: Counter[str] = Counter()
            with counted(calls):
                found = look(client)
            gone = dangling(client, name) or client.fileno() == -1
            assert not gone, "you have closed the socket: only look at it"
            waits = os.get_blocking(client.fileno())
            assert waits, f"{words}: the socket was blocking, and does not wait any more"
            sent = calls["send"] + calls["sendall"] or (happen != full and peeked(server))
            assert not sent, f"{words}: you have sent something, and only had to look"
            assert waiting == (peeked(client) if event != select.POLLHUP else b""), (
                f"{words}: you have taken bytes from the connection; poll() tells without reading"
            )
            if "reset" in words:
                error = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                assert error == errno.ECONNRESET, f"{words}: you have taken its error (SO_ERROR)"
            assert found == right, f"{words}: {right!r}, and you say {found!r}"
            if happen == nothing:
                waited = f"{words}: you have waited for news, and only had to look"
                assert any(quick(look, client) for _ in range(4)), waited


def nothing(*_: socket.socket) -> None:
    pass


def quick(look: Callable[[socket.socket], str], end: socket.socket) -> bool:
    """Whether it is over at once; one of a few looks is, however busy the machine."""
    start = time.perf_counter()
    look(end)
    return time.perf_counter() - start < AT_ONCE


def full(end: socket.socket, _: socket.socket) -> None:
    fill(end)


def peeked(end: socket.socket) -> bytes | None:
    with suppress(OSError):  # nothing, a reset, or closed
        return end.recv(100, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    return None


@exercise(
    "poll",
    hint="Register for POLLOUT only who still has bytes to get. send() tells how many it took;"
    " whoever is gone makes it fail.",
    seconds=15,
)
def deliver(send_to_all: Callable[[list[socket.socket], bytes], list[int]]) -> None:
    data = os.urandom(1 << 20) * 4
    before = held()
    with ExitStack() as stack:
        pairs = [connected() for _ in range(4)]
        for pair in pairs:
            for end in pair:
                stack.enter_context(end)
        for client, server in pairs:
            client.setblocking(False)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 18)
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 18)
            server.settimeout(4)  # a busy machine may be slow
        ends = [client for client, _ in pairs]
        peers = [server for _, server in pairs]
        calls: Counter[str] = Counter()
        with background(read_in_turn, peers, data, calls, patience=12) as peer, counted(calls):
            counts = send_to_all([*ends], data)
            calls["returned"] = 1
        received, late = peer.result
        assert not late, late
        assert None not in received, (
            "a client got wrong bytes: has something been sent twice?"
            " (a nonblocking sendall() that fails does not tell how much it has sent)"
        )
        assert received == [data, data], "a client did not get all of it, in order"
        assert isinstance(counts, list), f"you return {short(counts)}, not a list"
        numbers = len(counts) == len(ends) and all(isinstance(count, int) for count in counts)
        assert numbers, f"a number for each of 4 sockets, and you return {short(counts)}"
        size = len(data)
        assert [counts[0], counts[2]] == [size, size], (
            f"two clients got {size} bytes, you return {counts[0]} and {counts[2]}"
        )
        assert max(counts[1], counts[3]) < size, (
            "a client that is gone cannot have got all: add up what send() returns"
        )
        rounds = asked(calls)
        assert rounds, "you never asked poll(): who only tries burns the processor"
        sends = calls["send"] + calls["sendall"] + calls["sendmsg"]
        assert sends <= 10 * rounds + 1000, f"{sends} calls of send() in {rounds} rounds of poll()"
        assert rounds <= sends + 20, (
            f"poll() returned {rounds} times, and you sent {sends} times: for whom did it return?"
        )
        assert all(end.fileno() != -1 for end in ends), "the sockets are not yours to close"
    assert held() <= before, "you left a descriptor open"
