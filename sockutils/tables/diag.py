"""The kernel's own table of sockets, read as `ss` reads it: mostly through sock_diag netlink."""

import _socket
from collections.abc import Iterable, Sequence
from contextlib import closing

from sockutils.figures.columns import aligned
from sockutils.tables.holders import holders_of, told
from sockutils.tables.netlink import open_netlink
from sockutils.tables.rows import (
    BOUND,
    STATES,
    WANTED,
    Address,
    Row,
    tcp_rows,
    unix_rows,
)
from sockutils.tables.udp import udp_rows

COLUMNS = ("protocol", "state", "local", "remote", "queues")
HELD = "held by"
LIFE = list(STATES.values())


class Table(tuple[Row, ...]):
    """Rows in the order of a connection's life; the repr is the same text on every run.

    For that it says `ephemeral` instead of a port in ip_local_port_range, ip(7), unless that port
    was asked for. Rows are sorted as shown. In a page both ends of a connection are joined, and
    what has changed since a table of the same port or path was shown last is said beside the row.
    """

    asked: str
    cells: list[Sequence[str]]  # the titles, and the row's texts
    before: "Table | None" = None  # the last one in the page, when this one has been shown

    def __repr__(self) -> str:
        return aligned(self.cells) if self else f"no sockets{self.asked}"

    def _repr_html_(self) -> str | None:
        from sockutils.tables.page import html

        if self.before is None:
            self.before = SHOWN.get(self.asked, Table())
        SHOWN[self.asked] = self
        titles, *cells = self.cells
        return html(self, titles, cells, self.before) if self else None


SHOWN: dict[str, Table] = {}  # what the page had last, by what was asked for


def sockets(port: int | None = None, path: str | None = None, holders: bool = False) -> Table:
    """Return the sockets of this network namespace: TCP and UDP over IPv4 and IPv6, and AF_UNIX.

    With `port`, only TCP and UDP sockets that have it as their local or remote port: both ends of
    a connection. With `path`, only AF_UNIX sockets bound to it ("@name" if abstract) or accepted
    on it: not their clients, which seldom have a name. TCP and UDP sockets that are only made, and
    TCP sockets that are only bound, are not shown.

    With `holders`, each row has the processes that hold it, and the text a column for them: "?"
    where you may not look, "the kernel" where no process holds it, as in TIME-WAIT. That reads the
    descriptors of every process, which takes longer the more there are.
    Raises OSError with the kernel's errno, EAFNOSUPPORT where there is no netlink (not Linux),
    ENOENT where the kernel has no table of TCP sockets, or with `path` none of AF_UNIX; without
    either argument the latter are left out there. Linux loads the modules tcp_diag and unix_diag
    to answer, as for `ss`. Sources: sock_diag(7); proc_pid_net(5) for UDP.
    """
    if port is not None and path is not None:
        raise ValueError("ask for a port or for a path, not for both")
    if port is not None and port not in range(1, 65536):
        raise ValueError(f"a port is 1 to 65535, not {port}")
    with closing(open_netlink()) as kernel:
        if port is not None:
            rows, asked = [*tcp_rows(kernel, port), *udp_rows(port)], f" on port {port}"
        elif path is not None:
            rows = [row for row in unix_rows(kernel) if row.local == path]
            asked = f" bound to {path}"
        else:
            rows, asked = [*tcp_rows(kernel), *udp_rows(), *_unix_rows_if_there(kernel)], ""
    return table(with_holders(rows) if holders else rows, asked, port)


def _unix_rows_if_there(kernel: _socket.socket) -> list[Row]:
    try:
        return list(unix_rows(kernel))
    except FileNotFoundError:
        return []


def rows_on(port: int | None = None) -> list[Row]:
    """Return TCP and UDP rows of `sockets(port)`, from Linux 6.8 on also TCP sockets only bound.

    Without a port, of all ports. OSError as there.
    """
    with closing(open_netlink()) as kernel:
        return [*tcp_rows(kernel, port, WANTED | 1 << BOUND), *udp_rows(port)]


def with_holders(rows: Iterable[Row]) -> list[Row]:
    """Return the rows with their holders, all found in one look at the machine's processes."""
    rows = list(rows)
    found = holders_of({row.inode for row in rows} - {0})
    return [row._replace(holders=found.get(row.inode, ())) for row in rows]


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
    found.cells = [titles, *(cells for _, cells, _ in lines)]
    found.asked = asked
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
