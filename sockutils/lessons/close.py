"""08_close.ipynb: a connection's states and their diagram, its panel, its exercises' checks."""

import errno
import os
import select
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from sockutils.calls.trace import trace
from sockutils.figures.picture import (
    CLIENT,
    FAINT,
    OTHER,
    SERVER,
    SIZE,
    WIDTH,
    Picture,
    badge,
    label,
    sheet,
)
from sockutils.packets.packet import Packet
from sockutils.peers.peer import background
from sockutils.peers.waits import wait_for_threads, wait_until
from sockutils.practice.exercise import exercise
from sockutils.tables.descriptors import held
from sockutils.tables.diag import sockets

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Address = tuple[str, int]
States = dict[str, str]
Place = tuple[float, float]
__all__ = ["wait_for_threads"]  # for the notebook
ANY = ("127.0.0.1", 0)
GONE = "gone"
COLOURS = {"client": CLIENT, "server": SERVER}
LINES = {"client": "solid", "server": (0, (2.2, 1.2))}

# States that end with the next packet.
PASSING = {"SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "CLOSING", "LAST-ACK"}
# If one end is gone, these end with the RST that is on its way.
RESET = {"ESTAB", "FIN-WAIT-2"}


def follow(client: socket.socket) -> Callable[[], States]:
    """A function that tells the states of both ends, once no packet is about to change them.

    Make it before you close: a closed socket does not know its addresses any more.
    """
    ports = client.getsockname()[1], client.getpeername()[1]

    def states() -> States:
        wait_until(lambda: not moving(ends(ports)), 2)
        return ends(ports)

    return states


def ends(ports: tuple[int, int]) -> States:
    states = {"client": GONE, "server": GONE}
    for row in sockets(port=ports[0]):
        pair = row.local[-1], row.remote[-1]
        if pair == ports:
            states["client"] = row.state
        elif pair == ports[::-1]:
            states["server"] = row.state
    return states


def moving(states: States) -> bool:
    found = {*states.values()}
    return bool(PASSING & found) or (GONE in found and bool(RESET & found))


def fill(end: socket.socket) -> int:
    """Send until the kernel takes no more; return how many bytes it took."""
    sent = 0
    end.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            sent += end.send(bytes(1 << 20))
    end.setblocking(True)
    return sent


def drain(end: socket.socket) -> tuple[int, str]:
    """Read until the end; return how many bytes came, and how it ended."""
    received = 0
    try:
        while data := end.recv(1 << 20):
            received += len(data)
    except OSError as error:
        return received, errno.errorcode[error.errno or 0]
    return received, repr(data)


def endings(packets: Sequence[Packet]) -> list[Packet]:
    """The packets that end something: those with FIN or RST."""
    return [packet for packet in packets if {"FIN", "RST"} & {*packet.flags.split()}]


def lose_last_ack() -> Callable[[Packet], bool]:
    """For one connection over a Link: lose the first ACK that comes after both FINs."""
    fins: set[Address] = set()
    lost = False

    def lose(packet: Packet) -> bool:
        nonlocal lost
        if "FIN" in packet.flags.split():
            fins.add(packet.source)
        elif len(fins) == 2 and packet.flags == "ACK" and not lost:
            lost = True
            return True
        return False

    return lose


# The diagram: RFC 9293, section 3.3.2. Inches; names as in sockets(), GONE is its CLOSED.

BOX = (1.75, 0.56)
PLACES: Mapping[str, Place] = {
    "CLOSED": (1.6, 0.85),
    "LISTEN": (8.4, 0.85),
    "SYN-SENT": (1.6, 2.25),
    "SYN-RECV": (8.4, 2.25),
    "ESTAB": (5.0, 3.6),
    "FIN-WAIT-1": (1.6, 4.95),
    "CLOSE-WAIT": (8.4, 4.95),
    "FIN-WAIT-2": (1.6, 6.4),
    "CLOSING": (5.0, 6.4),
    "LAST-ACK": (8.4, 6.4),
    "TIME-WAIT": (1.6, 7.85),
    GONE: (8.4, 7.85),
}
# Each with what makes it, and where this is written.
EDGES: Mapping[tuple[str, str], tuple[str, Place]] = {
    ("CLOSED", "LISTEN"): ("listen()", (5.0, 0.85)),
    ("CLOSED", "SYN-SENT"): ("connect(): SYN →", (2.85, 1.55)),
    ("LISTEN", "SYN-RECV"): ("SYN comes", (7.5, 1.55)),
    ("SYN-SENT", "SYN-RECV"): ("SYN comes", (5.0, 2.25)),
    ("SYN-SENT", "ESTAB"): ("SYN ACK comes", (2.2, 3.15)),
    ("SYN-RECV", "ESTAB"): ("ACK comes", (7.75, 3.15)),
    ("ESTAB", "FIN-WAIT-1"): ("close(): FIN →", (2.2, 4.05)),
    ("ESTAB", "CLOSE-WAIT"): ("FIN comes", (7.75, 4.05)),
    ("FIN-WAIT-1", "FIN-WAIT-2"): ("ACK comes", (2.5, 5.9)),
    ("FIN-WAIT-1", "CLOSING"): ("FIN comes", (4.3, 5.4)),
    ("CLOSE-WAIT", "LAST-ACK"): ("close(): FIN →", (7.3, 5.67)),
    ("FIN-WAIT-2", "TIME-WAIT"): ("FIN comes", (2.45, 6.86)),
    ("CLOSING", "TIME-WAIT"): ("ACK comes", (4.3, 7.4)),
    ("LAST-ACK", GONE): ("ACK comes", (7.5, 7.12)),
    ("TIME-WAIT", GONE): ("60 s", (5.0, 7.85)),
}


class Paths(dict[str, list[str]]):
    """The states that each end of a connection was seen in, in their order."""

    def note(self, who: str, state: str) -> None:
        path = self.setdefault(who, [])
        if not path or path[-1] != state:
            path.append(state)

    def until(self, who: str, state: str) -> None:
        """Wait until this end was seen in this state; TimeoutError after five seconds."""
        if not wait_until(lambda: state in self.get(who, ())):
            raise TimeoutError(f"the {who} was not seen in {state}")

    def __repr__(self) -> str:
        return "\n".join(f"{who}: {' → '.join(self[who])}" for who in sorted(self))


@contextmanager
def watch(port: int) -> Iterator[Paths]:
    """Look into the kernel's table a hundred times a second while the block runs.

    It notes the states of the next connection to that port: leftovers of others do not count.
    """
    paths = Paths(client=["CLOSED"])
    old = {(row.local, row.remote) for row in sockets(port=port)}
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.005):
            note()

    def note() -> None:
        present = set()
        for row in sockets(port=port):
            if row.state == "LISTEN":
                paths.setdefault("server", ["LISTEN"])
            elif (row.local, row.remote) not in old:
                who = "client" if row.remote[-1] == port else "server"
                present.add(who)
                paths.note(who, row.state)
        for who in {*paths} - present:
            if paths[who][-1] not in ("CLOSED", "LISTEN"):
                paths.note(who, GONE)

    with background(look):
        try:
            yield paths
        finally:
            over.set()


def draw_states(paths: Paths) -> Picture:
    """Draw TCP's states and the ways between them; thick are those that this connection took."""
    figure, axes = sheet(8.4)
    taken = {who: set(pairwise(path)) for who, path in paths.items()}
    unknown = set().union(*taken.values()) - {*EDGES}
    if unknown:  # a short state was missed
        raise RuntimeError(f"no such way in TCP's diagram: {sorted(unknown)}")
    for way, (words, place) in EDGES.items():
        users = [who for who in ("client", "server") if way in taken.get(who, ())]
        draw_way(axes, way, users)
        colour = COLOURS[users[0]] if len(users) == 1 else "black" if users else OTHER
        label(axes, *place, words, colour)
    for state in PLACES:
        users = [who for who in ("client", "server") if state in paths.get(who, ())]
        draw_state(axes, state, users)
    for who, x in (("client", 3.6), ("server", 6.4)):
        axes.plot([x - 1.1, x + 1.1], [0.28, 0.28], color=COLOURS[who], lw=4, ls=LINES[who])
        badge(axes, x, 0.28, who, COLOURS[who])
    return Picture(figure, repr(paths))


def draw_way(axes: "Axes", way: tuple[str, str], users: Sequence[str]) -> None:
    (x1, y1), (x2, y2) = (PLACES[state] for state in way)
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
    across = (y1 - y2) / length, (x2 - x1) / length
    for place, who in enumerate(users or [""]):
        shift = 0.11 * (2 * place - 1) if len(users) == 2 else 0.0
        dx, dy = across[0] * shift, across[1] * shift
        arrow: dict[str, Any] = {
            "arrowstyle": "-|>",
            "mutation_scale": 30 if who else 18,
            "shrinkA": 0,
        }
        arrow |= {"color": COLOURS.get(who, FAINT), "linewidth": 4.5 if who else 1.5}
        arrow |= {"linestyle": LINES.get(who, "solid"), "shrinkB": 0}
        ends = edge_of_box((x1, y1), (x2, y2)), edge_of_box((x2, y2), (x1, y1))
        start, end = ((x + dx, y + dy) for x, y in ends)
        axes.annotate("", end, start, arrowprops=arrow, zorder=2 if who else 1)


def edge_of_box(place: Place, towards: Place) -> Place:
    dx, dy = towards[0] - place[0], towards[1] - place[1]
    gap = 0.16  # more than the second frame of a state that both were in
    share = min(
        (size / 2 + gap) / abs(step) for size, step in zip(BOX, (dx, dy), strict=True) if step
    )
    return place[0] + dx * share, place[1] + dy * share


def draw_state(axes: "Axes", state: str, users: Sequence[str]) -> None:
    from matplotlib.patches import FancyBboxPatch

    x, y = PLACES[state]
    for place, who in enumerate(users or [""]):
        grow = 0.09 * place
        corner = x - BOX[0] / 2 - grow, y - BOX[1] / 2 - grow
        size = BOX[0] + 2 * grow, BOX[1] + 2 * grow
        patch = FancyBboxPatch(corner, *size, boxstyle="round,pad=0,rounding_size=0.12")
        patch.set(facecolor="none" if place else "white", edgecolor=COLOURS.get(who, FAINT))
        patch.set(linewidth=3.5 if who else 1.5, linestyle=LINES.get(who, "solid"), zorder=3)
        axes.add_patch(patch)
    weight = "bold" if users else "normal"
    colour = "black" if users else OTHER
    axes.text(
        x, y, state, size=SIZE, ha="center", va="center", weight=weight, color=colour, zorder=4
    )


# The panel


class Step(NamedTuple):
    """A call and what it returned, or a packet, or the states of both ends."""

    kind: str  # "call", "packet", "states"
    who: str  # who calls or sends
    words: str
    other: str = ""  # states: of the server


SIDES = {"client": 3.2, "server": 6.8}  # inches, the lifelines
OUTSIDE = {"client": 1.5, "server": 8.5}
PITCH = 0.56


def story(calls: Sequence[tuple[str, str, Sequence[Packet], States]], port: int) -> list[Step]:
    """The steps of a panel's run: each call is followed by its packets and the states after it."""
    steps = [Step("states", "", "ESTAB", "ESTAB")]
    for who, words, packets, states in calls:
        steps.append(Step("call", who, words))
        for packet in endings(packets):
            sender = "server" if packet.source[1] == port else "client"
            steps.append(Step("packet", sender, packet.flags))
        if (states["client"], states["server"]) != steps_last(steps):
            steps.append(Step("states", "", states["client"], states["server"]))
    return steps


def steps_last(steps: Sequence[Step]) -> tuple[str, str]:
    last = next(step for step in reversed(steps) if step.kind == "states")
    return last.words, last.other


def draw_ending(steps: Sequence[Step]) -> Picture:
    """Draw how a connection ends: calls and states outside, packets with FIN or RST inside."""
    height = 1.0 + PITCH * len(steps)
    figure, axes = sheet(height)
    for who, x in SIDES.items():
        axes.plot([x, x], [0.4, height - 0.2], color=FAINT, linewidth=2.5, zorder=1)
        badge(axes, x, 0.4, who, COLOURS[who])
    for place, step in enumerate(steps):
        y = 1.05 + PITCH * place
        if step.kind == "packet":
            draw_packet(axes, step, y)
        elif step.kind == "call":
            badge(axes, OUTSIDE[step.who], y, step.words, COLOURS[step.who])
        else:
            for who, state in (("client", step.words), ("server", step.other)):
                label(axes, SIDES[who], y, state)
    return Picture(figure, "\n".join(map(told, steps)))


def draw_packet(axes: "Axes", step: Step, y: float) -> None:
    start, end = SIDES["client"], SIDES["server"]
    if step.who == "server":
        start, end = end, start
    arrow = {"arrowstyle": "-|>", "linewidth": 2.5, "color": COLOURS[step.who]}
    arrow |= {"shrinkA": 0, "shrinkB": 0, "mutation_scale": 22}
    axes.annotate("", (end, y), (start, y), arrowprops=arrow, zorder=2)
    label(axes, WIDTH / 2, y, step.words)


def told(step: Step) -> str:
    if step.kind == "call":
        return f"{step.who} calls {step.words}"
    if step.kind == "packet":
        return f"  client {'→' if step.who == 'client' else '←'} server   {step.words}"
    return f"  client {step.words}, server {step.other}"


# The exercises


@exercise("close", hint="Who tells the server that the question is complete? Read until b''.")
def whole_question(ask: Callable[[Address, bytes], bytes]) -> None:
    for question in (b"short", b"long " * 40_000):
        with socket.create_server(ANY) as listener:
            listener.settimeout(2)
            before = held()
            with background(answer_at_the_end, listener) as server, trace() as calls:
                answer = ask(listener.getsockname(), question)
        heard, ended = server.result
        assert ended, "the server never heard the end of your question"
        assert heard == question, f"{len(question)} bytes to ask, the server heard {len(heard)}"
        right = reply(question)
        assert isinstance(answer, bytes), f"it returned {answer!r}, not bytes"
        assert answer == right, f"the answer has {len(right)} bytes, you returned {len(answer)}"
        assert not held() - before, "you left your socket open"
        for lane in calls.lanes().values():
            assert lane[-1].name in ("close", "detach"), (
                "you left it to Python to close your socket"
            )


def reply(question: bytes) -> bytes:
    return question.upper() * 3


def answer_at_the_end(listener: socket.socket) -> tuple[bytes, bool]:
    heard = b""
    try:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(1)
            while data := connection.recv(1 << 16):
                heard += data
            half = len(answer := reply(heard)) // 2
            connection.sendall(answer[:half])
            select.select([], [], [], 0.05)  # one recv() does not get it all
            connection.sendall(answer[half:])
    except OSError:
        return heard, False
    return heard, True


UNREAD = "unread"
WHY = "you closed with bytes unread, or while it still talked"


@exercise(
    "close", hint="Say that you send no more, then read until the client has closed.", seconds=8
)
def last_word(answer_and_close: Callable[[socket.socket, bytes], object]) -> None:
    for size in (100, 2_000_000):
        answer = os.urandom(size)
        with socket.create_server(ANY) as listener:
            client = socket.create_connection(listener.getsockname())
            connection, _ = listener.accept()
        with client, connection:
            client.sendall(b"unread")
            select.select([connection], [], [], 1)
            with background(read_slowly, client) as peer:
                answer_and_close(connection, answer)
                open_still = connection.fileno() != -1
                connection.close()
        received, ended, late = peer.result
        assert not open_still, "you returned, and left the connection open"
        assert ended not in ("ECONNRESET", "EPIPE"), f"the client got {ended}: {WHY}"
        assert ended == "b''", f"the client waited for the end, and got {ended}"
        assert received == answer, f"{size} bytes to send, the client got {len(received)}"
        assert late != UNREAD, "you left the client's last words unread"
        assert not late, f"when the client said its last words, it got {late}: you had closed"


def read_slowly(client: socket.socket) -> tuple[bytes, str, str]:
    received, ended = b"", ""
    client.settimeout(2)
    try:
        while data := client.recv(1 << 16):
            received += data
            if len(received) == len(data):
                client.sendall(b"more")
        ended = repr(data)
        for word in (b"last", b"words"):
            client.sendall(word)
            if not wait_until(lambda: not unread(client), 2):
                return received, ended, UNREAD
            select.select([client], [], [], 0.1)
        client.sendall(b"!")
    except TimeoutError:
        return received, "a timeout", ""
    except OSError as error:
        name = errno.errorcode[error.errno or 0]
        return received, ended or name, name
    finally:
        client.close()
    return received, ended, ""


def unread(client: socket.socket) -> int:
    """How many bytes wait at the other end of a connection within this machine."""
    here = client.getsockname()
    return sum(row.receive_queue for row in sockets(port=here[1]) if row.remote == here)


class Life(NamedTuple):
    """What becomes of a connection."""

    sent: bytes = b""  # by the client; nobody reads it
    closed_by: str = ""
    half: bool = False  # the server sends no more
    elsewhere: bool = False  # with another listener

    def lead(
        self, listener: socket.socket, stack: ExitStack
    ) -> tuple[socket.socket, socket.socket]:
        client = stack.enter_context(socket.create_connection(listener.getsockname()))
        server = stack.enter_context(listener.accept()[0])
        states = follow(client)
        client.sendall(self.sent)
        if self.half:
            server.shutdown(socket.SHUT_WR)
        if self.closed_by:
            {"client": client, "server": server}[self.closed_by].close()
        states()
        return client, server

    @property
    def leaks(self) -> bool:
        return self.closed_by == "client" and not self.elsewhere


LIVES = (
    Life(sent=b"x"),
    Life(closed_by="client"),
    Life(closed_by="client", elsewhere=True),
    Life(),
    Life(sent=b"x", closed_by="client"),
    Life(half=True),
    Life(closed_by="server"),
)


@exercise(
    "close",
    hint="row.inode is the number in the link /proc/self/fd/… → socket:[…]. One number in the list"
    " of /proc/self/fd is that of the listing itself: it is gone when you look.",
)
def leaks(find_leaks: Callable[[int], list[int]]) -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(ANY))
        other = stack.enter_context(socket.create_server(ANY))
        led: list[tuple[Life, socket.socket, socket.socket]] = []
        for life in LIVES:
            led.append((life, *life.lead(other if life.elsewhere else listener, stack)))
            found = find_leaks(listener.getsockname()[1])
            assert isinstance(found, list), f"it returned {found!r}, not a list"
            ours = {client.fileno() for _, client, _ in led} & {*found}
            assert not ours, "a client's end is in your list"
            gone = [server.fileno() for life, _, server in led if life.leaks]
            assert sorted(found) == sorted(gone), said_leaks(found, gone)
        for life, _, server in led:
            if life.sent:
                assert unread_of(server) == life.sent, "you have taken bytes from a connection"


def unread_of(server: socket.socket) -> bytes:
    with suppress(BlockingIOError):
        return server.recv(100, socket.MSG_DONTWAIT)
    return b""


def said_leaks(found: Sequence[int], right: Sequence[int]) -> str:
    missed, wrong = {*right} - {*found}, {*found} - {*right}
    if missed:
        return f"{len(missed)} of {len(right)} leaked descriptors are not in your list"
    return f"{len(wrong) or 'some'} in your list should not be there (or are there twice)"
