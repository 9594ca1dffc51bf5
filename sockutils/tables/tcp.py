"""What TCP says of a connection: bytes that came, that wait, that may be sent."""

import fcntl
import socket
import struct
import termios

from sockutils.peers.waits import wait_until
from sockutils.tables.diag import sockets

INT = struct.Struct("=i")
# struct tcp_info of <linux/tcp.h>
U32, U64 = struct.Struct("=I"), struct.Struct("=Q")
UNACKED, BYTES_RECEIVED, SEND_WINDOW, INFO_SIZE = 24, 128, 228, 232


def tcp_info(end: socket.socket, offset: int, field: struct.Struct) -> int:
    info = end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, INFO_SIZE)
    return int(field.unpack_from(info, offset)[0])


def received(reader: socket.socket) -> int:
    """Return how many bytes have arrived since the connection began, read or not."""
    return tcp_info(reader, BYTES_RECEIVED, U64)


def settle(end: socket.socket) -> None:
    """Return when the other kernel has answered what was sent, whatever its answer is.

    Raises TimeoutError after five seconds.
    """
    if not wait_until(lambda: not tcp_info(end, UNACKED, U32)):
        raise TimeoutError("the other kernel has not answered")


def unread(reader: socket.socket) -> int:
    """Return how many bytes wait to be read; 0 if the socket is closed. tcp(7): SIOCINQ"""
    try:
        answer = fcntl.ioctl(reader, termios.FIONREAD, bytes(INT.size))
    except (OSError, ValueError):  # just closed, or closed for long
        return 0
    return int(INT.unpack(answer)[0])


def queues(port: int) -> tuple[int, int]:
    """Return the send queue of the client and the receive queue of the server on that port."""
    rows = [row for row in sockets(port=port) if row.state == "ESTAB"]
    ends = {isinstance(row.local, tuple) and row.local[1] == port: row for row in rows}
    return ends[False].send_queue, ends[True].receive_queue
