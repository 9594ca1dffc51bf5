"""UDP sockets, as /proc/net/udp and /proc/net/udp6 list them: proc_pid_net(5).

sock_diag(7) has them as well. But to ask it makes Linux load a module, udp_diag, for the whole
machine, and some have none.
"""

import socket
import struct
from collections.abc import Iterator

from sockutils.tables.rows import STATES, Row

FILES = {"/proc/net/udp": socket.AF_INET, "/proc/net/udp6": socket.AF_INET6}
LOCAL, REMOTE, STATE, QUEUES, INODE = 1, 2, 3, 4, 9  # the columns of a line


def udp_rows(port: int | None = None) -> Iterator[Row]:
    """The UDP sockets of this network, or those that have this port as their own or their peer's.

    A kernel without IPv6 has none of it.
    """
    for name, family in FILES.items():
        for columns in map(str.split, _lines(name)):
            local, remote = (_address(family, columns[end]) for end in (LOCAL, REMOTE))
            if port in (None, local[1], remote[1]):
                send, receive = (int(bytes_, 16) for bytes_ in columns[QUEUES].split(":"))
                state, inode = STATES[int(columns[STATE], 16)], int(columns[INODE])
                yield Row("udp", state, local, remote, receive, send, None, None, inode)


def _lines(name: str) -> list[str]:
    try:
        with open(name) as file:
            return file.readlines()[1:]
    except FileNotFoundError:
        return []


def _address(family: int, text: str) -> tuple[str, int]:
    host, _, port = text.partition(":")
    # words of four bytes, each printed as the number that this processor makes of it
    words = [int(host[at : at + 8], 16) for at in range(0, len(host), 8)]
    return socket.inet_ntop(family, struct.pack(f"={len(words)}I", *words)), int(port, 16)
