"""More datagrams than a buffer holds: what came, and what the kernel counts as dropped."""

import os
import select
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sockutils.link.relay import LARGEST

PATIENCE = 5.0  # seconds; what loopback carries is there at once, but on a busy machine


def attempt(call: Callable[..., Any], *arguments: Any) -> Any:
    """Return what the call returns, or its OSError."""
    try:
        return call(*arguments)
    except OSError as error:
        return error


def dropped(receiver: socket.socket) -> int:
    """Return how many datagrams a UDP socket of IPv4 has dropped, as /proc/net/udp counts."""
    inode = str(os.fstat(receiver.fileno()).st_ino)
    lines = Path("/proc/net/udp").read_text().splitlines()[1:]
    return next(int(line.split()[-1]) for line in lines if line.split()[9] == inode)


def drain(receiver: socket.socket, count: int) -> tuple[list[bytes], int]:
    """Read until so many datagrams have come or been dropped; return those that came, and how many
    were dropped."""
    found: list[bytes] = []
    end = time.monotonic() + PATIENCE
    while (lost := dropped(receiver)) + len(found) < count and time.monotonic() < end:
        if select.select([receiver], [], [], 0.05)[0]:
            found.append(receiver.recv(LARGEST))
    return found, lost
