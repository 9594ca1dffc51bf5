"""A socket as the kernel's table has it: inet_diag and unix_diag, decoded."""

import _socket
import socket
import struct
import sys
from collections.abc import Iterator
from typing import NamedTuple

from sockutils.tables.holders import Holder
from sockutils.tables.netlink import ATTRIBUTE, ask, parts

# <linux/inet_diag.h>
INET_REQUEST = struct.Struct("=BBxxI48x")  # family, protocol, states; any address
INET_MESSAGE = struct.Struct("=BBxxHH16s16s16xII4xI")  # family, state, ports, hosts, queues, inode
INET_FILTER = struct.Struct("=HH BBH2xH BBH BBH2xH")  # an attribute with three instructions
INET_DIAG_REQ_BYTECODE = 1
JMP, S_EQ, D_EQ = 1, 11, 12

# <linux/unix_diag.h>
UNIX_REQUEST = struct.Struct("=BxxxI4xI8x")  # family, states, show
UNIX_MESSAGE = struct.Struct("=xBBxI8x")  # type, state, inode
UNIX_QUEUES = struct.Struct("=II")
UDIAG_SHOW = 0x1 | 0x4 | 0x10  # name, peer and queues
UNIX_DIAG_NAME, UNIX_DIAG_PEER, UNIX_DIAG_RQLEN = 0, 2, 4

# <net/tcp_states.h>, named as ss does, in the order of a connection's life. Left out is 13, bound
# and nothing more: only Linux 6.8 and later can list it, as UNCONN.
BOUND = 13
STATES = {
    10: "LISTEN",
    2: "SYN-SENT",
    3: "SYN-RECV",
    1: "ESTAB",
    4: "FIN-WAIT-1",
    5: "FIN-WAIT-2",
    11: "CLOSING",
    6: "TIME-WAIT",
    8: "CLOSE-WAIT",
    9: "LAST-ACK",
    7: "UNCONN",
}
WANTED = sum(1 << number for number in STATES)

UNIX_TYPES = {1: "unix stream", 2: "unix dgram", 5: "unix seqpacket"}
Address = tuple[str, int] | str


class Row(NamedTuple):
    """One socket, with its queues as the kernel counts them.

    `local` and `remote` are (host, port), or for AF_UNIX the path, "@name" if abstract, "" if none.
    `accept_queue` and `backlog` are connections, None unless the state is LISTEN; the other queues
    are bytes, 0 for a listener. `inode` is that of `os.fstat()`, 0 if no descriptor holds it yet
    or any more. `holders` are the processes that have such a descriptor, None unless asked for.

    The bytes surprise: TCP counts a SYN or FIN as one; UDP, and AF_UNIX when it sends, count whole
    buffers; a unix dgram socket counts only the first datagram it has to read.
    """

    protocol: str
    state: str
    local: Address
    remote: Address
    receive_queue: int
    send_queue: int
    accept_queue: int | None
    backlog: int | None
    inode: int
    holders: tuple[Holder, ...] | None = None


def only_port(port: int) -> bytes:
    # An instruction says how many bytes to go forward if it holds, and if not. Arriving at the end
    # (20) accepts, passing it by 4 rejects. JMP always goes the second way; its first is there
    # because the kernel wants every instruction reached by first ways alone (else EINVAL).
    source = (S_EQ, 8, 12, port)  # at 0, to 8 or 12
    jump = (JMP, 4, 12)  # at 8, to 20
    target = (D_EQ, 8, 12, port)  # at 12, to 20 or 24
    return INET_FILTER.pack(INET_FILTER.size, INET_DIAG_REQ_BYTECODE, *source, *jump, *target)


def tcp_rows(
    kernel: _socket.socket, port: int | None = None, states: int = WANTED
) -> Iterator[Row]:
    condition = b"" if port is None else only_port(port)
    # A kernel without IPv6 answers for it too: with nothing.
    for family in (socket.AF_INET, socket.AF_INET6):
        request = INET_REQUEST.pack(family, socket.IPPROTO_TCP, states) + condition
        yield from map(_tcp_row, ask(kernel, request, "tcp"))


def _tcp_row(found: bytes) -> Row:
    family, state, *ports, host, peer, receive, send, inode = INET_MESSAGE.unpack_from(found)
    size = 4 if family == socket.AF_INET else 16
    local = socket.inet_ntop(family, host[:size]), socket.ntohs(ports[0])
    remote = socket.inet_ntop(family, peer[:size]), socket.ntohs(ports[1])
    return Row("tcp", STATES[state], local, remote, *_queues(state, receive, send), inode)


def _queues(state: int, receive: int, send: int) -> tuple[int, int, int | None, int | None]:
    # A listener has no bytes: there the kernel reports its accept queue and backlog instead.
    return (0, 0, receive, send) if STATES[state] == "LISTEN" else (receive, send, None, None)


def unix_rows(kernel: _socket.socket) -> Iterator[Row]:
    messages = ask(kernel, UNIX_REQUEST.pack(socket.AF_UNIX, WANTED, UDIAG_SHOW), "unix")
    found = [(*UNIX_MESSAGE.unpack_from(message), _attributes(message)) for message in messages]
    # A peer is an inode: its name stands in a message of its own.
    names = {inode: _unix_name(values) for _, _, inode, values in found}
    for kind, state, inode, values in found:
        peer = int.from_bytes(values.get(UNIX_DIAG_PEER, b""), sys.byteorder)
        local, remote = names[inode], names.get(peer, "")
        queues = _queues(state, *UNIX_QUEUES.unpack(values[UNIX_DIAG_RQLEN]))
        yield Row(UNIX_TYPES[kind], STATES[state], local, remote, *queues, inode)


def _attributes(message: bytes) -> dict[int, bytes]:
    return dict(parts(message[UNIX_MESSAGE.size :], ATTRIBUTE))


def _unix_name(values: dict[int, bytes]) -> str:
    # A path ends in NUL, an abstract name begins with it.
    name = values.get(UNIX_DIAG_NAME, b"").rstrip(b"\0").replace(b"\0", b"@")
    return name.decode(errors="backslashreplace")
