"""03_listen.ipynb: what its exercises ask of the learner's functions, and its panel's picture."""

import select
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

from sockutils.calls.trace import trace
from sockutils.figures.picture import CLIENT, SERVER, SIZE, Picture, canvas
from sockutils.peers.peer import background
from sockutils.practice.exercise import exercise
from sockutils.tables.diag import sockets

Address = tuple[str, int]
ANY = ("127.0.0.1", 0)


def let_in(address: Address, number: int) -> int:
    """Let up to `number` clients knock, one after another; count those that the kernel lets in."""
    with ExitStack() as stack:
        for count in range(number):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(address)
            _, connected, _ = select.select([], [client], [], 0.3)
            if not connected:
                return count
        return number


@exercise("listen", hint="Count again how many clients a backlog of 1 let in.")
def waiting_room(open_room: Callable[[Address, int], socket.socket]) -> None:
    for places in (2, 3, 6):
        listener = open_room(ANY, places)
        assert isinstance(listener, socket.socket), f"it returned {listener!r}, not a socket"
        with listener:
            accepting = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            assert accepting, "the socket does not listen"
            where = listener.getsockname()
            assert where[:1] == ANY[:1], f"asked to listen on 127.0.0.1, it listens on {where}"
            held = let_in(where, places + 3)
            assert held == places, f"asked for {places} places, {held} clients got in"


@exercise("listen", hint="sockets(port=…) shows the queue of every listener on that port.")
def head_count(count_waiting: Callable[[socket.socket], int]) -> None:
    with ExitStack() as stack:
        listener, other = (
            stack.enter_context(socket.create_server(ANY, backlog=5)) for _ in range(2)
        )
        for number in range(4):
            counted = count_waiting(listener)
            assert counted == number, f"{number} clients wait, you counted {counted}"
            stack.enter_context(socket.create_connection(listener.getsockname()))
            select.select([listener], [], [], 1)
        left = sockets(port=listener.getsockname()[1])[0].accept_queue
        assert left == 4, "somebody was accepted; count without accepting"
        stack.enter_context(listener.accept()[0])
        counted = count_waiting(listener)
        assert counted == 3, f"one of 4 was accepted, 3 wait, you counted {counted}"
        counted = count_waiting(other)
        assert counted == 0, f"nobody called this other listener, you counted {counted}"


@exercise(
    "listen",
    seconds=10,
    hint="settimeout() before connect(), and close the socket if it was in vain.",
)
def patience(call: Callable[[Address, float], socket.socket | None]) -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(ANY, backlog=1))
        address = listener.getsockname()
        for _ in range(2):  # now the queue is full
            stack.enter_context(socket.create_connection(address))

        start = time.monotonic()
        with trace() as calls:
            caller = call(address, 0.3)
        assert caller is None, f"the queue is full, yet you returned {caller!r}"
        assert time.monotonic() - start < 0.9, "you waited for much longer than asked"
        for lane in calls.lanes().values():
            assert lane[-1].name == "close", "you did not close your socket: it would knock on"

        with background(accept_one, listener):
            caller = call(address, 3.0)
        assert caller is not None, "a place became free, but you did not get it"
        with caller:
            assert caller.getpeername() == address, "you returned a socket that is not connected"


def accept_one(listener: socket.socket) -> None:
    listener.accept()[0].close()


def draw_queue(inside: int, outside: int) -> Picture:
    """Draw a listener's clients: squares have a place in the accept queue, circles knock."""
    figure, axes = canvas(height=2)
    for place in range(inside + outside):
        marker, colour = ("s", SERVER) if place < inside else ("o", CLIENT)
        axes.plot(place, 0, marker=marker, color=colour, markersize=38)
        axes.text(place, 0, str(place + 1), ha="center", va="center", color="white", size=SIZE)
    axes.set(xlim=(-0.7, 9.7), ylim=(-0.6, 1.4))
    axes.text(-0.4, 1, f"{inside} in the accept queue", color=SERVER, size=SIZE, weight="bold")
    axes.text(
        9.4, 1, f"{outside} still knocking", color=CLIENT, size=SIZE, weight="bold", ha="right"
    )
    axes.axis("off")
    return Picture(figure, f"{inside} in the accept queue, {outside} still knocking")
