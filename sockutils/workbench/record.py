"""What happens, in order: calls, packets, states."""

from collections.abc import Iterable
from contextlib import closing, suppress
from typing import Any, NamedTuple

from sockutils.packets.packet import Packet
from sockutils.tables.netlink import open_netlink
from sockutils.tables.rows import Row, tcp_rows, unix_rows
from sockutils.tables.udp import udp_rows
from sockutils.workbench.end import End, Seen, queues, seen

MOST = 1000  # things that are kept: older ones are dropped
OTHERS = {"client": "server", "server": "client", "second": "server"}


class Event(NamedTuple):
    """Something that happened in the step of that number: a `Call`, one that has returned late, a
    `Packet` with the programs that it goes between, a change of states, or what the line did."""

    number: int
    kind: str  # call, ended, packet, states, line
    what: Any
    ends: tuple[str, str] = ("", "")


class Told(NamedTuple):
    """The state of one end, in words."""

    program: str
    words: str


class Record:
    """Events in order, and the states as they are now."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.states: list[Seen] = []
        self.owners: dict[int, str] = {}  # whose a port is
        self.asked: set[int] = set()  # ports that a program has called
        self.knocked: set[int] = set()  # ports whose SYN has been seen
        self._rows: list[Row] = []
        self.datagrams_sent = self.datagrams_seen = 0
        self._told: dict[str, Told] = {}

    def note(self, number: int, kind: str, what: Any, ends: tuple[str, str] = ("", "")) -> None:
        self.events.append(Event(number, kind, what, ends))
        del self.events[:-MOST]

    def look(self, ends: list[End]) -> None:
        """See the states of these ends, and of those that wait for accept()."""
        self._rows = table(ends, self.owners)
        self.states = seen(ends, self._rows)
        for end in ends:
            if end.addresses and isinstance(end.addresses[0], tuple):
                self.owners[end.addresses[0][1]] = end.program

    def packets(self, number: int, packets: Iterable[Packet], program: str) -> bool:
        """Note those that are of these programs, of which that one has made the last call. Tell
        whether there were any."""
        before = len(self.events)
        for packet in packets:
            source, target = packet.source[1], packet.destination[1]
            if {source, target} & {*self.owners, *self.asked}:
                self._own(source, packet.flags == "SYN", program)
                self.note(number, "packet", packet, self._between(source, target))
                self.datagrams_seen += packet.protocol == "UDP"
                if packet.flags == "SYN":
                    self.knocked.add(source)
        return len(self.events) > before

    def _own(self, port: int, begins: bool, program: str) -> None:
        # most sockets are in the table; that of a connect() that was refused is not
        held = begins and port in map(port_of, self._rows)
        if port not in self.asked and (port not in self.owners or (begins and not held)):
            self.owners[port] = program

    def _between(self, source: int, target: int) -> tuple[str, str]:
        # where nobody has the port, the kernel of the other machine answers
        sender, receiver = self.owners.get(source), self.owners.get(target)
        sender = sender or OTHERS[receiver or "server"]
        return sender, receiver or OTHERS[sender]

    def changes(self, number: int) -> bool:
        """Note how the states differ from those before; tell whether they do."""
        told: dict[str, Told] = {}
        for one in self.states:
            words = ", ".join(filter(None, [one.state, queues(one)]))
            told[one.name] = Told(one.program, f"{one.name} {words}")
        changed = [new for name, new in told.items() if self._told.get(name) != new]
        gone = [(old.program, name) for name, old in self._told.items() if name not in told]
        changed += [Told(program, f"{name} gone") for program, name in gone]
        self._told = told
        if changed:
            self.note(number, "states", changed)
        return bool(changed)


def table(ends: list[End], ports: Iterable[int]) -> list[Row]:
    """The kernel's rows of these ends, and of these ports."""
    inodes, ours = {end.inode for end in ends}, set(ports)
    with closing(open_netlink()) as kernel:
        rows: list[Row] = []
        if any(end.protocol != "unix" for end in ends):
            rows += [*tcp_rows(kernel), *udp_rows()]
        if any(end.protocol == "unix" for end in ends):
            with suppress(OSError):  # a kernel without that table
                rows += unix_rows(kernel)
    return [row for row in rows if row.inode in inodes or port_of(row) in ours]


def port_of(row: Row) -> int | None:
    return row.local[1] if isinstance(row.local, tuple) else None
