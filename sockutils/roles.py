"""Packets told by roles: client and server, where the header has ephemeral port numbers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sockutils.packet import Packet
from sockutils.remarks import remarks_on

End = tuple[str, int, str]  # host, port, and where there is no port on one host: who asks

MOST = 60  # packets in a picture: nobody reads more
AT = " at "  # between a role and its address
ENDS = {True: ("server", "client"), False: ("client", "server")}  # by who answers


class Row(NamedTuple):
    """A packet as transcript and picture show it: `left` is the client's role, `right` the
    server's, `forward` means from left to right, `seconds` count from the first packet. `flights`
    are the seconds that it took, once for each arrival; none if it never arrived."""

    seconds: float
    left: str
    right: str
    forward: bool
    label: str
    size: str
    flights: tuple[float, ...]


def rows(packets: Sequence[Packet], names: Mapping[int, str] | None = None) -> list[Row]:
    """Return one row for each packet; `names` maps a port to the role it plays.

    The first packet goes from client to server; in a TCP connection whose SYN is not here, the
    lower port is taken for the server's. What comes to a client from where it has sent nothing is
    an answer, too. Roles have their addresses unless all packets are between the same two.
    """
    ends = [_ends(packet) for packet in packets]
    flows = list(_flows(packets, ends))
    roles = _roles(flows, names or {})
    return [
        Row(
            (packet.nanoseconds - packets[0].nanoseconds) / 1e9,
            roles[client],
            roles[server],
            source == client,
            " ".join([packet.label, *[f"({remark})" for remark in remarks]]),
            packet.size,
            tuple([(time - packet.nanoseconds) / 1e9 for time in packet.arrivals or ()]),
        )
        for packet, (source, _), (client, server), remarks in zip(
            packets, ends, flows, remarks_on(packets), strict=True
        )
    ]


def elided(rows: list[Row]) -> list[Row]:
    """Return the rows; of more than 60 the first and last 30, and between them a row without roles
    whose label says how many are left out."""
    if len(rows) <= MOST:
        return rows
    half = MOST // 2
    words = f"… {len(rows) - MOST:,} packets left out …"
    gap = Row(rows[half].seconds, "", "", True, words, "", ())
    return [*rows[:half], gap, *rows[-half:]]


def transcript(rows: Sequence[Row], seconds: bool = False) -> str:
    """Return one line for each row; with `seconds` each begins with its time, in whole ones."""
    times = [f"{round(row.seconds)} s   " if seconds else "" for row in rows]
    time = max(map(len, times), default=0)
    left = max((len(row.left) for row in rows), default=0)
    right = max((len(row.right) for row in rows), default=0)
    label = max((len(row.label) for row in rows if row.size), default=0)
    lines = []
    for when, row in zip(times, rows, strict=True):
        arrow = "→" if row.forward else "←"
        ends = f"{when:>{time}}{row.left:<{left}} {arrow} {row.right:<{right}}   " * bool(row.left)
        lines.append(ends + (f"{row.label:<{label}}  {row.size}" if row.size else row.label))
    return "\n".join(lines) or "no packets"


def _ends(packet: Packet) -> tuple[End, End]:
    source, destination = packet.source, packet.destination
    if source == destination and not source[1]:
        here, there = ENDS[packet.is_answer]
        return (*source, here), (*destination, there)
    return (*source, ""), (*destination, "")


def _flows(packets: Sequence[Packet], ends: Sequence[tuple[End, End]]) -> Iterator[tuple[End, End]]:
    flows: dict[frozenset[End], tuple[End, End]] = {}
    clients: set[End] = set()
    for packet, (source, destination) in zip(packets, ends, strict=True):
        pair = frozenset((source, destination))
        if pair not in flows:
            unasked = destination in clients and source not in clients
            answers = _answers(packet, unasked)
            flows[pair] = (destination, source) if answers else (source, destination)
            clients.add(flows[pair][0])
        yield flows[pair]


def _answers(packet: Packet, unasked: bool) -> bool:
    if packet.flags:
        return packet.flags != "SYN" and packet.source[1] < packet.destination[1]
    return packet.is_answer or unasked


def _roles(flows: list[tuple[End, End]], names: Mapping[int, str]) -> dict[End, str]:
    kinds: dict[End, str] = {}
    for client, server in flows:
        kinds.setdefault(client, "client")
        kinds.setdefault(server, "server")
    several = len({frozenset((client[0], server[0])) for client, server in flows}) > 1
    roles = {end: names.get(end[1], "") for end in kinds}
    for kind in ("client", "server"):
        group = [end for end in kinds if kinds[end] == kind and not roles[end]]
        # one server may have several addresses
        keys = {end: end[1] if several and kind == "server" else end for end in group}
        numbers = {key: number for number, key in enumerate(dict.fromkeys(keys.values()), 1)}
        for end in group:
            roles[end] = f"{kind} {numbers[keys[end]]}" if len(numbers) > 1 else kind
    return {end: f"{role}{AT}{end[0]}" if several else role for end, role in roles.items()}
