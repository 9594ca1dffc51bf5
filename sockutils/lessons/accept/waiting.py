"""The exercises `take_all` and `living`: who of those in the queue is to be taken."""

import os
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

from sockutils.calls.trace import trace
from sockutils.lessons.accept.around import in_queue
from sockutils.peers.ends import link, reset, unread
from sockutils.peers.waits import wait_until
from sockutils.practice.exercise import exercise
from sockutils.tables.descriptors import held, left_to_python
from sockutils.tables.diag import sockets

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
ENDED = "it has ended its sending, and its words are still to be read"
DEAD = {
    READ: "a call that reads nothing tells as well: ask where the other end is",
    " such": "several may come one after the other: look at each before you return it",
    "like any other": "accept() did not fail, and will not: ask the new socket for its other end",
    "Broken pipe": "whose sending had ended before the reset leaves EPIPE: catch OSError",
    ENDED: "that is an end (`FIN`), for whoever reads: ask for what only a reset takes away",
    "does not block": "what you set on a socket, take back: settimeout(None)",
    "you closed": "who is not returned is closed: each of the dead, by your own close()",
    "first byte": "it is for whoever gets the socket: ask in a way that reads nothing",
    "": "one accept(), one look at the new socket: return it, or close it and go on",
}


@exercise("accept", hint=DEAD)
def living(accept_living: Callable[[socket.socket], socket.socket]) -> None:
    for dead, ended in ((2, False), (0, False), (1, True)):
        with ExitStack() as stack:
            _find_the_living(accept_living, dead, ended, stack)


def _find_the_living(
    accept_living: Callable[[socket.socket], socket.socket],
    dead: int,
    ended: bool,
    stack: ExitStack,
) -> None:
    listener = stack.enter_context(socket.create_server(ANY))
    address = listener.getsockname()
    _leave_early(address, dead)
    client = stack.enter_context(_one_who_lives(address, ended))
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
    closed = sum(any(call.name == "close" for call in lane) for lane in ends)
    some = f"you closed {closed} of {dead} such" if closed else ""
    why = READ if read else some or "accept() hands it out like any other"
    assert peer, f"you returned a connection that its client has reset: {why}"
    passed = "you passed over a living client"
    if ended:
        passed += f": {ENDED}"
    elif read:
        passed += ": the bytes that you read were its own"
    assert peer != last.getsockname(), passed
    assert peer == client.getsockname(), "you returned another socket than the client's"
    assert in_queue(address[1]) == 1, (
        "a client that came later does not wait any more: stop at the first that lives"
    )
    assert wait_until(lambda: unread(found), 1), "the living client's first byte is gone"
    left = collected or held() - before - {link(found)}
    assert closed >= dead or not left, f"{dead} connections were dead, you closed {closed}"
    assert os.get_blocking(listener.fileno()), "afterwards the listener does not block any more"
    assert os.get_blocking(found.fileno()), "the socket you returned does not block"


def _leave_early(address: tuple[str, int], number: int) -> None:
    """So many clients come and reset; those after the first have ended their sending before."""
    for each in range(number):
        client = socket.create_connection(address)
        client.sendall(b"early")
        if each:  # EPIPE is pending then, not ECONNRESET
            client.shutdown(socket.SHUT_WR)
        reset(client)
    wait_until(lambda: states(address[1]) <= {"LISTEN", "TIME-WAIT"})


def _one_who_lives(address: tuple[str, int], ended: bool) -> socket.socket:
    client = socket.create_connection(address)
    client.sendall(b"!")  # so that "there is something to read" does not tell the dead
    if ended:  # nor does the end
        client.shutdown(socket.SHUT_WR)
        wait_until(lambda: "CLOSE-WAIT" in states(address[1]))
    return client


def states(port: int) -> set[str]:
    return {row.state for row in sockets(port=port)}


def peer_of(connection: socket.socket) -> object:
    """Return the address at the other end, or None if there is none."""
    try:
        return connection.getpeername()
    except OSError:
        return None
