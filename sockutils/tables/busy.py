"""Who has a port: what stands in the way of a bind(), and which processes hold it."""

import _socket
import os
import socket
from contextlib import closing, suppress

from sockutils.tables.diag import Table, rows_on, table, with_holders
from sockutils.tables.rows import Row


def who_holds(port: int, host: str = "", protocol: str = "tcp") -> Table:
    """Return the sockets that have this port as their own, with the processes that hold them.

    With `host`, an address in numbers, only those that stand in the way of a bind() to it: of the
    same address, or where either is the wildcard one; "::" stands for IPv4 too, unless its socket
    has IPV6_V6ONLY, which the table does not tell. TCP sockets that are only bound are here as
    well; before Linux 6.8, only those of this process.
    Raises OSError as `sockets()` does, ValueError for a host that is no address.
    """
    rows = rows_on(port)
    seen = {row.inode for row in rows}
    rows += [row for row in _bound_here() if row.inode not in seen]
    mine = [row for row in rows if row.protocol == protocol and row.local[1] == port]
    held = with_holders(row for row in mine if not host or collide(host, str(row.local[0])))
    return table(held, f" on port {port}", port)


def collide(one: str, other: str) -> bool:
    """Tell whether sockets on these addresses, in numbers, are in each other's way."""
    from ipaddress import ip_address

    hosts = (host.partition("%")[0] for host in (one, other))  # fe80::1%lo
    first, second = sorted(map(ip_address, hosts), key=lambda host: host.version)
    if first.version != second.version:
        return second.is_unspecified
    return first == second or first.is_unspecified or second.is_unspecified


def _bound_here() -> list[Row]:
    rows = []
    for number in map(int, os.listdir("/proc/self/fd")):
        with suppress(OSError), closing(_copy(number)) as sock:
            if _is_only_bound(sock):
                host, port, *_ = sock.getsockname()
                nowhere = ("0.0.0.0" if sock.family == socket.AF_INET else "::", 0)
                inode = os.fstat(sock.fileno()).st_ino
                rows.append(Row("tcp", "UNCONN", (host, port), nowhere, 0, 0, None, None, inode))
    return rows


def _copy(descriptor: int) -> _socket.socket:
    # a descriptor of its own: another thread may close the first one at any time
    copy = os.dup(descriptor)
    try:
        return _socket.socket(fileno=copy)  # the plain C class: trace() shall not note it
    except OSError:  # no socket
        os.close(copy)
        raise


def _is_only_bound(sock: _socket.socket) -> bool:
    if sock.family not in (socket.AF_INET, socket.AF_INET6) or sock.proto != socket.IPPROTO_TCP:
        return False
    # tcp(7): struct tcp_info begins with the state, and 7 is TCP_CLOSE
    closed = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) == b"\x07"
    return closed and sock.getsockname()[1] != 0
