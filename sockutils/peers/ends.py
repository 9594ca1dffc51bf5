"""The two ends of a connection, and what waits for a program at an end."""

import array
import fcntl
import socket
import struct
import termios


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


def accept_queue(listener: socket.socket) -> int:
    """How many clients wait in a TCP listener's queue: tcpi_unacked of <linux/tcp.h>'s tcp_info."""
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 28)
    return int(struct.unpack_from("I", info, 24)[0])
