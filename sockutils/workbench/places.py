"""Addresses: as a story has them, and where they are used, so that nobody else is disturbed."""

import os
import re
import socket
from ipaddress import ip_address
from typing import Any

from sockutils.kernel.network import network
from sockutils.tables.diag import rows_on

ANY = ("", "0.0.0.0", "localhost")
REFUSED = "in the shared network only addresses that begin with 127, and abstract names"


class Places:
    """In a private network an address is itself, unless the port is still in TIME-WAIT: then it is
    the next free one. In a shared one each port stands for one that nobody has."""

    def __init__(self) -> None:
        self.private = network().private
        self.ports: dict[int, int] = {}
        self.paths: set[str] = set()

    def used(self, value: Any) -> Any:
        """Return the address to use. ValueError for one that is not ours in a shared network."""
        match value:
            case (str(host), int(port), *rest) if not isinstance(port, bool):
                if not self.private and not is_ours(host):
                    raise ValueError(REFUSED)
                host = "127.0.0.1" if not self.private and host in ANY else host
                return (host, self.port(port), *rest)
            case str(path):
                return path if self.private else self.name(path)
        return value

    def port(self, port: int) -> int:
        if port not in range(1, 1 << 16):
            return port
        if port not in self.ports:
            self.ports[port] = next_free(port) if self.private else unused()
        return self.ports[port]

    def name(self, path: str) -> str:
        if not path.startswith("\0"):
            raise ValueError(REFUSED)
        return f"{path}-{os.getpid()}"

    def written(self, code: str) -> str:
        """Return a line of code with the ports that are really used."""
        return re.sub(r"\b\d{2,5}\b", lambda found: self._number(found[0]), code)

    def _number(self, text: str) -> str:
        return str(self.ports.get(int(text), text))


def is_ours(host: str) -> bool:
    try:
        return host in ANY or ip_address(host).is_loopback
    except ValueError:
        return False


def next_free(port: int) -> int:
    """The first port from this one on that no ended connection still keeps."""
    while any(row.protocol == "tcp" and not row.inode for row in rows_on(port)):
        port += 1
    return port


def unused() -> int:
    """A port that nobody has, neither for TCP nor for UDP."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port: int = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
