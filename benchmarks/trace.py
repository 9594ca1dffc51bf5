"""What a trace costs: an echo round trip over loopback, traced and plain, side by side."""

import socket
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from statistics import median
from time import perf_counter
from typing import Any

from sockutils.calls.trace import trace
from sockutils.peers.peer import background

ROUNDS = 100  # of each kind
TRIPS = 200  # in a round


def echo(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        while data := connection.recv(100):
            connection.sendall(data)


def converse(recorder: Callable[[], AbstractContextManager[Any]]) -> float:
    """Return the seconds of one round trip, with both ends made inside the recorder's block."""
    with ExitStack() as stack:
        stack.enter_context(recorder())
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        stack.enter_context(background(echo, listener, patience=60))
        client = stack.enter_context(socket.create_connection(listener.getsockname()))
        begun = perf_counter()
        for _ in range(TRIPS):
            client.sendall(b"0123456789abcdef")
            client.recv(100)
        return (perf_counter() - begun) / TRIPS


def rows() -> list[tuple[str, float, str]]:
    """Return (name, ratio of the medians, target)."""
    plain, traced = [], []
    for _ in range(ROUNDS):  # by turns: both see the same machine, however busy it is
        plain.append(converse(nullcontext))
        traced.append(converse(trace))

    return [("echo round trip, traced / plain", median(traced) / median(plain), "≤ 1.25")]


if __name__ == "__main__":
    for name, ratio, target in rows():
        print(f"{name}: {ratio:.2f} (target {target})")
