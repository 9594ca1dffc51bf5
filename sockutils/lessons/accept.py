"""04_accept.ipynb: what stands around its calls, its exercises' checks, and its panel's picture."""

import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import Any

from sockutils.calls.call import Calls
from sockutils.calls.trace import trace
from sockutils.errors.shown import name_of
from sockutils.figures.picture import CLIENT, FAINT, OTHER, SERVER, SIZE, Picture, canvas
from sockutils.lessons.own.accept import step as step
from sockutils.peers.ends import dangling, link, reset, unread
from sockutils.peers.peer import background
from sockutils.peers.waits import wait_for_threads, wait_until
from sockutils.practice.exercise import exercise
from sockutils.tables.descriptors import held, left_to_python, no_descriptor_left
from sockutils.tables.diag import Table, sockets

__all__ = ["no_descriptor_left", "wait_for_threads"]  # for the notebook
ANY = ("127.0.0.1", 0)


@exercise("accept", hint="The table of sockets tells how many wait; or do not let accept() block.")
def take_all(take: Callable[[socket.socket], list[socket.socket]]) -> None:
    _take(take, 3)
    _take(take, 5)
    # On a busy machine one call may be late; one that waits for somebody is late each time.
    quickest = min(_take(take, 0) for _ in range(3))
    assert quickest < 0.2, f"nobody waited, and it took {quickest:.1f} s"


def _take(take: Callable[[socket.socket], list[socket.socket]], number: int) -> float:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(ANY))
        address = listener.getsockname()
        clients = [stack.enter_context(socket.create_connection(address)) for _ in range(number)]
        wait_until(lambda: in_queue(address[1]) >= number)
        start = time.monotonic()
        taken = take(listener)
        seconds = time.monotonic() - start
        assert listener.fileno() != -1, "you closed the listener"
        assert isinstance(taken, list), f"it returned {taken!r}, not a list"
        for connection in taken:
            pair = isinstance(connection, tuple) and len(connection) == 2
            why = ": accept() returns a pair, a socket and an address" if pair else ""
            assert isinstance(connection, socket.socket), f"the list holds {connection!r}{why}"
            stack.enter_context(connection)
            assert connection.fileno() != -1, "a socket in the list is closed: return it open"
        assert len(taken) == number, f"{number} clients waited, you took {len(taken)}"
        served = {peer_of(connection) for connection in taken}
        assert served == {client.getsockname() for client in clients}, (
            "a client has no socket: the list is to hold what accept() returned, each once"
        )
        assert os.get_blocking(listener.fileno()), (
            "afterwards the listener does not block any more: setblocking(True)"
        )
        for connection in taken:
            assert os.get_blocking(connection.fileno()), "a socket you returned does not block"
    return seconds


READ = "its bytes came before its reset, so recv() gave you those, also with MSG_PEEK"
DEAD = {
    READ: "a call that reads nothing tells as well: ask where the other end is",
    "has reset": "accept() did not fail, and will not: ask the new socket for its other end",
    "you closed": "who is not returned is closed: each of the dead, by your own close()",
    "first byte": "it is for whoever gets the socket: ask in a way that reads nothing",
    "": "one accept(), one look at the new socket: return it, or close it and go on",
}


@exercise("accept", hint=DEAD)
def living(accept_living: Callable[[socket.socket], socket.socket]) -> None:
    for dead in (2, 0, 1):
        with ExitStack() as stack:
            _find_the_living(accept_living, dead, stack)


def _find_the_living(
    accept_living: Callable[[socket.socket], socket.socket], dead: int, stack: ExitStack
) -> None:
    listener = stack.enter_context(socket.create_server(ANY))
    address = listener.getsockname()
    for _ in range(dead):
        client = socket.create_connection(address)
        client.sendall(b"early")
        reset(client)
    after_the_end(address[1])
    client = stack.enter_context(socket.create_connection(address))
    client.sendall(b"!")  # so that "there is something to read" does not tell the dead
    last = stack.enter_context(socket.create_connection(address))
    wait_until(lambda: in_queue(address[1]) >= dead + 2)

    copy = stack.enter_context(listener.dup())  # trace() notes only what is made in its block
    before = held()
    with left_to_python() as collected, trace() as calls:
        found = accept_living(copy)
    assert isinstance(found, socket.socket), f"it returned {found!r}, not a socket"
    stack.enter_context(found)
    assert copy.fileno() != -1, "you closed the listener"
    assert found.fileno() != -1, "you returned a socket that is closed already"
    # A socket made from C's descriptor is not in the trace; then the other two have to agree.
    ends = [lane for name, lane in calls.lanes().items() if name.startswith("server")]
    peer = peer_of(found)
    read = any(call.name.startswith("recv") for lane in ends for call in lane)
    why = READ if read else "accept() hands it out like any other"
    assert peer, f"you returned a connection that its client has reset: {why}"
    assert peer != last.getsockname(), "you passed over a living client"
    assert peer == client.getsockname(), "you returned another socket than the client's"
    assert in_queue(address[1]) == 1, (
        "a client that came later does not wait any more: stop at the first that lives"
    )
    closed = sum(any(call.name == "close" for call in lane) for lane in ends)
    left = collected or held() - before - {link(found)}
    assert closed >= dead or not left, f"{dead} connections were dead, you closed {closed}"
    assert os.get_blocking(listener.fileno()), "afterwards the listener does not block any more"
    assert os.get_blocking(found.fileno()), "the socket you returned does not block"
    assert wait_until(lambda: unread(found), 1), "the living client's first byte is gone"


STOP = {
    "Bad file descriptor": "close() takes the descriptor away: what needs it comes before",
    "SHUT_WR": "which direction is a new client's? Or both: SHUT_RDWR",
    "served": "each of them is in a loop: as long as the listener lives, it comes back",
    "closing the descriptor": "what ends the socket itself, whoever is in a call on it?",
    "still open": "shutdown() ends the socket and leaves the descriptor",
    "": "one call ends the socket, whoever is in a call on it; another gives the descriptor back",
}


@exercise("accept", hint=STOP)
def stop_all(stop: Callable[[socket.socket], object]) -> None:
    for threads in (3, 1, 5):
        with ExitStack() as stack:
            _stop(stop, threads, stack)


def _stop(stop: Callable[[socket.socket], object], threads: int, stack: ExitStack) -> None:
    traced = stack.enter_context(ExitStack())
    calls = traced.enter_context(trace())  # which tells at its end
    listener = stack.enter_context(socket.create_server(ANY))
    address = listener.getsockname()
    inode, name = os.fstat(listener.fileno()).st_ino, link(listener)
    served: list[object] = []
    peers = [stack.enter_context(background(serve, listener, served)) for _ in range(threads)]
    try:
        wait_for_threads(listener, threads)
        stop(listener)
        traced.close()
        wait_until(lambda: all(peer.result for peer in peers), 1)
        woken = sum(bool(peer.result) for peer in peers)
        closed = f"socket:[{inode}]" not in held()
        assert woken == threads, (
            f"of {threads} threads that waited in accept(), {woken} ended"
            f"{asleep(calls, len(served), closed and not woken)}"
        )
        assert closed, "the listener is still open: close it, too"
        assert not dangling(listener, name), "you closed its number; the object still has it"
        with socket.socket() as late:
            assert late.connect_ex(address), "a client can still connect"
    finally:
        end_all(listener, inode, threads)


def asleep(calls: Calls, served: int, closed: bool) -> str:
    """Why threads still wait in accept(), if what was done tells."""
    if served:
        return f": {served} clients were served, and who serves one goes back to accept()"
    ways = [call.arguments for call in calls if call.name == "shutdown"]
    if ways and all(way == (socket.SHUT_WR,) for way in ways):
        return ": SHUT_WR ends sending, and a listener sends nothing"
    return ": closing the descriptor wakes nobody" if closed else ""


def end_all(listener: socket.socket, inode: int, threads: int) -> None:
    """End what still waits in accept(): once the listener is closed, each client ends one thread.

    A listener that was shut down and listens again may have got another port.
    """
    with suppress(OSError):  # its descriptor may be closed, behind Python's back
        listener.close()
    for row in sockets():
        if row.inode == inode and isinstance(row.local, tuple):
            with suppress(OSError):
                for _ in range(threads):
                    socket.create_connection(row.local).close()


def serve(listener: socket.socket, served: list[object]) -> str:
    while True:
        try:
            connection, address = listener.accept()
        except OSError:
            return "ended"
        connection.close()
        served.append(address)


def outcome(call: Callable[..., Any], *arguments: object) -> Any:
    """Return what the call returned, or the name of its error."""
    try:
        return call(*arguments)
    except OSError as error:
        return name_of(error)


def knock(port: int) -> str:
    """Be a client of that port: "served" when the server has closed, or an error's name.

    TimeoutError: connected, and for a second nothing came.
    """
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as client:
            client.recv(100)
            return "served"
    except OSError as error:
        return name_of(error)


def a_while() -> Iterator[int]:
    """Count the rounds of a loop that might not end, until it is plain that it does not."""
    yield from range(1, 1001)


def peer_of(connection: socket.socket) -> object:
    """Return the address at the other end, or None if there is none."""
    try:
        return connection.getpeername()
    except OSError:
        return None


def in_queue(port: int) -> int:
    """Return how many clients wait in the accept queue of the listener on that port.

    A client may be through with its handshake before the server is: that is waited for.
    """
    waiting = next((row.accept_queue for row in _settled(port, {"SYN-RECV"})), None)
    assert waiting is not None, "nobody listens on that port"
    return waiting


def after_the_end(port: int) -> Table:
    """Return the table as it is when the ends of all clients, or their resets, have arrived."""
    return _settled(port, {"ESTAB", "SYN-RECV"})


def _settled(port: int, passing: set[str]) -> Table:
    # Up to Linux 6.4 a packet on loopback may still be on its way when the call that sent it
    # returns, if this processor is busy (softirqs wait for ksoftirqd).
    wait_until(lambda: not passing & {row.state for row in sockets(port=port)}, 1)
    return sockets(port=port)


LARGEST = 13  # places, with the panel's largest backlog


def draw_load(waiting: Sequence[int], outside: Sequence[int], backlog: int) -> Picture:
    """Draw the accept queue after each step, and how many stayed outside in it."""
    steps = range(1, len(waiting) + 1)
    places = backlog + 1
    top = max(LARGEST, places, *waiting) + 0.5  # one axis for every position of the panel
    figure, axes = canvas(height=4.6)
    axes.bar(steps, waiting, color=SERVER, width=0.7)
    axes.axhline(places, color=OTHER, linestyle="--", linewidth=2)
    row = top * 1.22
    for place, length, lost in zip(steps, waiting, outside, strict=True):
        fits = length > 0.3 * top  # into the bar: above it, it might hide the line
        away = (0, -7 if fits else 3)
        number = axes.annotate(f"{length}", (place, length), away, textcoords="offset points")
        number.set(va="top" if fits else "bottom", color="white" if fits else SERVER)
        number.set(size=SIZE, ha="center")
        if not fits:
            number.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})
        axes.plot(place, row, "o", color=CLIENT if lost else FAINT, markersize=28)
        ink = "white" if lost else "black"
        axes.text(place, row, f"{lost}", size=SIZE, ha="center", va="center", color=ink)
    axes.text(0.1, row, "outside", color=CLIENT, size=SIZE, va="center", ha="right")
    axes.text(len(waiting) + 0.6, places, "full", color=OTHER, size=SIZE, va="center")
    axes.set(xlim=(0.4, len(waiting) + 0.5), ylim=(0, top * 1.4), xlabel="step", xticks=list(steps))
    axes.set_yticks(range(0, int(top) + 1, 3))
    axes.set_ylabel("in the queue", color=SERVER)
    axes.spines["left"].set_bounds(0, int(top))
    return Picture(figure, _load_text(waiting, outside, places))


def _load_text(waiting: Sequence[int], outside: Sequence[int], places: int) -> str:
    rows = {
        "step": range(1, len(waiting) + 1),
        "in the queue": waiting,
        "left outside": outside,
    }
    lines = [f"{name:<13}" + "".join(f"{value:>4}" for value in rows[name]) for name in rows]
    return "\n".join([*lines, f"the queue is full at {places}"])
