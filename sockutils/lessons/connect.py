"""05_connect.ipynb: peers that do not answer, and what its exercises ask for."""

import os
import select
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
from sockutils.practice.silent import full, knocked, make_room

Address = tuple[str, int]
HERE = "127.0.0.1"
ENDS = {"FIN", "RST"}
LONGEST = 65507  # bytes of a UDP datagram over IPv4, udp(7)
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
        others = [stack.enter_context(server.accept()[0]) for _ in range(2)]
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
                raise AssertionError(f"this socket {what}, and you raised {error!r}") from error
            assert one.fileno() != -1, f"this socket {what}, and you closed it"
            assert answer is right, f"this socket {what}, and you returned {answer!r}"
        heard = select.select(others, [], [], 0.1)[0]
        assert not heard, "you sent something to find out, and the server got it: ask for addresses"


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
    start = time.monotonic()
    try:
        with trace() as calls:
            winner = first_answer(addresses, seconds)
    except OSError as error:
        raise AssertionError(f"{what}: you raised {error!r}") from error
    took = time.monotonic() - start
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
    finally:
        if winner is not None:
            winner.close()
    return took


def close_late(listener: socket.socket) -> None:
    """Close it once a SYN has been dropped; the next, after a second, is refused."""
    knocked(listener)
    listener.close()


def opening(packets: list[Packet]) -> list[Packet]:
    """The packets before the first that ends a connection."""
    return list(takewhile(lambda packet: not ENDS & set(packet.flags.split()), packets))
