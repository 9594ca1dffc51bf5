"""How long the kernel still keeps a connection: the timers of proc(5)'s /proc/net/tcp."""

import socket
from pathlib import Path


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
