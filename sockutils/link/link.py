"""A bad link: real packets, delayed, lost, duplicated and reordered by functions in the notebook.

    with Link(delay=0.05, lose=lambda packet: packet.flags == "SYN") as packets:
        client.connect(("10.0.0.2", 5000))

This machine is 10.0.0.1. Whatever it sends to 10.0.0.2 enters the link and comes back with source
and destination exchanged, as if another machine had sent it: so 10.0.0.2 is this machine, seen
from the far end. All checksums are sums of these addresses too, so they stay true. In IPv6 the two
are fd00::1 and fd00::2.
"""

import heapq
import itertools
import math
import os
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from sockutils.kernel.network import in_one_line
from sockutils.link.tun import interface
from sockutils.packets.capture import Packets
from sockutils.packets.headers import TCP, begins, destination, exchanged, flow_of, layout, turned
from sockutils.packets.packet import Packet
from sockutils.peers.peer import background

THERE = {socket.inet_aton("10.0.0.2"), socket.inet_pton(socket.AF_INET6, "fd00::2")}
LARGEST = 1 << 16  # bytes, more than any IP packet holds
LAST = 1.0  # seconds that packets still have to arrive when the block has ended


class Fate(NamedTuple):
    """What becomes of each packet: the three functions that a Link is made of."""

    delay: Callable[[Packet], float]
    lose: Callable[[Packet], object]
    duplicate: Callable[[Packet], object]

    def of(self, packet: Packet) -> list[float]:
        """The seconds after which the packet arrives, once for each time that it does."""
        if self.lose(packet):
            return []
        seconds = _seconds(self.delay(packet))
        return [seconds] * (2 if self.duplicate(packet) else 1)


def never(packet: Packet) -> bool:
    return False


@contextmanager
def Link(  # a thing, and read as one: the interface that is up while the block runs
    delay: float | Callable[[Packet], float] = 0.0,
    lose: Callable[[Packet], object] = never,
    duplicate: Callable[[Packet], object] = never,
) -> Iterator[Packets]:
    """A link from 10.0.0.1 to 10.0.0.2 (fd00::1 to fd00::2), both this machine, for a block.

    `delay` is seconds one way, or a function of the packet that returns them: a packet that waits
    longer than the next one is overtaken. `lose` and `duplicate` say yes or no to each packet. The
    list holds the packets that entered the link, the one in question last, with their `arrivals`.
    Of a datagram in fragments (above 1,472 bytes) only the first is asked about and listed. The
    interface queues 500 packets and drops what does not fit, as others do; the list misses those.

    OSError: EPERM outside a private network, ENOENT or EACCES if /dev/net/tun is missing or closed,
    EBUSY if there is another Link. What a function raises is raised when the block has ended; the
    packets go through at once from then on. A tun interface: Linux, Documentation/networking/tuntap
    """
    fate = _fate(delay, lose, duplicate)
    with interface() as tun, _event() as over:
        packets = Packets()
        import scapy.layers.inet  # noqa: F401  (half a second: now, not while packets wait)

        carrier = Carrier(tun, over, fate, packets)
        with _returning(), background(carrier.carry):
            patience = 0.0
            try:
                yield packets
                patience = LAST
            finally:
                carrier.end(patience)


class Carrier:
    """The far end of the tun interface, which takes packets and puts them back."""

    def __init__(self, tun: int, over: int, fate: Fate, packets: Packets) -> None:
        self.tun, self.over, self.fate, self.packets = tun, over, fate, packets
        self.flying: list[tuple[float, int, Packet, bytes]] = []  # a heap, by when they are due
        self.numbers = itertools.count()  # of two that are due at once, the earlier goes first
        self.clients: set[bytes] = set()
        self.last = math.inf  # when to stop, though packets are under way
        self.error: Exception | None = None
        self.epoch = time.time_ns() - time.monotonic_ns()  # the clock may be set meanwhile

    def end(self, seconds: float) -> None:
        """Stop once no packet is under way, or when so many seconds have passed."""
        self.last = time.monotonic() + seconds
        os.eventfd_write(self.over, 1)

    def carry(self) -> None:
        """Carry packets until the block is over and none is under way."""
        watched = [self.tun, self.over]
        while True:
            ended = self.over not in watched
            pause = 0 if ended and not self.flying else self._pause()
            ready, _, _ = select.select(watched, [], [], pause)
            if self.over in ready:
                watched = [self.tun]
            if self.tun in ready:
                self._take(os.read(self.tun, LARGEST))
            idle = not self._deliver() and self.tun not in ready and not self.flying
            if ended and (idle or time.monotonic() >= self.last):
                break
        if self.error:
            raise self.error

    def _pause(self) -> float | None:
        due = min([self.last, *(flight[0] for flight in self.flying[:1])])
        return None if due == math.inf else max(0.0, due - time.monotonic())

    def _take(self, raw: bytes) -> None:
        if destination(raw) not in THERE:  # IPv6 looks for routers and groups on every interface
            return
        try:
            back, packet = exchanged(raw), self._recorded(raw)
        except IndexError:  # cut off within a header, as only a raw socket sends it
            back, packet = turned(raw), None
        if packet is None:
            os.write(self.tun, back)
            return
        self.packets.append(packet)
        delays = self._ask(packet)
        packet.arrivals = None if delays else ()
        for seconds in delays:
            due = time.monotonic() + seconds
            heapq.heappush(self.flying, (due, next(self.numbers), packet, back))

    def _recorded(self, raw: bytes) -> Packet | None:
        """The packet for the list; None for a later fragment, and for what an earlier Link left."""
        protocol, _, fragment = layout(raw)
        if fragment:
            return None
        there, backwards = flow_of(raw)
        if begins(raw):
            if protocol == TCP:  # these ports may have been connected the other way round before
                self.clients.discard(backwards)
            if backwards not in self.clients:
                self.clients.add(there)
        if not self.clients & {there, backwards}:
            return None
        # Client and server have one address each in the list, as on a real link.
        return Packet(self._now(), exchanged(raw) if backwards in self.clients else raw)

    def _now(self) -> int:
        """Nanoseconds since 1970, by a clock that nobody sets."""
        return self.epoch + time.monotonic_ns()

    def _ask(self, packet: Packet) -> list[float]:
        try:
            return self.fate.of(packet)
        except (Exception, SystemExit) as error:
            if isinstance(error, SystemExit) and self.last < math.inf:  # background() ends us
                raise
            self.error = explained(error, self.fate)
            self.fate = Fate(lambda packet: 0.0, never, never)
            return [0.0]

    def _deliver(self) -> bool:
        before = len(self.flying)
        while self.flying and self.flying[0][0] <= time.monotonic():
            _, _, packet, back = heapq.heappop(self.flying)
            packet.arrivals = (*(packet.arrivals or ()), self._now())
            os.write(self.tun, back)
        return len(self.flying) < before


def explained(error: BaseException, fate: Fate) -> Exception:
    """The error of a learner's function, with one line that says where it happened."""
    import traceback

    files = {function.__code__.co_filename for function in fate if hasattr(function, "__code__")}
    steps = [step for step in traceback.extract_tb(error.__traceback__) if step.filename in files]
    line = f"a function of the Link raised {type(error).__name__}: {error}"
    if steps and steps[-1].filename != __file__:
        line += f", in your line {steps[-1].lineno}: {steps[-1].line}".removesuffix(": ")
    if not isinstance(error, Exception):  # SystemExit would end more than the block
        error = RuntimeError(line)
    error.add_note(line)
    return in_one_line(error, line)


@contextmanager
def _returning() -> Iterator[None]:
    try:
        yield
    except TimeoutError as stuck:
        if "carry() is stuck" not in str(stuck):
            raise
        line = "a function of the Link does not return"
        raise in_one_line(TimeoutError(line), line) from None


def _fate(
    delay: float | Callable[[Packet], float],
    lose: Callable[[Packet], object],
    duplicate: Callable[[Packet], object],
) -> Fate:
    for name, function in (("lose", lose), ("duplicate", duplicate)):
        if not callable(function):
            line = f"{name} is a function that gets a packet and says yes or no, not {function!r}"
            raise in_one_line(TypeError(line), line)
    if callable(delay):
        return Fate(delay, lose, duplicate)
    constant = _seconds(delay)
    return Fate(lambda packet: constant, lose, duplicate)


def _seconds(delay: object) -> float:
    if isinstance(delay, (int, float)) and 0 <= delay <= 3600:
        return delay
    line = f"delay is a number of seconds from 0 to 3600, not {delay!r}"
    raise in_one_line(ValueError(line), line)


@contextmanager
def _event() -> Iterator[int]:
    over = os.eventfd(0)
    try:
        yield over
    finally:
        os.close(over)
