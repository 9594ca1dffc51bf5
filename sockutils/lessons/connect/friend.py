"""The exercise about a UDP socket with a peer, and what was in its queue before."""

import socket
from collections.abc import Callable
from contextlib import ExitStack

from sockutils.lessons.connect.peers import HERE, Address, peer
from sockutils.peers.peer import background
from sockutils.peers.waits import wait_until
from sockutils.practice.exercise import exercise

LONGEST = 65507  # bytes of a UDP datagram over IPv4, udp(7)


@exercise("connect", hint="What may be in the queue before your connect()? Who sent it?")
def one_friend(next_from: Callable[[socket.socket, Address], bytes]) -> None:
    with ExitStack() as stack:
        me, friend, stranger, namesake = (
            stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in range(4)
        )
        for end in (me, friend, stranger):
            end.bind((HERE, 0))
        here, there = me.getsockname(), friend.getsockname()
        namesake.bind(("127.0.0.2", there[1]))  # the friend's port, another host
        me.settimeout(3)

        def write() -> bool:
            wait_until(lambda: peer(me) is not None, 2)
            in_time = bool(peer(me) == there)
            friend.sendto(b"friend 1", here)
            return in_time

        for end in (stranger, namesake, stranger):
            end.sendto(b"stranger", here)
        with background(write) as writer:
            hear(next_from, me, there, b"friend 1")
        early = (
            "you read before the socket was connected to the friend: strangers could still write"
        )
        assert writer.result, early
        stranger.sendto(b"stranger", here)
        longest = b"friend 2".ljust(LONGEST, b".")
        friend.sendto(longest, here)  # waits in the queue before the call
        hear(next_from, me, there, longest)
        assert peer(me) == there, "the socket is not connected: strangers still fill its queue"


def hear(
    next_from: Callable[[socket.socket, Address], bytes],
    me: socket.socket,
    friend: Address,
    sent: bytes,
) -> None:
    number = sent[:8].decode()
    try:
        said = next_from(me, friend)
    except TimeoutError as error:
        raise AssertionError(
            f"{number!r} came, and you waited for more: what is in the queue may be the friend's"
        ) from error
    assert me.fileno() != -1, "you closed the socket that you were given"
    assert said != b"stranger", f"in place of {number!r} you returned what a stranger sent"
    cut = isinstance(said, bytes) and sent.startswith(said) and said != sent
    assert not cut, (
        f"the friend sent {len(sent)} bytes, you returned the first {len(said)}: "
        "what a datagram has beyond the size that you ask for is lost"
    )
    assert said == sent, f"the friend sent {sent!r:.20}, you returned {said!r:.60}"
