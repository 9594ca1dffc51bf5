"""00_start_here.ipynb: the map of the calls, its panel's picture, and what its exercises ask."""

import select
import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

from sockutils.peers import background
from sockutils.picture import (
    CLIENT,
    FAINT,
    OTHER,
    SERVER,
    SIZE,
    Picture,
    badge,
    canvas,
    sheet,
)
from sockutils.practice import exercise
from sockutils.tables import Table, sockets

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Address = tuple[str, int]
ANY = ("127.0.0.1", 0)
PASSING = {"FIN-WAIT-1", "CLOSING", "LAST-ACK"}  # states that end with the next packet

# inches
TOP, PITCH = 1.5, 0.5
CALLS = {"client": 1.1, "server": 8.9}
STATES = {"client": 3.4, "server": 6.6}
COLOURS = {"client": CLIENT, "server": SERVER}


class Step(NamedTuple):
    """A call, and what the kernel says of both sockets after it."""

    who: str
    call: str
    client: str
    server: str


class Steps(list[Step]):
    """The calls of one client and one server on a port, noted as they are made."""

    def __init__(self, port: int) -> None:
        self.port = port

    def note(self, who: str, call: str, end: socket.socket) -> None:
        """Note a call that has been made on this socket, and how it left the kernel's table."""
        said = dict(zip(("client", "server"), self[-1][2:] if self else ("", ""), strict=True))
        found = told(self.port)
        said[who] = found.get(who) or unlisted(end)
        self.append(Step(who, call, **(said | found)))


def told(port: int) -> dict[str, str]:
    """What the kernel's table says of the two ends, once no packet is about to change it."""
    rows = sockets(port=port)
    while PASSING & {row.state for row in rows}:
        select.select([], [], [], 0.001)
        rows = sockets(port=port)
    return dict(ends(rows, port))


def ends(rows: Table, port: int) -> list[tuple[str, str]]:
    found = []
    for row in rows:  # LISTEN comes first, a connection that was accepted takes its place
        words = row.state
        if row.accept_queue is not None:
            words += f", {row.accept_queue} waiting"
        elif row.state == "ESTAB" and row.receive_queue:
            words += f", {row.receive_queue} bytes to read"
        who = "client" if row.remote[-1] == port else "server"
        if (who, row.inode) != ("server", 0):  # nobody has accepted it yet
            found.append((who, words))
    return found


def unlisted(end: socket.socket) -> str:
    if end.fileno() == -1:
        return "gone"
    _, port = end.getsockname()
    return f"has port {port}" if port else "no address"


def draw_map(steps: Steps) -> Picture:
    """Draw the calls from top to bottom, client left, server right; between them the kernel."""
    figure, axes = sheet(TOP + PITCH * len(steps))
    for who, x in STATES.items():
        born = next(place for place, step in enumerate(steps) if step.who == who)
        span = [TOP + PITCH * born, TOP + PITCH * (len(steps) - 0.5)]
        axes.plot([x, x], span, color=FAINT, linewidth=2.5)
        write(axes, x, 0.6, f"the {who}'s socket\nin the kernel", COLOURS[who])
        write(axes, CALLS[who], 0.6, f"the {who}\ncalls", COLOURS[who])
        said = ""
        for place, step in enumerate(steps):
            if (words := getattr(step, who)) != said:
                write(axes, x, TOP + PITCH * place, words)
            said = words
    for place, step in enumerate(steps):
        badge(axes, CALLS[step.who], TOP + PITCH * place, step.call, COLOURS[step.who])
    return Picture(figure, map_text(steps))


def write(axes: "Axes", x: float, y: float, words: str, colour: str = "black") -> None:
    box = {"facecolor": "white", "edgecolor": "none", "pad": 2}
    axes.text(x, y, words, ha="center", va="center", fontsize=SIZE, color=colour, bbox=box)


def map_text(steps: Steps) -> str:
    head = ("", "", "client's socket", "server's socket")
    widths = [max(map(len, column)) for column in zip(head, *steps, strict=True)]
    table = [head, *steps]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in table)


def draw_connections(tuples: list[tuple[int, str]]) -> Picture:
    """Draw which local port is connected to which server, a dot for each connection."""
    ports = sorted({port for port, _ in tuples})
    names = sorted({name for _, name in tuples})
    figure, axes = canvas(height=1.4 + 0.45 * len(ports))
    for port, name in tuples:
        axes.plot(names.index(name), ports.index(port), "o", color=CLIENT, markersize=18)
    axes.set(xlim=(-0.6, len(names) - 0.4), ylim=(len(ports) - 0.4, -0.6))
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(ports)), [f"port {port}" for port in ports])
    words = f"{len(ports)} local ports, {len(names)} servers: {len(tuples)} connections"
    axes.set_title(words, fontsize=SIZE, color=OTHER)
    return Picture(figure, words)


@exercise("start", hint="socket.create_connection(address) gives you a connected socket.")
def greeting(greet: Callable[[Address], bytes]) -> None:
    for answer in (b"hello, you", b"who is there?"):
        with socket.create_server(ANY) as server, background(answer_once, server, answer) as peer:
            got = greet(server.getsockname())
        heard, goodbye = peer.result
        assert heard == b"hello", f"the server got {heard!r}, not b'hello'"
        assert got == answer, f"the server answered {answer!r}, you returned {got!r}"
        assert goodbye == b"", "your socket is still open"


def answer_once(server: socket.socket, answer: bytes) -> tuple[bytes, bytes]:
    connection, _ = server.accept()
    with connection:
        connection.settimeout(2)
        heard = connection.recv(100)
        connection.sendall(answer)
        return heard, connection.recv(100)


@exercise(
    "start",
    hint="Bind one of them to port 0, ask getsockname() which port it got, and use it again.",
)
def twins(open_both: Callable[[], tuple[socket.socket, socket.socket]]) -> None:
    with ExitStack() as stack:
        both = open_both()
        assert isinstance(both, tuple), f"it returned {both!r}, not two sockets"
        for one in both:
            stack.enter_context(one)
        kinds = [one.type for one in both]
        assert kinds == [socket.SOCK_STREAM, socket.SOCK_DGRAM], f"they are {kinds}: TCP, then UDP"
        (host, port), (other_host, other_port) = (one.getsockname() for one in both)
        assert host == other_host == "127.0.0.1", f"they have the addresses {host}, {other_host}"
        assert port == other_port != 0, f"they have the ports {port} and {other_port}"


@exercise(
    "start", hint="getsockname() is this end, getpeername() the other; SO_PROTOCOL is an option."
)
def five_tuple(describe: Callable[[socket.socket], tuple[int, str, int, str, int]]) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(ANY))
        client = stack.enter_context(socket.create_connection(server.getsockname()))
        connection = stack.enter_context(server.accept()[0])
        caller = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        caller.bind(("127.0.0.2", 0))
        caller.connect(server.getsockname())
        for end, protocol in ((client, 6), (connection, 6), (caller, 17)):
            expected = (protocol, *end.getsockname(), *end.getpeername())
            got = describe(end)
            assert got == expected, f"expected {expected}, you returned {got!r}"
