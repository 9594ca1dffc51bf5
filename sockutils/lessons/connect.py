"""05_connect.ipynb: peers that do not answer, and what its exercises ask for."""

import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import takewhile
from typing import cast

from sockutils.packet import Packet
from sockutils.practice import exercise
from sockutils.trace import trace

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
    with socket.create_server((HERE, port), backlog=1) as listener, ExitStack() as clients:
        address = listener.getsockname()
        for _ in range(2):
            clients.enter_context(socket.create_connection(address))
        yield address


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


@exercise(
    "connect", hint="Compare whole addresses, host and port. Who is not connected has no peer."
)
def echo_chamber(talks_to_itself: Callable[[socket.socket], bool]) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server((HERE, 0)))
        alone, usual, twin, itself = (stack.enter_context(socket.socket()) for _ in range(4))
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
        ):
            try:
                answer = talks_to_itself(one)
            except OSError as error:
                raise AssertionError(f"this socket {what}, and you raised {error!r}") from None
            assert answer is right, f"this socket {what}, and you returned {answer!r}"


@exercise("connect", hint="connect() first, then recvfrom() until the sender is the right one.")
def one_friend(next_from: Callable[[socket.socket, Address], bytes]) -> None:
    with ExitStack() as stack:
        me, friend, stranger = (
            stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in range(3)
        )
        for end in (me, friend, stranger):
            end.bind((HERE, 0))
        me.settimeout(1)
        here, there = me.getsockname(), friend.getsockname()
        for number in (1, 2):
            stranger.sendto(b"stranger", here)
            friend.sendto(b"friend %d" % number, here)
            said = next_from(me, there)
            assert said != b"stranger", f"in call {number} you returned what a stranger sent"
            expected = b"friend %d" % number
            assert said == expected, f"the friend sent {expected!r}, you returned {said!r}"
        assert peer(me) == there, "the socket is not connected: strangers still fill its queue"


@exercise(
    "connect",
    seconds=10,
    hint="Start all, nonblocking. select() for writing, then SO_ERROR tells which one made it.",
)
def race(first_answer: Callable[[list[Address], float], socket.socket | None]) -> None:
    with ExitStack() as stack:
        good = stack.enter_context(socket.create_server((HERE, 0))).getsockname()
        mute, numb = (stack.enter_context(silent(0)) for _ in range(2))
        with socket.create_server((HERE, 0)) as gone:
            closed = gone.getsockname()
        for addresses, seconds, expected, what in (
            ([good], 2, good, "a listener"),
            ([closed, good], 2, good, "a closed port and a listener"),
            ([mute, numb, good], 2, good, "two silent listeners and a third that answers"),
            ([closed, closed], 2, None, "only closed ports"),
            ([mute, closed], 0.3, None, "a silent listener and a closed port"),
        ):
            start = time.monotonic()
            with trace() as calls:
                winner = first_answer(addresses, seconds)
            late = time.monotonic() - start > 1
            left = sum(lane[-1].name != "close" for lane in calls.lanes().values())
            try:
                assert (winner is None) == (expected is None), f"{what}: you returned {winner!r}"
                assert not late, f"{what}: that took you more than a second"
                assert left <= (winner is not None), f"{what}: you left a socket open"
                if winner is not None:
                    assert peer(winner) == expected, f"{what}: your socket is not connected to it"
            finally:
                if winner is not None:
                    winner.close()


def opening(packets: list[Packet]) -> list[Packet]:
    """The packets before the first that ends a connection."""
    return list(takewhile(lambda packet: not ENDS & set(packet.flags.split()), packets))
