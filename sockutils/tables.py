"""The kernel's own table of sockets, read as `ss` reads it: through sock_diag netlink."""

import _socket
import errno
import os
import socket
import struct
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any, NamedTuple

from sockutils.columns import aligned
from sockutils.holders import Holder, holders_of, told

# <linux/netlink.h>, <linux/sock_diag.h>
NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY = 4, 20
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_DUMP_INTR, NLM_F_DUMP = 0x1, 0x10, 0x300
HEADER = struct.Struct("=IHH8x")  # length, type, flags
ATTRIBUTE = struct.Struct("=HH")  # length, type
STATUS = struct.Struct("=i")  # of NLMSG_ERROR and NLMSG_DONE: 0 or -errno
BUFFER = 1 << 16  # the kernel fills at most 32 KiB at a time

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
LIFE = list(STATES.values())
WANTED = sum(1 << number for number in STATES)

PROTOCOLS = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}
UNIX_TYPES = {1: "unix stream", 2: "unix dgram", 5: "unix seqpacket"}
COLUMNS = ("protocol", "state", "local", "remote", "queues")
HELD = "held by"
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


class Table(tuple[Row, ...]):
    """Rows in the order of a connection's life; the repr is the same text on every run.

    For that it says `ephemeral` instead of a port in ip_local_port_range, ip(7), unless that port
    was asked for. Rows are sorted as shown.
    """

    text: str

    def __repr__(self) -> str:
        return self.text


def sockets(port: int | None = None, path: str | None = None, holders: bool = False) -> Table:
    """Return the sockets of this network namespace: TCP and UDP over IPv4 and IPv6, and AF_UNIX.

    With `port`, only TCP and UDP sockets that have it as their local or remote port: both ends of
    a connection. With `path`, only AF_UNIX sockets bound to it ("@name" if abstract) or accepted
    on it: not their clients, which seldom have a name. TCP and UDP sockets that are only made, and
    TCP sockets that are only bound, are not shown.

    With `holders`, each row has the processes that hold it, and the text a column for them: "?"
    where you may not look, "the kernel" where no process holds it, as in TIME-WAIT. That reads the
    descriptors of every process, which takes longer the more there are.
    Raises OSError with the kernel's errno, ENOENT where it was built without that table,
    EAFNOSUPPORT where there is no netlink (not Linux). Source: sock_diag(7).
    """
    if port is not None and path is not None:
        raise ValueError("ask for a port or for a path, not for both")
    if port is not None and port not in range(1, 65536):
        raise ValueError(f"a port is 1 to 65535, not {port}")
    with closing(_netlink()) as kernel:
        if port is not None:
            rows, asked = list(_inet_rows(kernel, _port_filter(port))), f" on port {port}"
        elif path is not None:
            rows = [row for row in _unix_rows(kernel) if row.local == path]
            asked = f" bound to {path}"
        else:
            rows, asked = [*_inet_rows(kernel), *_unix_rows(kernel)], ""
    return table(with_holders(rows) if holders else rows, asked, port)


def rows_on(port: int) -> list[Row]:
    """Return the rows of `sockets(port)`, from Linux 6.8 on also TCP sockets only bound to it."""
    with closing(_netlink()) as kernel:
        return list(_inet_rows(kernel, _port_filter(port), WANTED | 1 << BOUND))


def with_holders(rows: Iterable[Row]) -> list[Row]:
    """Return the rows with their holders, all found in one look at the machine's processes."""
    rows = list(rows)
    found = holders_of({row.inode for row in rows} - {0})
    return [row._replace(holders=found.get(row.inode, ())) for row in rows]


def _netlink() -> _socket.socket:
    if not hasattr(socket, "AF_NETLINK"):
        raise OSError(errno.EAFNOSUPPORT, "sockets() asks Linux's netlink: this system has none")
    # the plain C class: trace() shall not note it
    return _socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG)


def _port_filter(port: int) -> bytes:
    # An instruction says how many bytes to go forward if it holds, and if not. Arriving at the end
    # (20) accepts, passing it by 4 rejects. JMP always goes the second way; its first is there
    # because the kernel wants every instruction reached by first ways alone (else EINVAL).
    source = (S_EQ, 8, 12, port)  # at 0, to 8 or 12
    jump = (JMP, 4, 12)  # at 8, to 20
    target = (D_EQ, 8, 12, port)  # at 12, to 20 or 24
    return INET_FILTER.pack(INET_FILTER.size, INET_DIAG_REQ_BYTECODE, *source, *jump, *target)


def _inet_rows(
    kernel: _socket.socket, port_filter: bytes = b"", states: int = WANTED
) -> Iterator[Row]:
    for protocol, number in PROTOCOLS.items():
        # A kernel without IPv6 answers for it too: with nothing.
        for family in (socket.AF_INET, socket.AF_INET6):
            request = INET_REQUEST.pack(family, number, states) + port_filter
            yield from (_inet_row(protocol, found) for found in _ask(kernel, request, protocol))


def _inet_row(protocol: str, found: bytes) -> Row:
    family, state, *ports, host, peer, receive, send, inode = INET_MESSAGE.unpack_from(found)
    size = 4 if family == socket.AF_INET else 16
    local = socket.inet_ntop(family, host[:size]), socket.ntohs(ports[0])
    remote = socket.inet_ntop(family, peer[:size]), socket.ntohs(ports[1])
    return Row(protocol, STATES[state], local, remote, *_queues(state, receive, send), inode)


def _queues(state: int, receive: int, send: int) -> tuple[int, int, int | None, int | None]:
    # A listener has no bytes: there the kernel reports its accept queue and backlog instead.
    return (0, 0, receive, send) if STATES[state] == "LISTEN" else (receive, send, None, None)


def _unix_rows(kernel: _socket.socket) -> Iterator[Row]:
    messages = _ask(kernel, UNIX_REQUEST.pack(socket.AF_UNIX, WANTED, UDIAG_SHOW), "unix")
    found = [(*UNIX_MESSAGE.unpack_from(message), _attributes(message)) for message in messages]
    # A peer is an inode: its name stands in a message of its own.
    names = {inode: _unix_name(values) for _, _, inode, values in found}
    for kind, state, inode, values in found:
        peer = int.from_bytes(values.get(UNIX_DIAG_PEER, b""), sys.byteorder)
        local, remote = names[inode], names.get(peer, "")
        queues = _queues(state, *UNIX_QUEUES.unpack(values[UNIX_DIAG_RQLEN]))
        yield Row(UNIX_TYPES[kind], STATES[state], local, remote, *queues, inode)


def _attributes(message: bytes) -> dict[int, bytes]:
    return dict(_parts(message[UNIX_MESSAGE.size :], ATTRIBUTE))


def _unix_name(values: dict[int, bytes]) -> str:
    # A path ends in NUL, an abstract name begins with it.
    name = values.get(UNIX_DIAG_NAME, b"").rstrip(b"\0").replace(b"\0", b"@")
    return name.decode(errors="backslashreplace")


def _ask(kernel: _socket.socket, request: bytes, protocol: str) -> list[bytes]:
    size = HEADER.size + len(request)
    kernel.send(HEADER.pack(size, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP) + request)
    messages: list[tuple[int, int, bytes]] = []
    kind = 0
    while kind not in (NLMSG_ERROR, NLMSG_DONE):
        messages += _parts(kernel.recv(BUFFER), HEADER)
        kind, _, body = messages[-1]
    # NLMSG_DONE carries an error too: ENOENT for a protocol comes only that way.
    (status,) = STATUS.unpack_from(body)
    if status:
        raise OSError(-status, f"{os.strerror(-status)}: the kernel's table of {protocol} sockets")
    # The table changed between two parts of the answer: a socket may be missing or there twice.
    if any(flags & NLM_F_DUMP_INTR for _, flags, _ in messages):
        return _ask(kernel, request, protocol)
    return [body for _, _, body in messages[:-1]]


def _parts(data: bytes, header: struct.Struct) -> Iterator[tuple[Any, ...]]:
    offset = 0
    while offset < len(data):
        length, *fields = header.unpack_from(data, offset)
        yield *fields, data[offset + header.size : offset + length]
        offset += (length + 3) & ~3  # the next one is aligned to 4 bytes


def table(rows: Iterable[Row], asked: str = "", port: int | None = None) -> Table:
    """Return the rows as a table, with `asked` in its text if there are none."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:
        first, last = map(int, file.read().split())
    ephemeral = range(first, last + 1)
    lines = sorted(
        (LIFE.index(row.state), (*_cells(row, port, ephemeral), *_held(row)), row) for row in rows
    )
    found = Table(row for _, _, row in lines)
    titles = [*COLUMNS, *[HELD for row in found[:1] if row.holders is not None]]
    cells = [titles, *(cells for _, cells, _ in lines)]
    found.text = aligned(cells) if lines else f"no sockets{asked}"
    return found


def _held(row: Row) -> list[str]:
    if row.holders is None:
        return []
    return [told(row.holders) if row.inode else "the kernel"]


def _cells(row: Row, asked: int | None, ephemeral: range) -> tuple[str, ...]:
    def written(address: Address) -> str:
        if isinstance(address, str):
            return address or "*"
        host, port = address
        name = "ephemeral" if port in ephemeral and port != asked else port or "*"
        return f"[{host}]:{name}" if ":" in host else f"{host}:{name}"

    queues = f"receive {row.receive_queue}, send {row.send_queue}"
    if row.state == "LISTEN":
        queues = f"accept queue {row.accept_queue}, backlog {row.backlog}"
    return row.protocol, row.state, written(row.local), written(row.remote), queues
