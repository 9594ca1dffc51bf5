"""The exercise `stop_all`: threads that wait in accept() are to end."""

import os
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress

from sockutils.calls.call import Calls
from sockutils.calls.trace import trace
from sockutils.peers.ends import dangling, link
from sockutils.peers.peer import background
from sockutils.peers.waits import wait_for_threads, wait_until
from sockutils.practice.exercise import exercise
from sockutils.tables.descriptors import held
from sockutils.tables.diag import rows_on

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
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
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
        clients = "1 client was" if served == 1 else f"{served} clients were"
        return f": {clients} served, and who serves one goes back to accept()"
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
    for row in rows_on():
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
