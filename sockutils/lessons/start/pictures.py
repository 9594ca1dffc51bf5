"""The map of the calls, and the picture of the panel in depth."""

import socket
from typing import NamedTuple

from sockutils.figures.columns import aligned
from sockutils.figures.picture import (
    CLIENT,
    FAINT,
    OTHER,
    SERVER,
    SIZE,
    Picture,
    badge,
    canvas,
    label,
    sheet,
)
from sockutils.peers.waits import wait_until
from sockutils.tables.diag import sockets
from sockutils.tables.rows import Row

PASSING = {"FIN-WAIT-1", "CLOSING", "LAST-ACK"}  # states that end with the next packet

TOP, PITCH = 1.5, 0.5  # inches, as the next two
CALLS = {"client": 0.85, "server": 9.15}
LANES = {"client": 2.75, "connection": 4.95, "listener": 7.15}
HEADS = {"client": "the client's", "connection": "the accepted", "listener": "the listening"}


class Step(NamedTuple):
    """A call, and what the kernel says of the three sockets after it."""

    who: str
    call: str
    client: str = ""
    connection: str = ""
    listener: str = ""


class Life(list[Step]):
    """The calls of one client and one server on a port, noted as they are made."""

    def __init__(self, port: int) -> None:
        self.port, self.client = port, 0

    def note(self, who: str, call: str, end: socket.socket) -> None:
        """Note a call that has been made on this socket, and how it left the kernel's table."""
        if who == "client" and end.fileno() != -1:
            self.client = end.getsockname()[1]
        found = told(self.port, self.client)
        if self and self[-1].connection:
            found.setdefault("connection", "gone")
        if end.fileno() != -1:
            found.setdefault("listener" if who == "server" else who, unlisted(end))
        self.append(Step(who, call, **found))


def told(port: int, client: int) -> dict[str, str]:
    """What the kernel's table says of the sockets, once no packet is about to change it."""
    wait_until(lambda: not PASSING & {row.state for row in present(port, client)})
    rows = present(port, client)
    kept = [row for row in rows if row.inode or row.state == "ESTAB" or row.local[-1] != port]
    return {lane(row, port): words(row) for row in kept}


def present(port: int, client: int) -> list[Row]:
    """The rows of this run, without what an earlier one has left in TIME-WAIT."""
    return [
        row
        for row in sockets(port=port)
        if row.state == "LISTEN" or client in (row.local[-1], row.remote[-1])
    ]


def lane(row: Row, port: int) -> str:
    if row.state == "LISTEN":
        return "listener"
    return "client" if row.remote[-1] == port else "connection"


def words(row: Row) -> str:
    if row.accept_queue is not None:
        return f"LISTEN, queue {row.accept_queue}"
    if row.state == "ESTAB" and not row.inode:  # no program has it
        return "ESTAB, queued"
    return f"ESTAB, {row.receive_queue} unread" if row.receive_queue > 1 else row.state


def unlisted(end: socket.socket) -> str:
    host, port = end.getsockname()
    return f"{host}:{port}" if port else "no address"


def draw_map(steps: Life) -> Picture:
    """Draw the calls from top to bottom, client left, server right; between them the kernel."""
    figure, axes = sheet(TOP + PITCH * len(steps))
    for name, x in LANES.items():
        label(axes, x, 0.6, f"{HEADS[name]}\nsocket", colour_of(name))
        said = [getattr(taken, name) for taken in steps]
        there = [place for place, each in enumerate(said) if each]
        span = [TOP + PITCH * place for place in (there[0], there[-1])]
        axes.plot([x, x], span, color=FAINT, linewidth=2.5)
        for place in there:
            if said[place] != said[place - 1]:
                label(axes, x, TOP + PITCH * place, said[place])
    for who, x in CALLS.items():
        label(axes, x, 0.6, f"the {who}\ncalls", colour_of(who))
    for place, taken in enumerate(steps):
        badge(axes, CALLS[taken.who], TOP + PITCH * place, taken.call, colour_of(taken.who))
    table = [("", "", *(f"{head} socket" for head in HEADS.values())), *steps]
    return Picture(figure, aligned(table))


def colour_of(who: str) -> str:
    return CLIENT if who == "client" else SERVER


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
