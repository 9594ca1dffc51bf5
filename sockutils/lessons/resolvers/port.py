"""The socket of a name server that a cell writes by hand."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from sockutils.kernel.files import edited
from sockutils.names.server import ADDRESS, LOWEST


@contextmanager
def port_53() -> Iterator[socket.socket]:
    """A UDP socket on port 53 of 127.0.0.1, which the C library asks while the block runs."""
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        with edited(LOWEST, "53"):
            server.bind(ADDRESS)
        with edited("/etc/resolv.conf", "nameserver 127.0.0.1\n"):
            yield server
