"""The states of both ends of a connection, as the kernel's table has them."""

import select
import socket
import time
from collections.abc import Callable

from sockutils.tables.diag import sockets

States = dict[str, str]
PAUSE = 0.005  # seconds between two looks
GONE = "gone"
# States that end with the next packet.
PASSING = {"SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "CLOSING", "LAST-ACK"}
# If one end is gone, these end with the RST that is on its way.
RESET = {"ESTAB", "FIN-WAIT-2"}


def follow(client: socket.socket) -> Callable[[], States]:
    """A function that tells the states of both ends, once no packet is about to change them.

    Make it before you close: a closed socket does not know its addresses any more.
    """
    ports = client.getsockname()[1], client.getpeername()[1]

    def states() -> States:
        until = time.monotonic() + 2
        while moving(found := ends(ports)) and time.monotonic() < until:
            select.select([], [], [], PAUSE)
        return found

    return states


def ends(ports: tuple[int, int]) -> States:
    states = {"client": GONE, "server": GONE}
    for row in sockets(port=ports[0]):
        pair = row.local[-1], row.remote[-1]
        if pair == ports:
            states["client"] = row.state
        elif pair == ports[::-1]:
            states["server"] = row.state
    return states


def moving(states: States) -> bool:
    found = {*states.values()}
    return bool(PASSING & found) or (GONE in found and bool(RESET & found))
