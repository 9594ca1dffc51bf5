"""The two ends of a connection: what is done to one, and what waits there."""

import array
import fcntl
import os
import select
import socket
import struct
import termios
from contextlib import suppress


def connected() -> tuple[socket.socket, socket.socket]:
    """Two ends of a TCP connection over loopback: the client's, the server's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        return client, listener.accept()[0]


def unread(end: socket.socket | int) -> int:
    """How many bytes wait to be read at this end of a stream or pipe: FIONREAD of ioctl_tty(2)."""
    number = array.array("i", [0])
    fcntl.ioctl(end, termios.FIONREAD, number)
    return number[0]


def link(end: socket.socket) -> str:
    """What the socket's descriptor is called in /proc/self/fd: socket:[INODE]."""
    return os.readlink(f"/proc/self/fd/{end.fileno()}")


def dangling(end: socket.socket, name: str) -> bool:
    """Whether somebody closed the number, of that `link()`, that the object still has (os.close()).

    It then forgets the number, which may be somebody else's by now.
    """
    if end.fileno() == -1:
        return False
    with suppress(FileNotFoundError):
        if link(end) == name:
            return False
    end.detach()
    return True


def accept_queue(listener: socket.socket) -> int:
    """How many clients wait in a TCP listener's queue: tcpi_unacked of <linux/tcp.h>'s tcp_info."""
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 28)
    return int(struct.unpack_from("I", info, 24)[0])


def reset(end: socket.socket) -> None:
    """Close the socket so that the other end gets a reset."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()


def fill(end: socket.socket) -> int:
    """Send until the kernel takes no more, now and in a while; return how many bytes it took."""
    usual, sent, before = end.gettimeout(), 0, -1
    end.setblocking(False)
    while sent > before:  # an acknowledgement may make room again
        before = sent
        with suppress(BlockingIOError):
            while True:
                sent += end.send(bytes(1 << 20))
        select.select([], [], [], 0.1)
    end.settimeout(usual)
    return sent
