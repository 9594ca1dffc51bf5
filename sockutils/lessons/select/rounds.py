"""A loop around select(), round by round: who was asked, who was ready, and with what."""

import array
import fcntl
import select
import socket
import termios
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from sockutils.figures.columns import aligned
from sockutils.figures.picture import Picture
from sockutils.figures.svg import WIDE, Drawing, width

LISTENER = "listener"
HINT = "Point at a socket of a round for what it says (keys: Tab, ↑, ↓)."
NOTHING, FULL, ROOM = "-", "full", "room"  # asked to read or to write, and not ready; writable
# pixels
LEFT, TOP = 150, 44
PITCH, HIGH = 66, 44  # from lane to lane, and a box
# of a round's second: it waits, then those who are ready have their turns
WAIT, TURN = 0.5, 0.4


class Rounds(list[dict[str, str]]):
    """The rounds of a loop: what each socket was found to be, by its name. Equal ones in a row, of
    which nobody knows how many come, are one."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        self._known: dict[int, tuple[str, socket.socket]] = {}  # holds each: no id comes twice

    def name(self, one: socket.socket) -> str:
        if id(one) not in self._known:
            listens = one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            number = sum(name != LISTENER for name, _ in self._known.values())
            self._known[id(one)] = (LISTENER if listens else self.names[number], one)
        return self._known[id(one)][0]

    def forget(self) -> None:
        """Hold no socket any longer."""
        self._known.clear()

    def note(self, asked: Sequence[Any], ready: Sequence[Any]) -> None:
        found = {self.name(one): state(one) if one in ready[0] else NOTHING for one in asked[0]}
        found |= {self.name(one): ROOM if one in ready[1] else FULL for one in asked[1]}
        if not self or self[-1] != found:
            self.append(found)

    def __repr__(self) -> str:
        lanes = [LISTENER, *self.names]
        rows = [
            [str(number), *(found.get(lane, "") for lane in lanes)]
            for number, found in enumerate(self, 1)
        ]
        return aligned([["round", *lanes], *rows])

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        return Picture(_drawn(self), repr(self))._repr_mimebundle_()


def state(one: socket.socket) -> str:
    """Why it is readable; looking takes nothing away, no error either."""
    poll = select.poll()
    poll.register(one, select.POLLIN)
    if poll.poll(0)[0][1] & select.POLLERR:
        return "reset"
    if one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return "a client"
    number = array.array("i", [0])
    fcntl.ioctl(one, termios.FIONREAD, number)
    return one.recv(number[0], socket.MSG_PEEK).decode() if number[0] else "the end"


@contextmanager
def rounds(*names: str) -> Iterator[Rounds]:
    """Note each select() of this thread in the block; the names are the clients', by accept()."""
    noted, usual, here = Rounds(names), select.select, threading.get_ident()

    def noting(*arguments: Any) -> Any:
        ready = usual(*arguments)
        if threading.get_ident() == here and (arguments[0] or arguments[1]):  # no mere wait
            noted.note(arguments, ready)
        return ready

    select.select = noting
    try:
        yield noted
    finally:
        select.select = usual
        noted.forget()


@contextmanager
def callers(*names: str) -> Iterator[tuple[Any, ...]]:
    """Rounds, a listener, and clients of these names that have called it, for the block."""
    with ExitStack() as stack, rounds(*names) as noted:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        where = server.getsockname()
        made = [stack.enter_context(socket.create_connection(where)) for _ in names]
        yield noted, server, *made


def _drawn(noted: Rounds) -> str:
    lanes = [LISTENER, *noted.names]
    pitch = (WIDE - LEFT) / max(len(noted), 1)
    drawing = Drawing(HINT)
    for row, lane in enumerate(lanes):
        y = TOP + PITCH * row + PITCH / 2
        drawing.badge(LEFT / 2, y, lane, "client" if row else "server")
        drawing.line([(LEFT, y), (WIDE, y)], "faint", 1)
    for number, found in enumerate(noted):
        x = LEFT + pitch * number + pitch / 2
        with drawing.at(number):
            drawing.text(x, TOP / 2, str(number + 1))
        turn = number + WAIT
        for row, lane in enumerate(lanes):
            if lane in found:
                place = (x, TOP + PITCH * row + PITCH / 2)
                turn = _box(drawing, place, pitch - 12, number, turn, lane, found[lane])
    return drawing.svg(WIDE, TOP + PITCH * len(lanes) + 8)


def _box(
    drawing: Drawing,
    middle: tuple[float, float],
    wide: float,
    number: int,
    turn: float,
    lane: str,
    found: str,
) -> float:
    """A frame for who is asked, filled at its turn if it is ready; return when the next one is."""
    x, y = middle
    corner, size = (x - wide / 2, y - HIGH / 2), (wide, HIGH)
    waits = found in (NOTHING, FULL)
    writes = found in (FULL, ROOM)
    colour = "kernel" if writes else "server" if lane == LISTENER else "client"
    what = "asked whether it is writable" if writes else "asked whether it is readable"
    said = "it is not" if waits else found if writes else f"it is: {found}"
    title = f"round {number + 1}: {lane}, {what}; {'it is: room' if found == ROOM else said}"
    with drawing.at(number, number if waits else None, title):
        drawing.box(corner, size, "ground", colour, 2.75, 8)
        if waits:
            drawing.text(x, y, "full" if writes else "", colour)
    if waits:
        return turn
    with drawing.at(turn, turn + TURN):
        drawing.box(corner, size, colour, round=8, grows=True)
    with drawing.at(turn + TURN / 2):
        drawing.text(x, y, found if width(found, bold=True) < wide else found[:6], "on", "mb")
    return turn + TURN
