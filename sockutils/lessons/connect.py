"""05_connect.ipynb: peers that do not answer, and what its exercises ask for."""

import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import takewhile
from typing import cast

from sockutils.calls.trace import trace
from sockutils.packets.packet import Packet
from sockutils.peers.peer import background
from sockutils.peers.waits import wait_until
from sockutils.practice.exercise import exercise
from sockutils.practice.silent import full, make_room

Address = tuple[str, int]
HERE = "127.0.0.1"
ENDS = {"FIN", "RST"}
AT_ONCE = struct.pack("=ii", 1, 0)  # SO_LINGER, socket(7): no TIME_WAIT, the port is free again

# <linux/netlink.h>, <linux/rtnetlink.h>
NETLINK_ROUTE, RTM_NEWROUTE, RTM_DELROUTE = 0, 24, 25
NLM_F_REQUEST, NLM_F_ACK, NLM_F_EXCL, NLM_F_CREATE = 0x1, 0x4, 0x200, 0x400
NEW, DELETE = NLM_F_EXCL | NLM_F_CREATE, 0
RTN = {"blackhole": 6, "unreachable": 7, "prohibit": 8}
RT_TABLE_MAIN, RTPROT_STATIC, RTA_DST = 254, 4, 1


@contextmanager
def silent(port: int) -> Iterator[Address]:
    """A listener that answers nobody while the block runs: its accept queue is full."""
    with full(HERE, port) as listener:
        yield listener.getsockname()


@contextmanager
def route(kind: str, host: str) -> Iterator[None]:
    """What `ip route add KIND HOST` does, for as long as the block runs. rtnetlink(7)

    OSError: EPERM without CAP_NET_ADMIN, EEXIST if there is such a route.
    """
    ask(RTM_NEWROUTE, NEW, kind, host)
    try:
        yield
    finally:
        ask(RTM_DELROUTE, DELETE, kind, host)


def ask(command: int, flags: int, kind: str, host: str) -> None:
    # struct rtmsg for one IPv4 address (32 bits of it count), then the address as its attribute
    table = RT_TABLE_MAIN, RTPROT_STATIC
    message = struct.pack("=8BI", socket.AF_INET, 32, 0, 0, *table, 0, RTN[kind], 0)
    message += struct.pack("=HH4s", 8, RTA_DST, socket.inet_aton(host))
    flags |= NLM_F_REQUEST | NLM_F_ACK
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE) as kernel:
        kernel.send(struct.pack("=IHHII", 16 + len(message), command, flags, 0, 0) + message)
        (status,) = struct.unpack_from("=i", kernel.recv(4096), 16)  # 0 or -errno
    if status:
        raise OSError(-status, os.strerror(-status))


def peer(end: socket.socket) -> Address | None:
    with suppress(OSError):
        return cast("Address", end.getpeername())
    return None


@exercise("connect", hint="Which two addresses are equal then? And who has no peer?")
def echo_chamber(talks_to_itself: Callable[[socket.socket], bool]) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server((HERE, 0)))
        alone, bound, usual, twin, itself = (stack.enter_context(socket.socket()) for _ in range(5))
        bound.bind((HERE, 0))
        usual.connect(server.getsockname())
        twin.bind(("127.0.0.2", server.getsockname()[1]))
        twin.connect(server.getsockname())
        itself.bind((HERE, 0))
        itself.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        itself.connect(itself.getsockname())
        for one, right, what in (
            (itself, True, "is connected to itself"),
            (usual, False, "is connected to a server of this machine"),
            (twin, False, "is connected to another address, with the same port number"),
            (alone, False, "is not connected"),
            (bound, False, "is bound, and not connected"),
        ):
            try:
                answer = talks_to_itself(one)
            except OSError as error:
                raise AssertionError(f"this socket {what}, and you raised {error!r}") from None
            assert answer is right, f"this socket {what}, and you returned {answer!r}"


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
            told(next_from(me, there), 1)
        early = "you read before the socket was connected: strangers could still write"
        assert writer.result, early
        stranger.sendto(b"stranger", here)
        friend.sendto(b"friend 2", here)  # waits in the queue before the call
        told(next_from(me, there), 2)
        assert peer(me) == there, "the socket is not connected: strangers still fill its queue"


def told(said: bytes, number: int) -> None:
    assert said != b"stranger", f"in call {number} you returned what a stranger sent"
    expected = b"friend %d" % number
    assert said == expected, f"the friend sent {expected!r}, you returned {said!r}"


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
        nowhere = ("127.255.255.255", 1)  # a broadcast address: connect() fails at once
        crowd = [mute, numb] * 20
        for addresses, seconds, expected, what in (
            ([good], 2, good, "a listener"),
            ([closed, good], 2, good, "a closed port and a listener"),
            ([nowhere, good], 2, good, "an address that cannot be reached, and a listener"),
            ([mute, numb, good], 2, good, "two silent listeners and a third that answers"),
            ([*crowd, good], 2, good, "forty silent addresses and one that answers"),
            ([closed, closed], 2, None, "only closed ports"),
            ([nowhere], 2, None, "only an address that cannot be reached"),
            ([mute, closed], 0.4, None, "a silent listener and a closed port"),
        ):
            took = one_race(first_answer, addresses, seconds, expected, what)
            assert took <= 1, f"{what}: that took you more than a second"
            early = expected is None and mute in addresses and took < seconds - 0.05
            assert not early, f"{what}: you had {seconds} seconds, and gave up sooner"
        slow = stack.enter_context(full())
        late = slow.getsockname()
        with background(make_room, slow):
            what = "a closed port, and a listener that answers only after a second"
            took = one_race(first_answer, [closed, late], 4, late, what)
        assert took <= 3, f"{what}: that took you more than three seconds"


def one_race(
    first_answer: Callable[[list[Address], float], socket.socket | None],
    addresses: list[Address],
    seconds: float,
    expected: Address | None,
    what: str,
) -> float:
    """The seconds that it took."""
    start = time.monotonic()
    with trace() as calls:
        winner = first_answer(addresses, seconds)
    took = time.monotonic() - start
    left = sum(lane[-1].name not in ("close", "detach") for lane in calls.lanes().values())
    try:
        assert (winner is None) == (expected is None), f"{what}: you returned {winner!r}"
        assert left <= (winner is not None), f"{what}: you left a socket open"
        if winner is not None:
            assert peer(winner) == expected, f"{what}: your socket is not connected to it"
    finally:
        if winner is not None:
            winner.close()
    return took


def opening(packets: list[Packet]) -> list[Packet]:
    """The packets before the first that ends a connection."""
    return list(takewhile(lambda packet: not ENDS & set(packet.flags.split()), packets))
