"""What a program has of a socket, while it is open and after: its name, state and queues."""

import os
import socket
from dataclasses import dataclass, field
from typing import NamedTuple

from sockutils.tables.rows import Address, Row

UNIX = socket.AF_UNIX
MANY = 10_000  # bytes
WAITS_FOR_ACCEPT = "not yet accepted"  # the other end of a client that is in a queue
HAS_FIN = {"CLOSE-WAIT", "LAST-ACK", "CLOSING"}
SENDS = {"SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "LAST-ACK", "CLOSING"}  # a SYN or FIN, unconfirmed
ANSWERS = {"ESTAB", "SYN-RECV", "CLOSE-WAIT", "FIN-WAIT-1", "FIN-WAIT-2", "LAST-ACK"}


@dataclass(eq=False)
class End:
    """A socket of a program, by the name of its variable."""

    name: str
    program: str
    sock: socket.socket
    accepted: bool = False
    inode: int = 0
    addresses: tuple[Address, Address] | None = None  # as the table had it last
    held: Row | None = field(default=None, repr=False)  # its row

    def __post_init__(self) -> None:
        self.inode = os.fstat(self.sock.fileno()).st_ino

    @property
    def open(self) -> bool:
        return self.sock.fileno() != -1

    @property
    def protocol(self) -> str:
        if self.sock.family == socket.AF_UNIX:
            return "unix"
        return "udp" if self.sock.type & socket.SOCK_DGRAM else "tcp"

    @property
    def limits(self) -> tuple[int, int]:
        """The bytes that its receive and its send buffer may hold, 0 if it is closed."""
        if not self.open:
            return 0, 0
        options = (socket.SO_RCVBUF, socket.SO_SNDBUF)
        receive, send = (self.sock.getsockopt(socket.SOL_SOCKET, option) for option in options)
        return receive, send


class Seen(NamedTuple):
    """An end as the kernel has it: `state` as in sockets(), CLOSED for TCP's that it does not list.

    `unread` and `unconfirmed` are bytes, without the one that TCP counts for a SYN or a FIN.
    """

    name: str
    program: str
    protocol: str
    state: str
    row: Row | None
    limits: tuple[int, int]

    @property
    def unread(self) -> int:
        count = self.row.receive_queue if self.row else 0
        return max(0, count - (self.state in HAS_FIN))

    @property
    def unconfirmed(self) -> int:
        count = self.row.send_queue if self.row else 0
        return max(0, count - (self.state in SENDS))


def seen(ends: list[End], rows: list[Row]) -> list[Seen]:
    """Return what there is of each end, and of those that wait in a queue for accept()."""
    found, taken = [], set()
    for end in ends:
        row = next((row for row in rows if is_of(row, end)), None)
        end.held = row
        if row:
            end.addresses = row.local, row.remote
            taken.add(row)
        if row or end.open:
            state = row.state if row else "CLOSED" if end.protocol == "tcp" else "UNCONN"
            found.append(Seen(end.name, end.program, end.protocol, state, row, end.limits))
    return [*found, *waiting(ends, [row for row in rows if row not in taken])]


def is_of(row: Row, end: End) -> bool:
    if end.open:
        return row.inode == end.inode
    return not row.inode and end.protocol == "tcp" and end.addresses == (row.local, row.remote)


def waiting(ends: list[End], rows: list[Row]) -> list[Seen]:
    """Those whom nobody has accepted: the kernel has them, and no program."""
    listeners = {end.addresses[0][-1]: end for end in ends if end.addresses and is_listener(end)}
    peers = {end.addresses[0]: end.name for end in ends if end.addresses}
    found = []
    for row in rows:
        owner = listeners.get(row.local[-1]) if isinstance(row.local, tuple) else None
        if owner and not row.inode and row.state in ANSWERS:
            name = f"{WAITS_FOR_ACCEPT} ({peers.get(row.remote, 'somebody')})"
            found.append(Seen(name, owner.program, "tcp", row.state, row, (0, 0)))
    return sorted(found, key=lambda one: one.name)


def is_listener(end: End) -> bool:
    return bool(end.held and end.held.state == "LISTEN")


def queues(one: Seen) -> str:
    """What is in its queues, in words; nothing if nothing is."""
    row = one.row
    if row is None:
        return ""
    if row.backlog is not None:
        return f"{row.accept_queue} in the queue, backlog {row.backlog}"
    parts = [("unread", one.unread), ("unconfirmed", one.unconfirmed)]
    return ", ".join(counted(word, count, one.protocol) for word, count in parts if count)


def counted(word: str, count: int, protocol: str) -> str:
    # UDP and AF_UNIX count whole buffers, and how much is much is the kernel's to say
    if protocol != "tcp":
        return {"unread": "something unread"}.get(word, "something not yet read there")
    if count >= MANY:
        return f"many bytes {word}"
    return f"{count:,} byte{'s' * (count != 1)} {word}"
