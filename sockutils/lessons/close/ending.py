"""What its cells do to a connection, and find of it in what was captured."""

import errno
import http.client
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress

from sockutils.packets.packet import Packet
from sockutils.tables.states import States, follow

Address = tuple[str, int]


def connected(
    port: int = 0, listen_at: str = "127.0.0.1", call: str = "127.0.0.1"
) -> tuple[socket.socket, socket.socket, Callable[[], States]]:
    """A connection: the client's end, the server's, and a function that tells both states.

    The listener is closed already. Over a Link the two addresses differ.
    """
    with socket.create_server((listen_at, port)) as listener:
        client = socket.create_connection((call, listener.getsockname()[1]))
        return client, listener.accept()[0], follow(client)


def kept() -> tuple[http.client.HTTPConnection, socket.socket]:
    """A connection that an HTTP client has kept, and the server's end of it."""
    client, server, _ = connected()
    host, port = client.getpeername()
    shop = http.client.HTTPConnection(host, port)
    shop.sock = client
    return shop, server


def fill(end: socket.socket) -> int:
    """Send until the kernel takes no more; return how many bytes it took."""
    sent = 0
    end.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            sent += end.send(bytes(1 << 20))
    end.setblocking(True)
    return sent


def drain(end: socket.socket) -> tuple[int, str]:
    """Read until the end; return how many bytes came, and how it ended."""
    received = 0
    try:
        while data := end.recv(1 << 20):
            received += len(data)
    except OSError as error:
        return received, errno.errorcode[error.errno or 0]
    return received, repr(data)


def endings(packets: Sequence[Packet]) -> list[Packet]:
    """The packets that end something: those with FIN or RST."""
    return [packet for packet in packets if {"FIN", "RST"} & {*packet.flags.split()}]


def lose_last_ack() -> Callable[[Packet], bool]:
    """For one connection over a Link: lose the first ACK that comes after both FINs."""
    fins: set[Address] = set()
    lost = False

    def lose(packet: Packet) -> bool:
        nonlocal lost
        if "FIN" in packet.flags.split():
            fins.add(packet.source)
        elif len(fins) == 2 and packet.flags == "ACK" and not lost:
            lost = True
            return True
        return False

    return lose
