"""A bad line for datagrams that needs no private network: a relay on 127.0.0.1."""

import heapq
import itertools
import os
import select
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from sockutils.peers.peer import background

Address = tuple[str, int]
# Seconds after which a datagram arrives, once for each arrival: of one that goes there, or back
Fate = Callable[[bool, bytes], Sequence[float]]
LARGEST = 65507  # bytes in a datagram of UDP over IPv4


@contextmanager
def relayed(fate: Fate, destination: Address) -> Iterator[Address]:
    """A relay to that address; what is still under way when the block ends is lost.

    Whoever sent the last datagram there gets what comes back.
    """
    with ExitStack() as stack:
        front, back = (stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in range(2))
        for end in (front, back):
            end.bind(("127.0.0.1", 0))
        over = os.eventfd(0)
        stack.callback(os.close, over)
        with background(relay, front, back, destination, fate, over):
            try:
                yield front.getsockname()
            finally:
                os.eventfd_write(over, 1)


def relay(
    front: socket.socket, back: socket.socket, destination: Address, fate: Fate, over: int
) -> None:
    home = destination  # until the first message tells where the sender is
    flying: list[tuple[float, int, bool, bytes]] = []  # a heap, by when they are due
    numbers = itertools.count()
    watched: list[Any] = [front, back, over]
    while True:
        pause = max(0.0, flying[0][0] - time.monotonic()) if flying else None
        ready, _, _ = select.select(watched, [], [], pause)
        if over in ready:
            return
        for end in {front, back}.intersection(ready):
            payload, address = end.recvfrom(LARGEST)
            there = end is front
            home = address if there else home
            for seconds in fate(there, payload):
                due = time.monotonic() + seconds
                heapq.heappush(flying, (due, next(numbers), there, payload))
        while flying and flying[0][0] <= time.monotonic():
            _, _, there, payload = heapq.heappop(flying)
            if there:
                back.sendto(payload, destination)
            else:
                front.sendto(payload, home)
