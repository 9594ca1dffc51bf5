"""What TCP keeps to itself at the other end: a connection's timer, and what it holds back."""

import socket
import struct
from contextlib import closing
from typing import NamedTuple

from sockutils.tables.netlink import ATTRIBUTE, ask, open_netlink, parts
from sockutils.tables.rows import INET_REQUEST, only_port

# <linux/inet_diag.h>: the attribute with struct tcp_info, and the bit that asks for it
INET_DIAG_INFO = 2
INFO = 1 << (INET_DIAG_INFO - 1)
# family, state, timer, ports, host, peer, milliseconds until the timer, queues, inode
MESSAGE = struct.Struct("=xxBxHH16s16s12xIIIxxxxI")
NOTSENT = 144  # <linux/tcp.h>: tcpi_notsent_bytes
NOTSENT_SIZE = struct.Struct("=I")
ESTAB = 1 << 1
KEEPALIVE = 2  # proc(5), /proc/net/tcp


class Innards(NamedTuple):
    """A connection. `asks` is in how many seconds the kernel asks the peer, None without keepalive.

    `queue` is how many bytes are not confirmed, `held` how many of them are not sent. `inode` is 0
    until a program has accepted it.
    """

    inode: int
    asks: float | None
    queue: int
    held: int


def innards(port: int, client: tuple[str, int]) -> Innards | None:
    """Look at the end of a connection that has this port, and this client; None if it is gone.

    It may be another process's. Source: sock_diag(7)
    """
    request = struct.pack("=BBBxI", socket.AF_INET, socket.IPPROTO_TCP, INFO, ESTAB)
    request = request.ljust(INET_REQUEST.size, b"\0") + only_port(port)
    with closing(open_netlink()) as kernel:
        for found in ask(kernel, request, "tcp"):
            timer, *ports, _, peer, due, _, queue, inode = MESSAGE.unpack_from(found)
            there = socket.inet_ntoa(peer[:4]), socket.ntohs(ports[1])
            if (socket.ntohs(ports[0]), there) == (port, client):
                info = dict(parts(found[MESSAGE.size :], ATTRIBUTE))[INET_DIAG_INFO]
                (held,) = NOTSENT_SIZE.unpack_from(info, NOTSENT)
                return Innards(inode, due / 1000 if timer == KEEPALIVE else None, queue, held)
    return None
