"""The states of both ends of a connection, as the kernel's table has them: now, or over time."""

import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sockutils.peers.peer import background
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


class Paths(dict[str, list[str]]):
    """The states that each end of a connection was seen in, in their order."""

    def note(self, who: str, state: str) -> None:
        path = self.setdefault(who, [])
        if not path or path[-1] != state:
            path.append(state)

    def until(self, who: str, state: str) -> None:
        """Wait until this end was seen in this state; TimeoutError after five seconds."""
        until = time.monotonic() + 5
        while state not in self.get(who, ()):
            if time.monotonic() > until:
                raise TimeoutError(f"the {who} was not seen in {state}")
            select.select([], [], [], PAUSE)

    def __repr__(self) -> str:
        return "\n".join(f"{who}: {' → '.join(self[who])}" for who in sorted(self))


@contextmanager
def watch(port: int) -> Iterator[Paths]:
    """Look into the kernel's table a hundred times a second while the block runs.

    It notes the states of the next connection to that port: leftovers of others do not count.
    """
    paths = Paths(client=["CLOSED"])
    old = {(row.local, row.remote) for row in sockets(port=port)}
    over = threading.Event()

    def look() -> None:
        while not over.wait(PAUSE):
            note()

    def note() -> None:
        present = set()
        for row in sockets(port=port):
            if row.state == "LISTEN":
                paths.setdefault("server", ["LISTEN"])
            elif (row.local, row.remote) not in old:
                who = "client" if row.remote[-1] == port else "server"
                present.add(who)
                paths.note(who, row.state)
        for who in {*paths} - present:
            if paths[who][-1] not in ("CLOSED", "LISTEN"):
                paths.note(who, GONE)

    with background(look):
        try:
            yield paths
        finally:
            over.set()
