"""03_listen.ipynb: what its exercises ask of the learner's functions, and its panel's picture."""

import select
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from errno import EADDRINUSE, errorcode

from sockutils.calls.call import Call, Calls
from sockutils.calls.trace import trace
from sockutils.figures.picture import CLIENT, SERVER, SIZE, Picture, canvas
from sockutils.lessons.own.listen import step as step
from sockutils.peers.peer import background
from sockutils.practice.exercise import exercise
from sockutils.practice.silent import full, make_room
from sockutils.tables.diag import sockets

Address = tuple[str, int]
ANY = ("127.0.0.1", 0)
ROOMS = (("127.0.0.1", 2), ("127.0.0.1", 3), ("127.0.0.1", 1), ("127.0.0.2", 6))
GIVEN = "127.0.0.3"  # here the room gets a port of the check's choice


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


@exercise(
    "listen",
    hint={
        "still busy": "no accept() here: the clients wait in the queue, and are counted there",
        "at least": "give listen() a number, one that fits: without one Python takes 128",
        "got in": "count again how many clients a backlog of 1 let in, and one of 0",
        "not a socket": "return the socket that listens",
        "closed already": "no `with` here: who gets the socket will close it",
        "does not listen": "listen(), after bind(), or create_server(), which does both",
        "asked for port": "bind() to both parts of the address, its port, too",
    },
)
def waiting_room(open_room: Callable[[Address, int], socket.socket]) -> None:
    ports: set[int] = set()
    with ExitStack() as stack:
        for host, places in ROOMS:
            try:
                listener = open_room((host, 0), places)
            except OSError as error:
                if not ports or error.errno != EADDRINUSE:
                    raise
                raise AssertionError(
                    f"a second room fails while the first is open ({error}): use the address that "
                    "you are given, its port 0 lets the kernel choose"
                ) from error
            assert isinstance(listener, socket.socket), f"it returned {listener!r}, not a socket"
            stack.enter_context(listener)
            assert listener.fileno() != -1, "it returned a socket that is closed already"
            accepting = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            assert accepting, "the socket does not listen"
            where = listener.getsockname()
            assert where[0] == host, (
                f"asked to listen on {host}, it listens on {where}: use the address you are given"
            )
            assert where[1] not in ports, f"two rooms have port {where[1]}: let the kernel choose"
            ports.add(where[1])
            held = let_in(where, places + 3)
            more = "at least " if held == places + 3 else ""
            wanted = f"{places} place{'s' * (places > 1)}"
            assert held == places, f"asked for {wanted}, {more}{held} clients got in"
        port = unused_port(GIVEN)
        with open_room((GIVEN, port), 1) as listener:
            found = listener.getsockname()[1]
        assert found == port, (
            f"asked for port {port}, it listens on port {found}: use the address you are given"
        )


def unused_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


@exercise("listen", hint="sockets(port=…) shows the queue of every listener on that port.")
def head_count(count_waiting: Callable[[socket.socket], int]) -> None:
    with ExitStack() as stack:
        listener, other = (
            stack.enter_context(socket.create_server(ANY, backlog=5)) for _ in range(2)
        )
        for number in range(5):
            count(count_waiting, listener, number, f"{number} clients wait")
            stack.enter_context(socket.create_connection(listener.getsockname()))
            select.select([listener], [], [], 1)
        for number in (4, 3):
            stack.enter_context(listener.accept()[0])
            count(count_waiting, listener, number, f"{5 - number} of 5 accepted, {number} wait")
        count(count_waiting, other, 0, "nobody called this other listener")


def count(
    count_waiting: Callable[[socket.socket], int], listener: socket.socket, number: int, what: str
) -> None:
    counted = count_waiting(listener)
    assert listener.fileno() != -1, "you closed the listener"
    rows = sockets(port=listener.getsockname()[1])
    (left,) = (row.accept_queue for row in rows if row.state == "LISTEN")
    assert left == number, f"{what}, and afterwards {left}: count without accepting anybody"
    assert counted == number, f"{what}, you counted {counted}"


@exercise(
    "listen",
    seconds=6,
    hint={
        "still busy": "settimeout() before connect(): it limits connect(), too",
        "did not close": "close() it before you return None",
        "TimeoutError": "catch it, close the socket, and return None",
        "ConnectionRefused": "None for this, too; it and TimeoutError are both an OSError",
        "BlockingIOError": "setblocking(False) lets connect() wait for nothing: "
        "settimeout(seconds) lets it wait so long",
        "at once": "a refusal is an answer: return None then, and do not call again",
        "did not call": "connect() to the address, and wait for at most so long",
        "gave up": "settimeout(seconds), and connect() waits so long",
        "you waited": "settimeout(seconds), and connect() waits no longer",
        "is full, yet": "connect() raises TimeoutError if it was in vain; connect_ex() does "
        "not, and SO_ERROR is 0 as long as it is not over",
        "nobody listens": "writable: connect() is over. SO_ERROR is 0 if it has worked",
        "closed already": "close it only if connect() was in vain",
        "not connected": "settimeout(seconds), and connect() waits until it is",
    },
)
def patience(call: Callable[[Address, float], socket.socket | None]) -> None:
    with full() as listener:
        address = listener.getsockname()
        took = in_vain(call, address)
        if 0.9 < took < 2:  # was it the machine, busy with much else? Once more
            took = in_vain(call, address)
        assert took < 0.9, f"asked for at most 0.3 s, you waited for {took:.1f} s"

        with background(make_room, listener):
            caller = call(address, 3.0)
        assert caller is not None, "a place became free after a second, you had 3 s and gave up"
        assert isinstance(caller, socket.socket), f"it returned {caller!r}, not a socket"
        with caller:
            assert caller.fileno() != -1, "you returned a socket that is closed already"
            peer = None
            with suppress(OSError):
                peer = caller.getpeername()
            assert peer, "you returned a socket that is not connected: wait until it is"
            assert peer == address, f"your socket is connected to {peer}"

    with socket.socket() as unheard:
        unheard.bind(ANY)
        with trace() as calls:
            caller = call(unheard.getsockname(), 3.0)
    assert caller is None, f"nobody listens there, it is refused, yet you returned {caller!r}"
    assert not calls.unclosed(), "refused, you did not close your socket"
    made = connects(calls)
    refused = sum("ECONNREFUSED" in (each.error, errorcode.get(each.result)) for each in made)
    times = max(refused, len({each.lane for each in made}))
    assert times <= 1, f"it is refused at once, yet you called {times} times"


def in_vain(call: Callable[[Address, float], socket.socket | None], address: Address) -> float:
    """How long it takes at a full queue, with a limit of 0.3 seconds."""
    start = time.monotonic()
    with trace() as calls:
        caller = call(address, 0.3)
    took = time.monotonic() - start
    assert caller is None, f"the queue is full, yet you returned {caller!r}"
    assert connects(calls), "you did not call connect()"
    assert took > 0.29, f"asked to wait 0.3 s, you gave up after {took:.2f} s"
    assert not calls.unclosed(), (
        "you did not close your socket: it knocks on, until it is collected as garbage"
    )
    return took


def connects(calls: Calls) -> list[Call]:
    return [call for call in calls if call.name.startswith("connect")]


def draw_queue(inside: int, clients: int) -> Picture:
    """Draw clients that knock in turn: squares are in the accept queue, the circle is outside.

    Who comes after the first one outside has not tried, and is not drawn.
    """
    outside = min(clients - inside, 1)
    rest = clients - inside - outside
    said = f"{outside} outside" + f", {rest} did not try" * (rest > 0)
    figure, axes = canvas(height=2)
    for place in range(inside + outside):
        marker, colour = ("s", SERVER) if place < inside else ("o", CLIENT)
        axes.plot(place, 0, marker=marker, color=colour, markersize=38)
        axes.text(place, 0, str(place + 1), ha="center", va="center", color="white", size=SIZE)
    axes.set(xlim=(-0.7, 9.7), ylim=(-0.6, 1.4))
    axes.text(-0.4, 1, f"{inside} in the accept queue", color=SERVER, size=SIZE, weight="bold")
    axes.text(9.4, 1, said, color=CLIENT, size=SIZE, weight="bold", ha="right")
    axes.axis("off")
    return Picture(figure, f"{inside} in the accept queue, {said}")
