"""03_listen.ipynb: what its exercises ask of the learner's functions, and its panel's picture."""

import select
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

from sockutils.peers import background
from sockutils.practice import exercise
from sockutils.diagram import CLIENT, SERVER, SIZE, Picture, canvas
from sockutils.tables import sockets
from sockutils.trace import trace

Address = tuple[str, int]
ANY = ("127.0.0.1", 0)


def let_in(address: Address, number: int) -> int:
    """Let `number` clients knock at once; count those that the kernel lets in."""
    with ExitStack() as stack:
        outside = [stack.enter_context(socket.socket()) for _ in range(number)]
        for caller in outside:
            caller.setblocking(False)
            caller.connect_ex(address)
        inside = outside
        while outside and inside:
            _, inside, _ = select.select([], outside, [], 0.3)
            outside = [caller for caller in outside if caller not in inside]
        return number - len(outside)


@exercise("listen", hint="Count again how many clients a backlog of 1 let in.")
def waiting_room(open_room: Callable[[Address, int], socket.socket]) -> None:
    for places in (2, 3, 6):
        listener = open_room(ANY, places)
        assert isinstance(listener, socket.socket), f"it returned {listener!r}, not a socket"
        with listener:
            accepting = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            assert accepting, "the socket does not listen"
            held = let_in(listener.getsockname(), places + 3)
            assert held == places, f"asked for {places} places, {held} clients got in"


@exercise("listen", hint="sockets(port=…) shows the queue of every listener on that port.")
def head_count(count_waiting: Callable[[socket.socket], int]) -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(ANY, backlog=5))
        for number in range(4):
            counted = count_waiting(listener)
            assert counted == number, f"{number} clients wait, you counted {counted}"
            caller = stack.enter_context(socket.socket())
            caller.connect(listener.getsockname())
        left = sockets(port=listener.getsockname()[1])[0].accept_queue
        assert left == 4, "somebody was accepted; count without letting anybody in"


@exercise("listen", hint="settimeout() before connect(), and close the socket if it was in vain.")
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
        assert time.monotonic() - start < 2, "you waited for much longer than asked"
        for lane in calls.lanes().values():
            assert lane[-1].name == "close", "you did not close your socket: it would knock on"

        with background(accept_one, listener):
            caller = call(address, 4.0)
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
    axes.set(xlim=(-0.7, 9.7), ylim=(-0.8, 1.4))
    axes.text(-0.4, 1, f"{inside} in the accept queue", color=SERVER, size=SIZE, weight="bold")
    axes.text(
        9.4, 1, f"{outside} still knocking", color=CLIENT, size=SIZE, weight="bold", ha="right"
    )
    axes.axis("off")
    return Picture(figure, f"{inside} in the accept queue, {outside} still knocking")
