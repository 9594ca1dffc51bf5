"""The kernel's own table of sockets, read as `ss` reads it: through sock_diag netlink."""

import _socket
import errno
import os
import re
import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import NamedTuple, Self

# <linux/netlink.h>
NETLINK_SOCK_DIAG = 4
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_DUMP_INTR, NLM_F_DUMP = 0x1, 0x10, 0x300
HEADER = struct.Struct("=IHH8x")  # length, type, flags
ATTRIBUTE = struct.Struct("=HH")  # length, type
STATUS = struct.Struct("=i")  # of NLMSG_ERROR and NLMSG_DONE: 0 or -errno

# <linux/sock_diag.h>
SOCK_DIAG_BY_FAMILY = 20

# <linux/inet_diag.h>
INET_REQUEST = struct.Struct("=BBxxI48x")  # family, protocol, states; any address
INET_MESSAGE = struct.Struct("=BBxx2s2s16s16s16xII4xI")  # family, state, addresses, queues, inode
INSTRUCTION = struct.Struct("=BBH")  # code, yes, no
INET_DIAG_REQ_BYTECODE = 1
JMP, S_GE, S_LE, D_GE, D_LE = 1, 2, 3, 4, 5

# <linux/unix_diag.h>
UNIX_REQUEST = struct.Struct("=BxxxI4xI8x")  # family, states, show
UNIX_MESSAGE = struct.Struct("=xBBxI8x")  # type, state, inode
UNIX_PEER = struct.Struct("=I")  # inode
UNIX_QUEUES = struct.Struct("=II")
UDIAG_SHOW_NAME, UDIAG_SHOW_PEER, UDIAG_SHOW_RQLEN = 0x1, 0x4, 0x10
UNIX_DIAG_NAME, UNIX_DIAG_PEER, UNIX_DIAG_RQLEN = 0, 2, 4

# <net/tcp_states.h>, named as ss does, in the order of a connection's life. A half-open request
# (12) is reported as SYN-RECV. 13, bound and nothing more, is left out: only Linux 6.8 and later
# can list it, and a table should read the same everywhere.
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
LIFE = {state: place for place, state in enumerate(STATES.values())}
WANTED = sum(1 << number for number in STATES)

PROTOCOLS = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}
UNIX_TYPES = {1: "unix stream", 2: "unix dgram", 5: "unix seqpacket"}

BUFFER = 1 << 16  # the kernel fills at most 32 KiB at a time
EPHEMERAL = 1 << 16  # stands for any ephemeral port, and sorts after every real one
AUTOBOUND = re.compile("@[0-9a-f]{5}")  # a name the kernel made up, unix(7)

Address = tuple[str, int] | str


class Row(NamedTuple):
    """One socket, with its addresses as Python writes them and its queues as the kernel counts.

    `local` and `remote` are (host, port), or for AF_UNIX the path, "@name" if abstract, "" if none.
    `accept_queue` and `backlog` are connections, None unless the state is LISTEN; a listener has
    no byte queues, so its are 0. `inode` is that of `os.fstat()`, or 0 where no descriptor holds
    the socket: TIME-WAIT, SYN-RECV, a connection nobody has accepted yet.

    The bytes surprise (tcp_diag.c, unix/diag.c): TCP counts a SYN or FIN as one, so CLOSE-WAIT
    has 1 in the receive queue with nothing to read; UDP queues and an AF_UNIX send queue count the
    buffers, not the data in them; a unix dgram receive queue is its first datagram alone. And a
    unix dgram socket that somebody connects to turns ESTAB itself (Linux 6.18; still no remote).
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


class Table(tuple[Row, ...]):
    """Rows in the order of a connection's life; the repr is the same text on every run.

    For that, the text says `ephemeral` instead of a port that was not asked for and lies in
    ip_local_port_range (ip(7)), and instead of a name that the kernel made up (autobind, unix(7)).
    Rows are sorted as shown.
    """

    asked: int | str | None
    ephemeral: range

    def __new__(cls, rows: Iterable[Row], asked: int | str | None = None) -> Self:
        ephemeral = _ephemeral_ports()
        table = super().__new__(cls, sorted(rows, key=lambda row: _rank(row, asked, ephemeral)))
        table.asked, table.ephemeral = asked, ephemeral
        return table

    def __repr__(self) -> str:
        if not self:
            return f"no sockets{_about(self.asked)}"
        lines = [("protocol", "state", "local", "remote", "queues")]
        lines += [_cells(_anonymous(row, self.asked, self.ephemeral)) for row in self]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def sockets(port: int | None = None, path: str | None = None) -> Table:
    """Return the sockets of this network namespace: TCP and UDP over IPv4 and IPv6, and AF_UNIX.

    With `port`, only TCP and UDP sockets that have it as their local or remote port: both ends of
    a connection. With `path`, only AF_UNIX sockets bound to it ("@name" if abstract) or accepted
    on it: not their clients, which seldom have a name. A TCP socket that is only bound is not
    shown, nor a UDP socket before it is bound.
    Raises OSError with the kernel's errno, ENOENT where it was built without that table,
    EAFNOSUPPORT where there is no netlink (not Linux). Source: sock_diag(7).
    The kernel filters by port, but it visits every socket to do so.
    """
    if port is not None and path is not None:
        raise ValueError("ask for a port or for a path, not for both")
    if port is not None and port not in range(1, 65536):
        raise ValueError(f"a port is 1 to 65535, not {port}")
    rows: list[Row] = []
    with closing(_netlink()) as kernel:
        if path is None:
            rows += _inet_rows(kernel, port)
        if port is None:
            rows += _unix_rows(kernel, path)
    return Table(rows, path if port is None else port)


def _inet_rows(kernel: _socket.socket, port: int | None) -> Iterator[Row]:
    condition = b"" if port is None else _bytecode(port)
    for protocol, number in PROTOCOLS.items():
        # A kernel without IPv6 answers for it too: with nothing.
        for family in (socket.AF_INET, socket.AF_INET6):
            request = INET_REQUEST.pack(family, number, WANTED) + condition
            yield from (_inet_row(protocol, found) for found in _ask(kernel, request, protocol))


def _bytecode(port: int) -> bytes:
    # An instruction is (code, yes, no): how many bytes to go forward if it holds, and if not. The
    # port to compare with is the `no` of a second one. Arriving at the end (36) accepts, passing
    # it by 4 rejects. JMP always takes its `no`; without it S_LE would have to skip to the end on
    # `yes`, but the kernel wants every target of a `no` on the path of all the `yes` (else EINVAL).
    # S_EQ would do for GE and LE, but old kernels lack it, and measured it is no faster.
    program = (
        *((S_GE, 8, 20), (0, 0, port)),  # at 0, else to 20
        *((S_LE, 8, 12), (0, 0, port)),  # at 8, else to 20
        (JMP, 4, 20),  # at 16, to 36
        *((D_GE, 8, 20), (0, 0, port)),  # at 20, else to 40
        *((D_LE, 8, 12), (0, 0, port)),  # at 28, else to 40
    )
    code = b"".join(INSTRUCTION.pack(*instruction) for instruction in program)
    return ATTRIBUTE.pack(ATTRIBUTE.size + len(code), INET_DIAG_REQ_BYTECODE) + code


def _inet_row(protocol: str, found: bytes) -> Row:
    family, state, port, peer_port, host, peer_host, *queues, inode = INET_MESSAGE.unpack_from(
        found
    )
    local, remote = _address(family, host, port), _address(family, peer_host, peer_port)
    return Row(protocol, STATES[state], local, remote, *_meaning(state, *queues), inode)


def _address(family: int, host: bytes, port: bytes) -> Address:
    size = 4 if family == socket.AF_INET else 16
    return socket.inet_ntop(family, host[:size]), int.from_bytes(port, "big")


def _meaning(state: int, receive: int, send: int) -> tuple[int, int, int | None, int | None]:
    # A listener has no bytes: there the kernel reports its accept queue and backlog instead.
    return (0, 0, receive, send) if STATES[state] == "LISTEN" else (receive, send, None, None)


def _unix_rows(kernel: _socket.socket, path: str | None) -> Iterator[Row]:
    show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN
    messages = _ask(kernel, UNIX_REQUEST.pack(socket.AF_UNIX, WANTED, show), "unix")
    found = [(*UNIX_MESSAGE.unpack_from(message), _attributes(message)) for message in messages]
    # A peer is an inode: its name stands in a message of its own.
    names = {inode: _unix_name(values) for _, _, inode, values in found}
    for kind, state, inode, values in found:
        if path in (None, names[inode]):
            (peer,) = UNIX_PEER.unpack(values.get(UNIX_DIAG_PEER, bytes(4)))
            queues = _meaning(state, *UNIX_QUEUES.unpack(values[UNIX_DIAG_RQLEN]))
            local, remote = names[inode], names.get(peer, "")
            yield Row(UNIX_TYPES[kind], STATES[state], local, remote, *queues, inode)


def _attributes(message: bytes) -> dict[int, bytes]:
    values, offset = {}, UNIX_MESSAGE.size
    while offset < len(message):
        length, kind = ATTRIBUTE.unpack_from(message, offset)
        values[kind] = message[offset + ATTRIBUTE.size : offset + length]
        offset += _aligned(length)
    return values


def _unix_name(values: dict[int, bytes]) -> str:
    name = values.get(UNIX_DIAG_NAME, b"")
    # An abstract name starts with NUL and may hold more; a path ends at its first.
    return os.fsdecode(name.replace(b"\0", b"@") if name[:1] == b"\0" else name.split(b"\0")[0])


def _netlink() -> _socket.socket:
    if not hasattr(socket, "AF_NETLINK"):
        raise OSError(errno.EAFNOSUPPORT, "sockets() asks Linux's netlink: this system has none")
    # the plain C class: trace() shall not note it
    return _socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG)


def _failure(number: int, what: str) -> OSError:
    return OSError(number, f"{os.strerror(number)}: {what}")


def _ask(kernel: _socket.socket, request: bytes, protocol: str) -> list[bytes]:
    header = HEADER.pack(
        HEADER.size + len(request), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP
    )
    # NLM_F_DUMP_INTR: the table changed between two parts of the answer, so that a socket may
    # be missing or there twice. The kernel's advice is to ask again.
    complete = False
    while not complete:
        kernel.send(header + request)
        rows, complete = _answer(
            kernel, f"{protocol}_diag, the kernel's table of {protocol} sockets"
        )
    return rows


def _answer(kernel: _socket.socket, table: str) -> tuple[list[bytes], bool]:
    rows, complete = [], True
    for kind, flags, body in _messages(kernel):
        complete = complete and not flags & NLM_F_DUMP_INTR
        if kind in (NLMSG_ERROR, NLMSG_DONE):
            # NLMSG_DONE carries an error too: ENOENT for a protocol comes only that way.
            (status,) = STATUS.unpack_from(body)
            if status:
                raise _failure(-status, table)
            break
        rows.append(body)
    return rows, complete


def _messages(kernel: _socket.socket) -> Iterator[tuple[int, int, bytes]]:
    while True:
        data, _, flags, _ = kernel.recvmsg(BUFFER)
        if flags & socket.MSG_TRUNC:
            raise _failure(errno.EMSGSIZE, "an answer of the kernel's was cut off")
        offset = 0
        while offset < len(data):
            length, kind, flags = HEADER.unpack_from(data, offset)
            yield kind, flags, data[offset + HEADER.size : offset + length]
            offset += _aligned(length)


def _aligned(length: int) -> int:
    return (length + 3) & ~3


def _ephemeral_ports() -> range:
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        first, last = map(int, file.read().split())
    return range(first, last + 1)


def _anonymous(row: Row, asked: int | str | None, ephemeral: range) -> Row:
    def role(address: Address) -> Address:
        if isinstance(address, str):
            made_up = address != asked and AUTOBOUND.fullmatch(address)
            return "@ephemeral" if made_up else address
        host, port = address
        return (host, EPHEMERAL) if port != asked and port in ephemeral else address

    return row._replace(local=role(row.local), remote=role(row.remote))


def _rank(row: Row, asked: int | str | None, ephemeral: range) -> tuple[object, ...]:
    shown = _anonymous(row, asked, ephemeral)
    queues = (row.accept_queue or 0, row.backlog or 0, row.receive_queue, row.send_queue)
    return LIFE[row.state], row.protocol, shown.local, shown.remote, *queues


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    queues = f"receive {row.receive_queue}, send {row.send_queue}"
    if row.state == "LISTEN":
        queues = f"accept queue {row.accept_queue}, backlog {row.backlog}"
    return row.protocol, row.state, _written(row.local), _written(row.remote), queues


def _written(address: Address) -> str:
    if isinstance(address, str):
        return (address if address.isprintable() else ascii(address)[1:-1]) or "*"
    host, port = address
    name = {0: "*", EPHEMERAL: "ephemeral"}.get(port, port)
    return f"[{host}]:{name}" if ":" in host else f"{host}:{name}"


def _about(asked: int | str | None) -> str:
    if asked is None:
        return ""
    return f" on port {asked}" if isinstance(asked, int) else f" bound to {_written(asked)}"
