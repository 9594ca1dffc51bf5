"""What stands around the lesson's calls: clients, outcomes, and what the kernel's table says."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

from sockutils.errors.shown import name_of
from sockutils.peers.waits import wait_until
from sockutils.tables.diag import Table, sockets


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


def in_queue(port: int) -> int:
    """Return how many clients wait in the accept queue of the listener on that port.

    A client may be through with its handshake before the server is: that is waited for.
    """
    rows = _settled(port, lambda states: "SYN-RECV" in states)
    waiting = next((row.accept_queue for row in rows), None)
    assert waiting is not None, "nobody listens on that port"
    return waiting


def after_the_end(port: int) -> Table:
    """Return the table as it is when the ends of all clients, or their resets, have arrived."""
    return _settled(port, _on_their_way)


def _on_their_way(states: list[str]) -> bool:
    reset_after_its_end = states.count("CLOSE-WAIT") > states.count("FIN-WAIT-2")
    return "ESTAB" in states or "SYN-RECV" in states or reset_after_its_end


def _settled(port: int, passing: Callable[[list[str]], bool]) -> Table:
    # Up to Linux 6.4 a packet on loopback may still be on its way when the call that sent it
    # returns, if this processor is busy (softirqs wait for ksoftirqd).
    wait_until(lambda: not passing([row.state for row in sockets(port=port)]), 1)
    return sockets(port=port)
