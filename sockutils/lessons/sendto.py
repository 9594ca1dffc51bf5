"""07_sendto_recvfrom.ipynb: what its exercises ask for, a bad network, and its panel's picture."""

import heapq
import itertools
import os
import select
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import CodeType
from typing import Any, NamedTuple

from sockutils.calls.trace import trace
from sockutils.figures.picture import OTHER, SERVER, SIZE, Picture, canvas
from sockutils.link.link import Link
from sockutils.packets.packet import Packet
from sockutils.peers.peer import background
from sockutils.practice.exercise import exercise, is_empty

Address = tuple[str, int]
ANY = ("127.0.0.1", 0)
LARGEST = 65507  # bytes in a datagram of UDP over IPv4


def udp(stack: ExitStack) -> socket.socket:
    made = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
    made.bind(ANY)
    return made


def counted(protocol: str, name: str) -> int:
    """What this network stack has counted under that name, from /proc/net/snmp."""
    with open("/proc/net/snmp") as file:
        names, numbers = (line.split() for line in file if line.startswith(f"{protocol}:"))
    return int(numbers[names.index(name)])


# Exercises


@exercise("sendto", hint="recvmsg() also returns flags. Which one says that a part is missing?")
def not_too_long(
    receive_whole: Callable[[socket.socket, int], tuple[bytes, Address] | None],
) -> None:
    with ExitStack() as stack:
        receiver, sender = udp(stack), udp(stack)
        receiver.settimeout(1)
        for size, limit in ((3, 10), (10, 10), (11, 10), (0, 10), (5000, 4999), (LARGEST, LARGEST)):
            sender.sendto(b"." * size, receiver.getsockname())
            came = f"{size} bytes came, the limit was {limit}"
            try:
                found = receive_whole(receiver, limit)
            except ValueError:
                assert size > limit, (
                    f"{came}, and you raised ValueError; is a longer one still in the queue?"
                )
                continue
            assert size <= limit, f"{came}, and you raised no ValueError"
            assert isinstance(found, tuple), f"{came}, you returned {found!r}"
            assert found[0] == b"." * size, f"{came}, you returned {len(found[0])} other bytes"
            assert found[1] == sender.getsockname(), f"{came}, the sender was {found[1]!r} for you"
    # The next one came each time: so what was too long is gone, and nothing else.


@exercise("sendto", hint="Whom does the kernel tell about a closed port? connect() first.")
def knock(closed: Callable[[Address, float], bool]) -> None:
    with ExitStack() as stack:
        silent, lively, busy = udp(stack), udp(stack), udp(stack)
        # It hears its peer only, so nobody takes what you send; but bind() finds the port in use.
        busy.connect(silent.getsockname())
        with background(echo, lively) as peer:
            for address, right, what in (
                (
                    busy.getsockname(),
                    True,
                    "the machine says that nobody there takes your datagram",
                ),
                (silent.getsockname(), False, "no answer"),
                (lively.getsockname(), False, "an answer came"),
            ):
                start = time.monotonic()
                with trace() as calls:
                    answer = closed(address, 0.3)
                assert answer is right, f"{what}: you returned {answer!r}"
                assert time.monotonic() - start < 1, f"{what}: that took you more than a second"
                left = sum(lane[-1].name != "close" for lane in calls.lanes().values())
                assert not left, f"{what}: you left a socket open"
            assert drained(silent), "you said that a port is open, and sent nothing to it"
        assert peer.result, "you sent nothing to a server that answers"


def echo(server: socket.socket) -> bool:
    server.settimeout(3)
    try:
        words, address = server.recvfrom(LARGEST)
    except TimeoutError:
        return False
    server.sendto(words, address)
    return True


@exercise(
    "sendto", seconds=10, hint="Send, wait, send again. A socket with a peer hears no strangers."
)
def persistence(ask: Callable[[Address, bytes, float, int], bytes | None]) -> None:
    for deaf, tries, late, expected in (
        (0, 3, 0.0, b"answer 1"),
        (2, 3, 0.0, b"answer 3"),
        (3, 3, 0.0, None),
        (0, 1, 0.3, b"answer 1"),
    ):
        with ExitStack() as stack:
            server, stranger = udp(stack), udp(stack)
            count = min(deaf + 1, tries)
            seconds = 1.0 if late else 0.2
            what = f"the server ignores {deaf} questions, you had {tries} tries of {seconds:g} s"
            what += f", and the answer comes {late:g} s late" if late else ""
            start = time.monotonic()
            with background(hard_of_hearing, server, stranger, deaf, count, late) as peer:
                answer = ask(server.getsockname(), b"what?", seconds, tries)
                elapsed = time.monotonic() - start
            assert answer != b"from a stranger", f"{what}: you believed a stranger"
            assert answer == expected, f"{what}: you returned {answer!r}"
            questions = peer.result + drained(server)
            assert set(questions) == {b"what?"}, f"{what}: the server got {questions!r}"
            assert len(questions) == count, f"{what}: you asked {len(questions)} times"
            assert elapsed < 1.5, f"{what}: you waited much longer than asked"
            least = seconds * (count if answer is None else count - 1)
            assert elapsed >= 0.9 * least, (
                f"{what}: all was over after {elapsed:.2f} s, so you did not wait long enough"
            )


def hard_of_hearing(
    server: socket.socket, stranger: socket.socket, deaf: int, count: int, late: float
) -> list[bytes]:
    questions: list[bytes] = []
    server.settimeout(1)
    while len(questions) < count:
        try:
            question, address = server.recvfrom(LARGEST)
        except TimeoutError:
            break
        questions.append(question)
        stranger.sendto(b"from a stranger", address)
        if len(questions) > deaf:
            select.select([], [], [], late)
            server.sendto(b"answer %d" % len(questions), address)
    return questions


def drained(receiver: socket.socket) -> list[bytes]:
    receiver.setblocking(False)
    found = []
    while select.select([receiver], [], [], 0)[0]:
        found.append(receiver.recv(LARGEST))
    return found


# Stop and wait

Send = Callable[[socket.socket, Sequence[bytes], float], object]
Receive = Callable[[socket.socket, int, float], list[bytes]]
Times = tuple[float, ...]  # seconds after which a packet arrives, once for each arrival

NUMBER = struct.Struct("!H")
HERE, THERE = "10.0.0.1", "10.0.0.2"
MESSAGE, ACKNOWLEDGEMENT = "message", "acknowledgement"
AGAIN, QUIET = 0.1, 0.4  # seconds: to wait for an acknowledgement, and after the last message
LONG = 2.0  # seconds to wait where nothing gets lost
LATE, VERY_LATE = 0.15, 0.5
GIVE_UP = 3.0
NEVER = b"missing"

MESSAGES = [b"fine", b"lost", b"same", b"same", b"", b"late", b"x" * 1200, b"last"]
WHAT = [
    "nothing happened to it",
    "its first copy was lost",
    "its first acknowledgement was lost",
    "it was doubled",
    "its first five copies were lost",
    "its first copy came late, after the next message",
    "its first acknowledgement came late",
    "it was the last one; its second copy and its first four acknowledgements were lost",
]
LOST: Times = ()
TROUBLE: Mapping[tuple[str, int], Sequence[Times]] = {  # what becomes of the first copies
    (MESSAGE, 1): (LOST,),
    (ACKNOWLEDGEMENT, 2): (LOST,),
    (MESSAGE, 3): ((0.0, 0.0),),
    (MESSAGE, 4): (LOST,) * 5,  # longer than QUIET, before the end
    (MESSAGE, 5): ((LATE,),),
    (ACKNOWLEDGEMENT, 6): ((LATE,),),
    (MESSAGE, 7): ((0.0,), LOST),  # a pause of two tries, after the end
    (ACKNOWLEDGEMENT, 7): (LOST,) * 4,  # the fifth is wanted more than QUIET after the first copy
}
DOUBLED: dict[tuple[str, int], Sequence[Times]] = {
    (way, number): [(0.0, 0.0)] for way in (MESSAGE, ACKNOWLEDGEMENT) for number in range(3)
}
SLOW = 1  # the message whose acknowledgement is long under way, when all else comes twice
DOUBLED[ACKNOWLEDGEMENT, SLOW] = [(VERY_LATE,)] * 2


class Network:
    """Decides what becomes of a packet, by its number and by how many copies of it came before."""

    def __init__(self, trouble: Mapping[tuple[str, int], Sequence[Times]]) -> None:
        self.trouble = trouble
        self.came: Counter[tuple[str, int]] = Counter()
        self.times: Times = (0.0,)

    def fate(self, way: str, payload: bytes) -> Times:
        packet = way, int.from_bytes(payload[: NUMBER.size])
        fates = self.trouble.get(packet, ())
        copy = self.came[packet]
        self.came[packet] += 1
        return fates[copy] if copy < len(fates) else (0.0,)

    def lose(self, packet: Packet) -> bool:  # a Link asks this first, about each packet
        way = MESSAGE if packet.destination[0] == THERE else ACKNOWLEDGEMENT
        self.times = self.fate(way, packet.payload) if packet.protocol == "UDP" else (0.0,)
        return not self.times

    @property
    def under_way(self) -> int:
        """The highest number that a message had so far."""
        return max((number for way, number in self.came if way == MESSAGE), default=0)


@contextmanager
def bad(network: Network) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A sender and a receiver with that network between them, a Link where one can be had.

    Elsewhere (no private network, no /dev/net/tun) the datagrams go through a relay on 127.0.0.1.
    """
    with ExitStack() as stack:
        sender, receiver = (
            stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in range(2)
        )
        try:
            link = Link(
                delay=lambda _: network.times[0],
                lose=network.lose,
                duplicate=lambda _: len(network.times) > 1,
            )
            stack.enter_context(link)
        except OSError:
            receiver.bind(ANY)
            sender.connect(stack.enter_context(relayed(network, receiver.getsockname())))
        else:
            receiver.bind((HERE, 0))
            sender.connect((THERE, receiver.getsockname()[1]))
        yield sender, receiver


@contextmanager
def relayed(network: Network, destination: Address) -> Iterator[Address]:
    """A relay to that address; what is still under way when the block ends is lost."""
    with ExitStack() as stack:
        front, back = udp(stack), udp(stack)
        over = os.eventfd(0)
        stack.callback(os.close, over)
        with background(relay, front, back, destination, network, over):
            try:
                yield front.getsockname()
            finally:
                os.eventfd_write(over, 1)


def relay(
    front: socket.socket, back: socket.socket, destination: Address, network: Network, over: int
) -> None:
    home = destination  # until the first message tells where the sender is
    flying: list[tuple[float, int, str, bytes]] = []  # a heap, by when they are due
    numbers = itertools.count()
    watched: list[Any] = [front, back, over]
    while True:
        pause = max(0.0, flying[0][0] - time.monotonic()) if flying else None
        ready, _, _ = select.select(watched, [], [], pause)
        if over in ready:
            return
        for end in {front, back}.intersection(ready):
            payload, address = end.recvfrom(LARGEST)
            way = MESSAGE if end is front else ACKNOWLEDGEMENT
            home = address if end is front else home
            for seconds in network.fate(way, payload):
                due = time.monotonic() + seconds
                heapq.heappush(flying, (due, next(numbers), way, payload))
        while flying and flying[0][0] <= time.monotonic():
            _, _, way, payload = heapq.heappop(flying)
            if way == MESSAGE:
                back.sendto(payload, destination)
            else:
                front.sendto(payload, home)


def send_all(sender: socket.socket, messages: Sequence[bytes], seconds: float) -> None:
    sender.settimeout(seconds)
    for number, message in enumerate(messages):
        until = time.monotonic() + GIVE_UP
        while not _acknowledged(sender, number, message):
            assert time.monotonic() < until, (
                f"message {number} ({WHAT[number]}) was sent again and again, "
                "and your receiver did not acknowledge it, or had returned already"
            )


def _acknowledged(sender: socket.socket, number: int, message: bytes) -> bool:
    sender.send(NUMBER.pack(number) + message)
    try:
        while sender.recv(LARGEST) != NUMBER.pack(number):
            pass
    except TimeoutError:
        return False
    return True


def receive_all(receiver: socket.socket, count: int, seconds: float) -> list[bytes]:
    # It takes them as they come, so that a sender that goes on too early gets to its end.
    messages: dict[int, bytes] = {}
    while True:
        receiver.settimeout(seconds if count - 1 in messages else GIVE_UP)
        try:
            datagram, address = receiver.recvfrom(LARGEST)
        except TimeoutError:
            break
        (number,) = NUMBER.unpack(datagram[: NUMBER.size])
        messages.setdefault(number, datagram[NUMBER.size :])
        receiver.sendto(datagram[: NUMBER.size], address)
    return [messages.get(number, NEVER) for number in range(max(messages, default=-1) + 1)]


class Halves(NamedTuple):
    """The learner's two functions, to be examined as one answer."""

    send_all: Send
    receive_all: Receive

    @property
    def __code__(self) -> CodeType:  # of one that is not empty, if any
        function: Any = next(itertools.filterfalse(is_empty, self), self.send_all)
        return function.__code__  # type: ignore[no-any-return]


@exercise(
    "sendto",
    seconds=40,
    hint="The sender goes on when exactly this number comes back. The receiver acknowledges each "
    "copy, but keeps one, and stays for those whose acknowledgement got lost.",
)
def stop_and_wait(halves: Halves) -> None:
    """Examine the learner's sender and receiver, first each with ours, then with one another."""
    if is_empty(halves.receive_all):
        _examine_sender(halves.send_all)
    else:
        _carry(Halves(send_all, halves.receive_all), "receive_all()")
    assert not is_empty(halves.receive_all), "send_all() works; receive_all() is not attempted"
    assert not is_empty(halves.send_all), "receive_all() works; send_all() is not attempted"
    _examine_sender(halves.send_all)
    _carry(halves, "both")


def _examine_sender(candidate: Send) -> None:
    _carry(Halves(candidate, receive_all), "send_all()")
    network = Network(DOUBLED)
    carried(Halves(candidate, receive_all), MESSAGES[:3], network, LONG)
    for number in (0, 2, SLOW):
        sent = network.came[MESSAGE, number]
        why = (
            f"its acknowledgement came after {VERY_LATE:g} s, and `seconds` was {LONG:g}"
            if number == SLOW
            else "every packet came twice; an old acknowledgement is no reason to send again"
        )
        assert sent == 1, f"none was lost, and you sent message {number} {sent} times: {why}"


def _carry(halves: Halves, whose: str) -> None:
    network = Network(TROUBLE)
    try:
        found = carried(halves, MESSAGES, network, AGAIN)
    except TimeoutError as stuck:
        if "is stuck" not in str(stuck):
            raise
        number = min(network.under_way, len(WHAT) - 1)
        raise AssertionError(f"message {number} ({WHAT[number]}): {_told(stuck)}") from None
    except AssertionError as error:
        raise AssertionError(_told(error)) from None
    assert isinstance(found, list), f"receive_all() returned {found!r}, not a list"
    for number, (wanted, message) in enumerate(zip(MESSAGES, found, strict=False)):
        assert message == wanted, (
            f"{whose}: message {number} should be {_shorter(wanted)} and is {_shorter(message)}; "
            f"{WHAT[number]}; of the one before: {WHAT[max(0, number - 1)]}"
        )
    sizes = f"{len(MESSAGES)} messages were to be sent, {len(found)} were received"
    assert len(found) == len(MESSAGES), f"{whose}: {sizes}"


def _shorter(message: object) -> str:
    if isinstance(message, bytes) and len(message) > 20:
        return f"{message[:3]!r}… ({len(message)} bytes)"
    return repr(message)


def _told(error: BaseException) -> str:
    return "; ".join([str(error), *getattr(error, "__notes__", [])])


def carried(
    halves: Halves, messages: Sequence[bytes], network: Network, seconds: float
) -> list[bytes]:
    """Send the messages through the network, and return what the receiver has made of them."""
    with (
        bad(network) as (sender, receiver),
        background(halves.receive_all, receiver, len(messages), QUIET) as peer,
        background(halves.send_all, sender, messages, seconds),
    ):
        pass
    found: list[bytes] = peer.result
    return found


# The panel's picture


def draw_burst(arrived: Iterable[int], sent: int) -> Picture:
    """Draw a burst of datagrams in rows of 25: squares arrived, crosses were dropped."""
    there = set(arrived)
    figure, axes = canvas(height=0.45 * ((sent + 24) // 25) + 1)
    for number in range(sent):
        marker, colour = ("s", SERVER) if number in there else ("x", OTHER)
        place = number % 25, -(number // 25)
        axes.plot(*place, marker, color=colour, markersize=16, markeredgewidth=3)
    last = (sent - 1) // 25
    axes.set(xlim=(-0.7, 24.7), ylim=(-last - 0.7, 1.8))
    left, right = f"{len(there)} arrived (squares)", f"{sent - len(there)} dropped (crosses)"
    axes.text(-0.4, 1.1, left, color=SERVER, size=SIZE, weight="bold")
    axes.text(24.4, 1.1, right, color=OTHER, size=SIZE, weight="bold", ha="right")
    axes.axis("off")
    return Picture(figure, _burst_text(sorted(there), sent))


def _burst_text(arrived: Sequence[int], sent: int) -> str:
    share = len(arrived) / sent
    words = (
        "all" if share == 1 else "more than half" if share > 0.5 else "less than half"
    ) if arrived else "none"  # fmt: skip
    lines = [f"datagrams sent: {sent}, arrived: {words}"]
    if 0 < share < 1:
        first = list(arrived) == list(range(len(arrived)))
        lines.append(f"those that arrived are the first ones: {'yes' if first else 'no'}")
    return "\n".join(lines)
