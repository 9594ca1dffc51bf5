"""12_epoll.ipynb: what an instance watches, its pictures, what its exercises ask of a loop."""

import array
import fcntl
import re
import select
import socket
import termios
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import linear_regression
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, NamedTuple

from sockutils.figures.columns import aligned
from sockutils.figures.picture import (
    CLIENT,
    FAINT,
    KERNEL,
    OTHER,
    SERVER,
    SIZE,
    WIDTH,
    Picture,
    canvas,
    sheet,
    write,
)
from sockutils.libc import ffi
from sockutils.peers.waits import wait_for_threads
from sockutils.practice.exercise import exercise
from sockutils.tables.descriptors import held, no_descriptor_left

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FLAGS = ("IN", "PRI", "OUT", "ERR", "HUP", "RDHUP", "EXCLUSIVE", "ONESHOT", "ET")
UNASKED = select.EPOLLERR | select.EPOLLHUP
ENTRY = re.compile(r"^tfd:\s+(\d+) events:\s+([0-9a-f]+)", re.MULTILINE)


def names(flags: int) -> str:
    """The names of the flags, without EPOLL: "IN HUP"; "-" if there is none."""
    found = [name for name in FLAGS if flags & getattr(select, f"EPOLL{name}")]
    return " ".join(found) or "-"


def interest_list(instance: Any, roles: Mapping[Any, str] | None = None) -> list[str]:
    """What /proc says that an epoll instance watches: a line for each entry, in words.

    `roles` maps sockets, or numbers, to words. Without ERR and HUP, which are always there.
    """
    known = {}
    for end, role in (roles or {}).items():
        known[end if isinstance(end, int) else end.fileno()] = role
    entries = Path(f"/proc/self/fdinfo/{instance.fileno()}").read_text()
    return sorted(
        f"{known.get(int(number), 'another')}: {names(int(flags, 16) & ~UNASKED)}"
        for number, flags in ENTRY.findall(entries)
    )


def unread(end: socket.socket) -> int:
    """How many bytes wait in the receive queue of this stream socket."""
    number = array.array("i", [0])
    fcntl.ioctl(end, termios.FIONREAD, number)
    return number[0]


@contextmanager
def all_told(end: socket.socket) -> Iterator[None]:
    """At the end of the block everybody who watches this end has been told what the block did.

    The kernel goes through those who watch a socket, holding the lock of their queue. The witness
    is one of them; taking it off that queue needs the lock, and so waits for the end of the round.
    """
    with select.epoll() as witness:
        witness.register(end, select.EPOLLIN | select.EPOLLET)  # not EXCLUSIVE: told in each round
        yield
        if not witness.poll(20):
            raise TimeoutError("nothing has come")
        witness.unregister(end)


# The time of a wait

CALLS = {"select": (SERVER, "s", "--"), "poll": (CLIENT, "o", ":"), "epoll": (KERNEL, "D", "-")}
MANY = 100  # below it the cost of a call itself is most of the time
LEAST, MOST, BUDGET = 30, 1000, 2_000_000  # how often a call is timed; nanoseconds
Costs = Mapping[int, Mapping[str, float]]  # descriptors → call → microseconds


class Set:
    """An fd_set of C's that is as large as these descriptors need."""

    def __init__(self, numbers: Sequence[int]) -> None:
        bits = 8 * ffi.sizeof("long")
        size = max(numbers) // bits + 1
        self._words = ffi.new("unsigned long[]", size)
        self._copy = ffi.new("unsigned long[]", size)
        for number in numbers:
            self._words[number // bits] |= 1 << number % bits

    def copy(self) -> Any:
        """A copy for select() to change."""
        ffi.memmove(self._copy, self._words, ffi.sizeof(self._words))
        return self._copy


def shortest(call: Callable[[], object]) -> float:
    """The shortest time of many calls, in microseconds: other programs disturb some of them."""
    taken: list[int] = []
    while len(taken) < LEAST or (len(taken) < MOST and sum(taken) < BUDGET):
        start = perf_counter_ns()
        call()
        taken.append(perf_counter_ns() - start)
    return min(taken) / 1000


TURNS = 5


def ratio(call: Callable[[], object], other: Callable[[], object]) -> float:
    """How many times as long `call` takes as `other`: the shortest times, measured in turns."""
    times = [(shortest(call), shortest(other)) for _ in range(TURNS)]
    return min(one for one, _ in times) / min(two for _, two in times)


def slope(costs: Costs, call: str) -> float:
    """The slope of the line through the times on log axes, from a hundred descriptors on."""
    from math import log

    large = [number for number in costs if number >= MANY]
    large = large if len(large) > 1 else sorted(costs)[-2:]  # a low limit of descriptors
    logs = [log(number) for number in large], [log(costs[number][call]) for number in large]
    return linear_regression(*logs).slope


def draw_costs(costs: Costs) -> Picture:
    """Draw the time of one wait against the number of idle descriptors, on log axes."""
    figure, axes = canvas(height=5.5)
    numbers = list(costs)
    slopes = {call: slope(costs, call) for call in CALLS}
    for call, (colour, marker, line) in CALLS.items():
        times = [costs[number][call] for number in numbers]
        axes.loglog(numbers, times, line, marker=marker, color=colour, linewidth=3, markersize=10)
    low, high = axes.get_ylim()
    _name_ends(axes, costs, slopes, (high / low) ** 0.085)
    axes.set_ylim(low, high * 2)
    axes.set_xlim(numbers[0] / 1.3, numbers[-1] * 9)
    axes.set_xticks(numbers, [f"{number:,}" for number in numbers])
    axes.tick_params(which="minor", length=0)
    axes.minorticks_off()
    axes.set_xlabel("idle descriptors")
    axes.set_ylabel("µs for one wait")
    axes.grid(color=FAINT)
    first, last = numbers[0], numbers[-1]
    lines = []
    for call in CALLS:
        factor = costs[last][call] / costs[first][call]
        grown = f"{factor:.0f} times its time with {first}"
        lines.append([call, f"slope {tenths(slopes[call])}", f"with {last:,}: {grown}"])
    return Picture(figure, aligned(lines))


def tenths(value: float) -> str:
    return f"{round(value, 1) + 0:.1f}"  # no -0.0


def _name_ends(axes: "Axes", costs: Costs, slopes: Mapping[str, float], gap: float) -> None:
    """Write the names at the right ends of the lines, at least so far apart."""
    last = max(costs)
    place = 0.0
    for call in sorted(CALLS, key=lambda call: costs[last][call]):
        place = max(costs[last][call], place * gap)
        words = f"{call}: slope {tenths(slopes[call])}"
        style: dict[str, Any] = {
            "color": CALLS[call][0],
            "fontsize": SIZE,
            "weight": "bold",
            "va": "center",
        }
        axes.text(last * 1.25, place, words, **style)


GROWN = ((50, "more than 50 times"), (3, "more than 3 times"))


def draw_wait(costs: Costs) -> Picture:
    """Draw the times for a few and for many descriptors, two marks for each call."""
    figure, axes = canvas(height=4.5)
    few, many = costs
    places = {call: len(CALLS) - 1 - index for index, call in enumerate(CALLS)}
    lines = [["", f"{many:,} idle descriptors take"]]
    for call, (colour, marker, _) in CALLS.items():
        before, after = costs[few][call], costs[many][call]
        place = places[call]
        axes.plot([before, after], [place, place], color=colour, linewidth=3)
        axes.plot(before, place, "o", markerfacecolor="white", color=colour, markersize=14)
        axes.plot(after, place, marker, color=colour, markersize=12)
        axes.text(before, place + 0.22, f"{before:.3g}", fontsize=SIZE, ha="center")
        far = after > 2 * before  # else it would stand on the other number
        axes.text(
            after, place + (0.22 if far else -0.42), f"{after:.3g}", fontsize=SIZE, ha="center"
        )
        factor = after / before
        words = next((words for least, words in GROWN if factor > least), "about as long as")
        lines.append([call, f"{words} what {few} take" if "times" in words else f"{words} {few}"])
    axes.set_xscale("log")
    axes.set_xlim(0.3, max(max(times.values()) for times in costs.values()) * 4)
    axes.set_ylim(-0.6, len(CALLS) - 0.4)
    axes.set_yticks(list(places.values()), list(places))
    title = f"white: {few} idle descriptors; filled: {many:,}"
    axes.set_title(title, fontsize=SIZE, weight="bold", loc="left")
    axes.set_xlabel("µs for one wait")
    return Picture(figure, aligned(lines))


# Level and edge: a column for each happening. Inches.


class Moment(NamedTuple):
    """What has happened, how many bytes then wait, and what each instance then reports."""

    happening: str
    waiting: int
    reported: Mapping[str, bool]


LEFT = 2.1
HEAD = 0.55
CURVE = 1.5
ROW = 0.6


def draw_moments(moments: Sequence[Moment]) -> Picture:
    """Draw the bytes that wait, as a curve, and below it who reports the socket."""
    from matplotlib.patches import Rectangle

    kinds = list(moments[0].reported)
    step = (WIDTH - LEFT - 0.2) / len(moments)
    ground = HEAD + CURVE
    figure, axes = sheet(ground + 0.15 + ROW * len(kinds) + 0.2)
    for y, words in ((HEAD / 2, "happens"), (HEAD + CURVE / 2, "bytes waiting")):
        write(axes, LEFT - 0.2, y, words, OTHER, ha="right")
    highest = max(moment.waiting for moment in moments) or 1
    for x, moment in enumerate(moments):
        left, tall = LEFT + x * step, (CURVE - 0.35) * moment.waiting / highest
        write(axes, left + step / 2, HEAD / 2, moment.happening)
        axes.add_patch(Rectangle((left, ground - tall), step, tall, color=FAINT))
        write(axes, left + step / 2, ground - tall - 0.17, str(moment.waiting))
    axes.plot([LEFT, LEFT + step * len(moments)], [ground, ground], color="black", linewidth=1.5)
    for y, kind in enumerate(kinds):
        top = ground + 0.15 + y * ROW
        colour = CLIENT if kind == "level" else SERVER
        write(axes, LEFT - 0.2, top + ROW / 2, kind, colour, ha="right", weight="bold")
        for x, moment in enumerate(moments):
            said = moment.reported[kind]
            box = Rectangle((LEFT + x * step, top), step, ROW, edgecolor=FAINT, linewidth=1.5)
            box.set_facecolor(colour if said else "white")
            axes.add_patch(box)
            if said:
                middle = LEFT + (x + 0.5) * step, top + ROW / 2
                write(axes, *middle, "✓", "white", weight="bold")
    rows = [["happens", "bytes waiting", *kinds]]
    for moment in moments:
        answers = ["reported" if moment.reported[kind] else "-" for kind in kinds]
        rows.append([moment.happening, str(moment.waiting), *answers])
    return Picture(figure, aligned(rows))


# Who wakes up: a row of four threads in each cell of a grid. Inches.

THREADS = 4
TALL = 0.75
RADIUS = 0.15


def draw_woken(outcomes: Mapping[tuple[str, str], str]) -> Picture:
    """Draw for each (row, column) how many of four threads woke up: "0" to "4", or "one or more".

    A filled circle is a thread that woke up, an empty one a thread that slept on.
    """
    rows = list(dict.fromkeys(row for row, _ in outcomes))
    columns = list(dict.fromkeys(column for _, column in outcomes))
    step = (WIDTH - LEFT - 0.2) / len(columns)
    bottom = HEAD + TALL * len(rows)
    figure, axes = sheet(bottom + 0.7)
    for x, column in enumerate(columns):
        write(axes, LEFT + (x + 0.5) * step, HEAD / 2, column, weight="bold")
    for y, row in enumerate(rows):
        write(axes, LEFT - 0.2, HEAD + (y + 0.5) * TALL, row, ha="right")
    for (row, column), outcome in outcomes.items():
        left, top = LEFT + columns.index(column) * step, HEAD + rows.index(row) * TALL
        _four(axes, left, top, step, outcome)
    place = LEFT
    for sign, words, long in (("1", "woke up", 1.5), ("0", "slept on", 1.6), ("?", "perhaps", 0)):
        _thread(axes, place + RADIUS, bottom + 0.4, sign, OTHER)
        write(axes, place + 0.45, bottom + 0.4, words, OTHER, ha="left")
        place += long + 0.4
    table = [[row, *(outcomes[row, column] for column in columns)] for row in rows]
    return Picture(figure, aligned([["", *columns], *table]))


def _four(axes: "Axes", left: float, top: float, step: float, outcome: str) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((left, top), step, TALL, fill=False, edgecolor=FAINT, linewidth=1.5))
    signs = "1" * int(outcome) if outcome.isdigit() else "1???"
    colour = SERVER if signs == "1" * THREADS else KERNEL  # the whole herd
    for index, sign in enumerate(signs.ljust(THREADS, "0")):
        middle = left + step / 2 + (index - (THREADS - 1) / 2) * 2.6 * RADIUS
        _thread(axes, middle, top + TALL / 2, sign, colour)


def _thread(axes: "Axes", x: float, y: float, sign: str, colour: str) -> None:
    from matplotlib.patches import Circle

    circle = Circle((x, y), RADIUS, edgecolor=OTHER if sign == "0" else colour, linewidth=2)
    circle.set_facecolor(colour if sign == "1" else "white")
    axes.add_patch(circle)
    if sign == "?":
        write(axes, x, y + 0.01, "?", colour, weight="bold")


# The exercises

BIG = bytes(range(256)) * 200
Taken = tuple[bytes, bool]


@exercise(
    "epoll",
    hint="Call recv() with MSG_DONTWAIT until it raises BlockingIOError, or returns b''. A short"
    " answer does not mean that there is no more: the end may stand behind it.",
)
def take(everything: Callable[[socket.socket], Taken]) -> None:
    cases: list[tuple[str, list[bytes], bool]] = [
        ("3 bytes have come", [b"abc"], False),
        (f"{len(BIG):,} bytes have come", [BIG], False),
        ("100 messages have come", [b"message"] * 100, False),
        ("nothing has come", [], False),
        ("3 bytes and the end have come", [b"abc"], True),
        (f"{len(BIG):,} bytes and the end have come", [BIG], True),
        ("the end has come", [], True),
    ]
    before = held()
    for words, pieces, over in cases:
        near, far = socket.socketpair()
        with near, far:
            for piece in pieces:
                far.sendall(piece)
            if over:
                far.shutdown(socket.SHUT_WR)
            try:
                found = everything(near)
            except OSError as error:
                told = type(error)(f"{words}: {error}")
                raise told.with_traceback(error.__traceback__) from None
            assert isinstance(found, tuple), f"{words}: you return {_short(found)}, not a tuple"
            assert len(found) == 2, f"{words}: a tuple of two, not {len(found)}"
            data, ended = found
            right = b"".join(pieces)
            assert data == right, f"{words}: you return {_short(data)}"
            assert ended is over, f"{words}: whether it has ended is {over}, you say {ended!r}"
            assert near.fileno() != -1, "you have closed the socket"
            assert near.gettimeout() is None, "you have made the socket nonblocking"
    assert held() <= before, "you left a descriptor open"


def _short(value: object) -> str:
    if isinstance(value, (bytes, bytearray)) and len(value) > 20:
        return f"{len(value):,} bytes"
    return repr(value)


PATIENCE = 100  # messages that one may get while another one waits
VAIN = 10  # there are fewer edges, and each is worth one EAGAIN


class Crowd:
    """Connections, one of which gets a new message with every recv(), until another is served."""

    def __init__(self, stack: ExitStack, messages: Mapping[str, bytes]) -> None:
        self.peers = {}
        self.connections = []
        self.late = messages["late"]
        self.sent = 0  # to the busy one
        self.came: int | None = None  # how many it had got when the late message came
        self.served = self.edge = False
        self.vain = 0  # how often recv() has found nothing
        self.instance = stack.enter_context(select.epoll())
        for role, words in messages.items():
            near, far = map(stack.enter_context, socket.socketpair())
            end = stack.enter_context(Watched(self, role, near))
            end.setblocking(False)
            self.instance.register(end, select.EPOLLIN | select.EPOLLET)
            self.peers[role] = far
            self.connections.append(end)
            if role == "busy":
                self.send(words)
            elif role == "brief":  # its end is there before anybody looks
                far.sendall(words)
                far.close()

    def send(self, words: bytes) -> None:
        self.peers["busy"].sendall(words)
        self.sent += len(words)

    @contextmanager
    def in_vain(self) -> Iterator[None]:
        try:
            yield
        except BlockingIOError:
            self.vain += 1
            raise

    def has_read(self, role: str, number: int, size: int) -> None:
        if role == "late" and size:
            self.served = True
            self.peers["late"].close()
        if role != "busy" or not size:
            return
        if number == 10:
            with suppress(OSError):
                entries = interest_list(self.instance)
                self.edge = bool(entries) and all(entry.endswith("ET") for entry in entries)
        if number == 20:
            self.came = number
            self.peers["late"].sendall(self.late)
        if self.served:
            self.peers["busy"].close()
        else:
            self.send(b"x" * size)
        limit = (self.came or 0) + PATIENCE
        assert self.served or self.came is None or number <= limit, (
            f"another connection has waited for more than {PATIENCE} messages of a busy one"
        )


class Watched(socket.socket):
    """A connection that tells the crowd of each recv()."""

    def __init__(self, crowd: Crowd, role: str, end: socket.socket) -> None:
        super().__init__(end.family, end.type, end.proto, end.detach())
        self._crowd, self._role, self._number = crowd, role, 0

    def recv(self, *arguments: Any) -> bytes:
        with self._crowd.in_vain():
            data = super().recv(*arguments)
        self._number += 1
        self._crowd.has_read(self._role, self._number, len(data))
        return data

    def recv_into(self, *arguments: Any, **named: Any) -> int:
        with self._crowd.in_vain():
            size = super().recv_into(*arguments, **named)
        self._number += 1
        self._crowd.has_read(self._role, self._number, size)
        return size


@exercise(
    "epoll",
    hint="Keep your own queue of the ready ones, and ask the instance again, without waiting,"
    " after a few recv() of one of them. Only BlockingIOError takes one out of the queue. Busy in"
    " poll()? It waits for a socket that it has reported already: an edge is not told again.",
)
def share(serve: Callable[[select.epoll, list[socket.socket]], list[int]]) -> None:
    before = held()
    with ExitStack() as stack:
        crowd = Crowd(stack, {"busy": b"x" * 40, "late": b"hello?", "brief": b"abc"})
        counts = serve(crowd.instance, [*crowd.connections])
        assert crowd.came is not None, "the busy connection goes on: read it with recv()"
        assert crowd.served, "the connection that wrote late was never read"
        assert crowd.edge, "leave the connections registered as they are, with EPOLLET"
        assert crowd.vain <= VAIN, (
            f"recv() found nothing {crowd.vain} times: the instance tells who is ready"
        )
        right = [crowd.sent, 6, 3]
        assert counts == right, f"{right} bytes were sent, you return {counts!r}"
        assert not crowd.instance.closed, "the instance is closed: it is not yours"
        for end in crowd.connections:
            assert end.fileno() == -1, "you left a connection open"
    assert held() <= before, "you left a descriptor open"


@exercise("epoll", hint="The entry goes with the number while the number is still yours.")
def forget(hang_up: Callable[[select.epoll, socket.socket], object]) -> None:
    before = held()
    with ExitStack() as stack:
        instance = stack.enter_context(select.epoll())
        (near, far), (other, peer) = socket.socketpair(), socket.socketpair()
        for end in (near, far, other, peer):
            stack.enter_context(end)
        copy = stack.enter_context(near.dup())
        instance.register(near, select.EPOLLIN)
        instance.register(other, select.EPOLLIN)
        hang_up(instance, near)
        assert near.fileno() == -1, "the connection is still open here"
        assert not instance.closed, "the instance is closed: it watches others, too"
        left = len(interest_list(instance))
        assert left, "nothing is on the interest list any more: the instance watches others, too"
        assert left == 1, (
            "the connection is closed, and its entry is still on the interest list:"
            " somebody has a copy"
        )
        peer.send(b"x")
        with suppress(BrokenPipeError):
            far.send(b"hello")
        ready = [number for number, _ in instance.poll(0)]
        assert ready == [other.fileno()], "the instance must report the other one, and only that"
        copy.setblocking(False)
        heard = copy.recv(100)
        goes_on = "whoever has a copy of the descriptor goes on: no shutdown()"
        assert heard == b"hello", goes_on
        with suppress(BrokenPipeError):
            copy.send(b"answer")
        far.setblocking(False)
        assert far.recv(100) == b"answer", goes_on
    assert held() <= before, "you left a descriptor open"


__all__ = ["no_descriptor_left", "wait_for_threads"]  # for the notebook
