"""How long the kernel still keeps a connection, by proc(5)'s /proc/net/tcp, and its settings."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sockutils.peers.waits import wait_until
from sockutils.tables.diag import sockets


def ports(end: socket.socket) -> tuple[int, int]:
    """The two ports of a connection, its own first: a closed socket does not know them any more."""
    return end.getsockname()[1], end.getpeername()[1]


def timer(local: int, remote: int) -> str:
    """The timer of the IPv4 connection between these ports, to ten seconds.

    The sixth column of the file: its kind, and hundredths of a second, in hexadecimal.
    """
    for line in Path("/proc/net/tcp").read_text().splitlines():
        _, here, there, _, _, when, *_ = line.split()
        if here.endswith(f":{local:04X}") and there.endswith(f":{remote:04X}"):
            kind, left = when.split(":")
            return f"about {round(int(left, 16) / 100, -1):.0f} s" if int(kind) else "none"
    return "gone"


def resting(port: int) -> int:
    """How many connections on this port are in TIME-WAIT, once none is about to be."""
    passing = {"FIN-WAIT-1", "FIN-WAIT-2", "CLOSING", "LAST-ACK"}
    wait_until(lambda: not passing & {row.state for row in sockets(port=port)}, 2)
    return sum(row.state == "TIME-WAIT" for row in sockets(port=port))


@contextmanager
def settings(**values: str) -> Iterator[None]:
    """Write to files of /proc/sys/net/ipv4, and write the usual values back after the block."""
    files = {Path("/proc/sys/net/ipv4", name): value for name, value in values.items()}
    usual = {path: path.read_text() for path in files}
    try:
        for path, value in files.items():
            path.write_text(value)
        yield
    finally:
        for path, value in usual.items():
            path.write_text(value)
