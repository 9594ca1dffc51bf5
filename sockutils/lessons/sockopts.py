"""13_sockopts.ipynb: what its exercises ask of the learner's functions, its table and pictures."""

import math
import os
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from itertools import islice
from statistics import median
from typing import Any, NamedTuple

from sockutils.errors.shown import name_of
from sockutils.figures.picture import CLIENT, FAINT, SERVER, SIZE, Picture, canvas
from sockutils.packets.packet import Packet
from sockutils.peers.peer import background
from sockutils.practice.exercise import exercise

# How an option's name begins: the level, and the family and type of the socket to ask
LEVELS = {
    "SO_": ("SOL_SOCKET", socket.SOL_SOCKET, socket.AF_INET, socket.SOCK_STREAM),
    "IP_": ("IPPROTO_IP", socket.IPPROTO_IP, socket.AF_INET, socket.SOCK_STREAM),
    "IPV6_": ("IPPROTO_IPV6", socket.IPPROTO_IPV6, socket.AF_INET6, socket.SOCK_STREAM),
    "TCP_": ("IPPROTO_TCP", socket.IPPROTO_TCP, socket.AF_INET, socket.SOCK_STREAM),
    "UDP_": ("IPPROTO_UDP", socket.IPPROTO_UDP, socket.AF_INET, socket.SOCK_DGRAM),
}
# Names of Python's module that begin like an option and are none, or not of an internet socket
OTHERS = ("SO_J1939", "SO_VM_SOCKETS", "IP_DEFAULT", "IP_MAX", "IPV6_RTHDR_TYPE")
TEXTS = {"SO_BINDTODEVICE", "TCP_CONGESTION", "TCP_ULP"}
TIMES = {"SO_RCVTIMEO", "SO_SNDTIMEO"}
LONGS = {"SO_MAX_PACING_RATE", "SO_COOKIE", "SO_NETNS_COOKIE"}
INTS = {"SO_LINGER", "SO_PEERCRED", "SO_TIMESTAMPING", "SO_MEMINFO", "SO_TXTIME", "TCP_CC_INFO"}
# What Python's module has no name for: <asm-generic/socket.h>, <linux/in.h>, <linux/in6.h>,
# <linux/tcp.h>, <linux/udp.h>
NUMBERS = {
    "SO_NO_CHECK": 11,
    "SO_GET_FILTER": 26,
    "SO_PEERNAME": 28,
    "SO_TIMESTAMP": 29,
    "SO_SNDBUFFORCE": 32,
    "SO_RCVBUFFORCE": 33,
    "SO_TIMESTAMPNS": 35,
    "SO_TIMESTAMPING": 37,
    "SO_RXQ_OVFL": 40,
    "SO_PEEK_OFF": 42,
    "SO_NOFCS": 43,
    "SO_LOCK_FILTER": 44,
    "SO_SELECT_ERR_QUEUE": 45,
    "SO_BUSY_POLL": 46,
    "SO_MAX_PACING_RATE": 47,
    "SO_MEMINFO": 55,
    "SO_INCOMING_NAPI_ID": 56,
    "SO_COOKIE": 57,
    "SO_PEERGROUPS": 59,
    "SO_ZEROCOPY": 60,
    "SO_TXTIME": 61,
    "SO_BINDTOIFINDEX": 62,
    "SO_PREFER_BUSY_POLL": 69,
    "SO_BUSY_POLL_BUDGET": 70,
    "SO_NETNS_COOKIE": 71,
    "SO_BUF_LOCK": 72,
    "SO_RESERVE_MEM": 73,
    "SO_TXREHASH": 74,
    "SO_RCVMARK": 75,
    "SO_PASSPIDFD": 76,
    "SO_PEERPIDFD": 77,
    "IP_PKTINFO": 8,
    "IP_MTU_DISCOVER": 10,
    "IP_RECVERR": 11,
    "IP_RECVTTL": 12,
    "IP_MTU": 14,
    "IP_FREEBIND": 15,
    "IP_MINTTL": 21,
    "IP_MULTICAST_ALL": 49,
    "IP_UNICAST_IF": 50,
    "IP_LOCAL_PORT_RANGE": 51,
    "IP_PROTOCOL": 52,
    "IPV6_FLOWINFO": 11,
    "IPV6_ROUTER_ALERT": 22,
    "IPV6_MTU_DISCOVER": 23,
    "IPV6_MTU": 24,
    "IPV6_RECVERR": 25,
    "IPV6_MULTICAST_ALL": 29,
    "IPV6_FLOWINFO_SEND": 33,
    "IPV6_AUTOFLOWLABEL": 70,
    "IPV6_ADDR_PREFERENCES": 72,
    "IPV6_MINHOPCOUNT": 73,
    "IPV6_TRANSPARENT": 75,
    "IPV6_UNICAST_IF": 76,
    "IPV6_RECVFRAGSIZE": 77,
    "IPV6_FREEBIND": 78,
    "UDP_CORK": 1,
    "UDP_ENCAP": 100,
    "UDP_NO_CHECK6_TX": 101,
    "UDP_NO_CHECK6_RX": 102,
    "UDP_SEGMENT": 103,
    "UDP_GRO": 104,
    "TCP_MD5SIG": 14,
    "TCP_THIN_LINEAR_TIMEOUTS": 16,
    "TCP_THIN_DUPACK": 17,
    "TCP_REPAIR": 19,
    "TCP_REPAIR_QUEUE": 20,
    "TCP_QUEUE_SEQ": 21,
    "TCP_REPAIR_OPTIONS": 22,
    "TCP_TIMESTAMP": 24,
    "TCP_CC_INFO": 26,
    "TCP_SAVE_SYN": 27,
    "TCP_SAVED_SYN": 28,
    "TCP_REPAIR_WINDOW": 29,
    "TCP_FASTOPEN_CONNECT": 30,
    "TCP_ULP": 31,
    "TCP_MD5SIG_EXT": 32,
    "TCP_FASTOPEN_KEY": 33,
    "TCP_FASTOPEN_NO_COOKIE": 34,
    "TCP_ZEROCOPY_RECEIVE": 35,
    "TCP_INQ": 36,
    "TCP_TX_DELAY": 37,
    "TCP_IS_MPTCP": 43,
    "TCP_RTO_MAX_MS": 44,
    "TCP_RTO_MIN_US": 45,
    "TCP_DELACK_MAX_US": 46,
}
ENDS = {"SYN", "RST", "FIN"}


class Option(NamedTuple):
    """One option as this kernel answers: a value in words, or the name of the error."""

    level: str
    name: str
    number: int
    value: str


class Options(list[Option]):
    """All options that were asked for; as text, a table."""

    def __repr__(self) -> str:
        lines = [f"{o.level:<12}  {o.number:>3}  {o.name:<24}  {o.value}" for o in self]
        return "\n".join(lines)


def options() -> Options:
    """Ask fresh sockets for every option that Python or the list above has a name for."""
    known = {name: number for name, number in vars(socket).items() if isinstance(number, int)}
    # The numbers of SO_ differ on Alpha, MIPS, PA-RISC and SPARC: there only those of Python
    generic = socket.SO_KEEPALIVE == 9
    known |= {name: NUMBERS[name] for name in NUMBERS if generic or not name.startswith("SO_")}
    rows = Options()
    for prefix, (level, number, family, kind) in LEVELS.items():
        names = [name for name in known if name.startswith(prefix) and not name.startswith(OTHERS)]
        for name in sorted(names, key=lambda name: (known[name], name)):
            rows.append(Option(level, name, known[name], ask(family, kind, number, name, known)))
    return rows


def ask(family: int, kind: int, level: int, name: str, known: dict[str, int]) -> str:
    try:
        with socket.socket(family, kind) as sock:
            return in_words(name, sock.getsockopt(level, known[name], 1024))
    except OSError as error:
        return name_of(error)


def in_words(name: str, raw: bytes) -> str:
    """The value as text, number, numbers, or how long it is."""
    if name in TEXTS:
        return repr(raw.rstrip(b"\0").decode())
    if name in TIMES:
        seconds, microseconds = struct.unpack("ll", raw)
        return f"{seconds} s, {microseconds} µs"
    if name in LONGS or len(raw) == 4:
        return str(int.from_bytes(raw, sys.byteorder, signed=True))
    if name in INTS and raw:
        return ", ".join(map(str, struct.unpack(f"{len(raw) // 4}i", raw)))
    return f"{len(raw)} bytes"


def last_request(packets: Iterable[Packet], port: int) -> list[Packet]:
    """The packets of the last request, from its first piece to the answer.

    Of those without data only an acknowledgement between two pieces is kept: it is what the
    client has waited for. Where the others stand differs from run to run.
    """
    pieces: list[Packet] = []
    found: list[Packet] = []
    for packet in packets:
        to_server = packet.destination[1] == port
        if packet.payload and to_server:
            pieces.append(packet)
        elif packet.payload and pieces:
            found, pieces = [*until_data(pieces), packet], []
        elif pieces and not to_server and not ENDS & set(packet.flags.split()):
            pieces.append(packet)
    return found


def until_data(pieces: list[Packet]) -> list[Packet]:
    while not pieces[-1].payload:
        pieces = pieces[:-1]
    return pieces


def until_reset(packets: Iterable[Packet]) -> list[Packet]:
    """The packets up to the first one that resets the connection."""
    kept = []
    for packet in packets:
        kept.append(packet)
        if "RST" in packet.flags:
            break
    return kept


class Sample(NamedTuple):
    """What TCP_INFO said at a moment: seconds, packets, seconds."""

    seconds: float
    window: int
    round_trip: float


def lost_and_sent_again(packets: Iterable[Packet]) -> tuple[float, ...]:
    """When the first lost packet was sent, in seconds since the first data, and when again."""
    data = [packet for packet in packets if packet.payload]
    for index, lost in enumerate(data):
        if lost.arrivals == ():
            number = lost.scapy.payload.seq
            later = (packet for packet in data[index + 1 :] if packet.scapy.payload.seq == number)
            sent = [lost, *islice(later, 1)]
            return tuple((packet.nanoseconds - data[0].nanoseconds) / 1e9 for packet in sent)
    return ()


def draw_info(samples: list[Sample], packets: Iterable[Packet]) -> Picture:
    """Draw the congestion window and the round-trip time over a transfer that loses a packet."""
    from sockutils.figures.picture import WIDTH

    figure, above = canvas(height=WIDTH * 0.62)
    above.remove()
    above, below = figure.subplots(2, sharex=True, height_ratios=[3, 2])
    seconds = [sample.seconds for sample in samples]
    windows = [sample.window for sample in samples]
    trips = [sample.round_trip * 1000 for sample in samples]
    moments = lost_and_sent_again(packets)
    tenths = [tenth / 10 for tenth in range(int(seconds[-1] * 10) + 1)]
    peak = windows.index(max(windows))
    rows = ((above, windows, CLIENT, "packets"), (below, trips, SERVER, "ms"))
    for axes, values, colour, unit in rows:
        axes.step(seconds, values, where="post", color=colour, linewidth=3)
        axes.set_ylabel(unit, fontsize=SIZE)
        axes.set_ylim(0, max(values) * 1.3)
        axes.tick_params(labelsize=SIZE)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_xticks(tenths, minor=True)
        axes.tick_params(which="minor", length=0)
        axes.grid(axis="x", which="both", color=FAINT)
        axes.vlines(moments, 0, max(values) * 1.3, color="black", linestyle=":", linewidth=3)
    words_and_sides = (("a packet is lost ", "right"), (" sent again", "left"))
    for moment, (words, side) in zip(moments, words_and_sides, strict=False):
        above.text(moment, max(windows) * 1.2, words, fontsize=SIZE, ha=side, va="center")
    titles = ("congestion window", "round-trip time")
    for axes, title, colour in zip((above, below), titles, (CLIENT, SERVER), strict=True):
        axes.set_title(title, fontsize=SIZE, color=colour, weight="bold", loc="left")
    below.set_xlabel("seconds", fontsize=SIZE)
    lowest = min(windows[peak:])
    grown = "more than 4 times that" if max(windows) > 4 * windows[0] else f"{max(windows)}"
    cut = "at least by a quarter" if lowest <= 0.75 * max(windows) else "not much"
    trip = "never less than 100 ms" if min(trips) >= 100 else f"at least {min(trips):.0f} ms"
    lines = [
        f"congestion window: {windows[0]} packets at first, then {grown}; after the loss cut {cut}",
        f"round-trip time: {trip}",
    ]
    if len(moments) == 2:
        late = moments[1] - moments[0] >= 0.1
        pause = "100 ms later or more" if late else "less than 100 ms later"
        lines.append(f"a packet is lost, and sent again {pause}")
    return Picture(figure, "\n".join(lines))


@exercise("sockopts", hint="The first probe after TCP_KEEPIDLE, then KEEPINTVL times KEEPCNT.")
def watch(keep_watch: Callable[[socket.socket, int], object]) -> None:
    for seconds in (20, 7, 2):
        with ExitStack() as stack:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            client = stack.enter_context(socket.create_connection(listener.getsockname()))
            keep_watch(client, seconds)
            on = client.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert on, "SO_KEEPALIVE is off: the kernel asks nobody"
            idle, pause, count, limit = (
                client.getsockopt(socket.IPPROTO_TCP, option)
                for option in (
                    socket.TCP_KEEPIDLE,
                    socket.TCP_KEEPINTVL,
                    socket.TCP_KEEPCNT,
                    socket.TCP_USER_TIMEOUT,
                )
            )
            why = f"{count} times"
            if limit:  # it decides instead of the count: at the first probe that is due after it
                count = max(1, math.ceil((limit / 1000 - idle) / pause))
                why = f"{count} times (TCP_USER_TIMEOUT, {limit} ms, overrides TCP_KEEPCNT)"
            total = idle + pause * count
            assert total == seconds, (
                f"asked for {seconds} s: the first probe goes out after {idle} s, "
                f"then {why} {pause} s without an answer make {total} s"
            )


@exercise(
    "sockopts",
    seconds=10,
    hint="What does the second piece wait for? An option of the client, or one call.",
)
def quick(ask: Callable[[socket.socket, bytes, bytes], bytes]) -> None:
    for head, body in ((b"head", b"body"), (b"x", b"longer")):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            peer = background(serve, listener, len(head + body))
            with peer, socket.create_connection(listener.getsockname()) as client:
                times = []
                for _ in range(11):
                    start = time.monotonic()
                    answer = ask(client, head, body)
                    times.append(time.monotonic() - start)
                    assert answer == b"ok", f"the server answers b'ok', you returned {answer!r}"
                    assert client.fileno() != -1, "you closed the connection: it is used again"
                    assert not unread(client), "you left bytes of an answer unread"
            seen = set(peer.result)
            assert seen == {head + body}, (
                f"the server wants {head + body!r} eleven times, it got {seen or 'nothing'}"
            )
            usual = median(times)
            assert usual < 0.025, f"a request usually takes {usual * 1000:.0f} ms"


def unread(client: socket.socket) -> bool:
    return bool(select.select([client], [], [], 0)[0])


def serve(listener: socket.socket, size: int) -> list[bytes]:
    requests = []
    connection, _ = listener.accept()
    with connection, suppress(ConnectionError):  # the learner's function may close too early
        while request := connection.recv(size, socket.MSG_WAITALL):
            requests.append(request)
            connection.sendall(b"ok")
    return requests


CALLER = """
import os, socket, sys
with socket.socket(socket.AF_UNIX) as client:
    client.connect("\\0" + sys.argv[1])
    client.sendall(str(os.getpid()).encode())
    client.recv(1)
"""


class AnotherUser(socket.socket):
    """A socket whose SO_PEERCRED names another user and group than the kernel does."""

    asked = False

    def getsockopt(self, *arguments: Any) -> Any:
        raw = super().getsockopt(*arguments)
        if arguments[:2] != (socket.SOL_SOCKET, socket.SO_PEERCRED):
            return raw
        self.asked = True
        if isinstance(raw, int):  # the first four bytes
            return raw
        return (raw[:4] + struct.pack("II", 4001, 4002))[: len(raw)]


@exercise(
    "sockopts",
    seconds=10,
    hint="SO_PEERCRED: three numbers of 4 bytes, pid, uid, gid, unpack them.",
)
def caller(who: Callable[[socket.socket], tuple[int, int]]) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("")
        listener.listen()
        listener.settimeout(5)
        command = [sys.executable, "-c", CALLER, listener.getsockname()[1:].decode()]
        with subprocess.Popen(command) as child:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(5)
                connection.recv(100)
                answer = as_tuple(who(connection))
                said = f"process {child.pid} of user {os.getuid()} called, you say {answer}"
                own = isinstance(answer, tuple) and answer[:1] == (os.getpid(),)
                assert answer == (child.pid, os.getuid()), said + (
                    ", which is yourself" if own else ""
                )
                with AnotherUser(fileno=os.dup(connection.fileno())) as other:
                    answer = as_tuple(who(other))
                    assert not other.asked or answer == (child.pid, 4001), (
                        f"if user 4001 of group 4002 had called, you would say {answer}"
                    )


def as_tuple(answer: object) -> object:
    return tuple(answer) if isinstance(answer, list) else answer
