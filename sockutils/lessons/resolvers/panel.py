"""Its panel: four calls at once, and how long each took; what became of two attempts."""

import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from sockutils.errors.shown import name_of
from sockutils.figures.columns import aligned
from sockutils.figures.picture import CLIENT, FAINT, SERVER, WIDTH, Picture, sheet, ticks, write
from sockutils.libc import ffi, libc
from sockutils.names.answers import Answer, from_zone, nothing, says
from sockutils.names.errors import done, found
from sockutils.packets.packet import Packet

KINDS = ["an answer", "cut off", "no data", "NXDOMAIN", "SERVFAIL", "REFUSED", "FORMERR"]
KINDS += ["nothing"]
ZONE = """
one.example.            60 IN A    192.0.2.1
two.example.            60 IN A    192.0.2.2
one.example.            60 IN AAAA 2001:db8::1
two.example.            60 IN AAAA 2001:db8::2
1.2.0.192.in-addr.arpa. 60 IN PTR  one.example.
2.2.0.192.in-addr.arpa. 60 IN PTR  two.example.
"""


def answering(kind: str, family: str) -> Answer:
    """A function that answers as the panel's controls say: the names one.example, two.example."""
    if kind == "nothing":
        return nothing
    if kind not in ("an answer", "cut off"):
        return says("NOERROR" if kind == "no data" else kind)
    types = {"PTR", *family.split()}
    return from_zone("\n".join(line for line in ZONE.splitlines() if types & {*line.split()}))


def addresses(result: Any) -> list[str]:
    """The addresses in what gethostbyname() or getaddrinfo() returned."""
    if isinstance(result, list):
        return sorted(address[0] for *_, address in result)
    host = found(result)
    return [socket.inet_ntop(host.h_addrtype, ffi.buffer(host.h_addr_list[0], host.h_length))]


def names(host: Any) -> list[str]:
    """The name in what gethostbyaddr() returned."""
    return [ffi.string(found(host).h_name).decode()]


def named(host: str, port: int, flags: int) -> list[str]:
    """The name that getnameinfo() finds. In C: older Pythons let no other thread run meanwhile."""
    address = struct.pack("=H", socket.AF_INET) + struct.pack("!H", port)
    address += socket.inet_aton(host) + bytes(8)
    name = ffi.new("char[100]")
    pointer = ffi.from_buffer("struct sockaddr *", address)
    done(libc.getnameinfo(pointer, len(address), name, 100, ffi.NULL, 0, flags))
    return [ffi.string(name).decode()]


class Bar(NamedTuple):
    """A row of a picture: from when to when something took, and what came of it."""

    label: str
    words: str
    good: bool
    start: float
    end: float


def at_once(calls: Mapping[str, Callable[[], Sequence[str]]]) -> list[Bar]:
    """Run all calls, each in a thread of its own, and say what became of them."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [*pool.map(run, calls, calls.values())]


def run(name: str, call: Callable[[], Sequence[str]]) -> Bar:
    start = time.monotonic()
    try:
        words, good = ", ".join(call()), True
    except OSError as error:
        words, good = name_of(error), False
    return Bar(f"{name}()", words, good, 0.0, round(2 * (time.monotonic() - start)) / 2)


def draw_calls(outcomes: Sequence[Bar], asked: Sequence[str]) -> Picture:
    """Draw how long each call took, and what came of it."""
    kinds = Counter(words.split()[0] + " over TCP" * words.endswith("TCP") for words in asked)
    order = sorted(kinds, key=lambda kind: (kind.endswith("TCP"), kind))
    server = "the server was asked: " + ", ".join(f"{kinds[kind]} {kind}" for kind in order)
    rows = [(one.label, one.words, f"after {one.end:g} s") for one in outcomes]
    text = aligned(rows).replace("after 0 s", "at once")
    return draw(outcomes, f"{text}\n{server}", server)


def draw_attempts(packets: Sequence[Packet]) -> Picture:
    """Draw when each address was called, and how long the program waited for its answer."""
    first: dict[str, Packet] = {}
    for packet in packets:
        if packet.flags == "SYN":
            first.setdefault(str(packet.destination[0]), packet)
    begin = packets[0].nanoseconds
    starts = [round((one.nanoseconds - begin) / 5e8) / 2 for one in first.values()]
    bars = []
    for (address, packet), start in zip(first.items(), starts, strict=True):
        words = "SYN ACK" if packet.arrivals else "lost"
        bars.append(Bar(f"SYN to {address}", words, bool(packet.arrivals), start, max(starts)))
    return draw(bars, aligned((one.label, f"after {one.start:g} s", one.words) for one in bars))


LEFT, RIGHT = 3.0, 9.2  # inches, the ends of the time axis
SPAN = 1.5  # seconds
ROW = 0.95


def across(seconds: float) -> float:
    return LEFT + (RIGHT - LEFT) * min(seconds, SPAN) / SPAN


def draw(bars: Sequence[Bar], text: str, below: str = "") -> Picture:
    bottom = 0.55 + ROW * len(bars)
    figure, axes = sheet(bottom + (0.95 if below else 0.5))
    for moment, words in ticks(SPAN):
        axes.plot([across(moment)] * 2, [0.2, bottom], color=FAINT, linewidth=1.5, zorder=0)
        write(axes, across(moment), bottom + 0.25, words)
    for y, bar in enumerate(bars):
        start, end, middle = across(bar.start), across(bar.end), 0.8 + ROW * y
        sign, colour = ("✓", CLIENT) if bar.good else ("✗", SERVER)
        write(axes, LEFT - 0.2, middle - 0.05, bar.label, ha="right")
        x = [start, max(end, start + 0.06)]
        axes.fill_between(x, middle - 0.1, middle + 0.1, color=colour, zorder=2)
        box = {"facecolor": "white", "edgecolor": "none", "pad": 2}
        words = f"{sign} {bar.words}"
        write(axes, start + 0.15, middle - 0.38, words, colour, ha="left", bbox=box)
    write(axes, WIDTH / 2, bottom + 0.7, below)
    return Picture(figure, text)
