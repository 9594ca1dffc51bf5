"""Packets told by roles: client and server, where the header has ephemeral port numbers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sockutils.packet import Address, Packet


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
    lower port is taken for the server's.
    """
    flows = list(_flows(packets))
    roles = _roles(flows, names or {})
    return [
        Row(
            (packet.nanoseconds - packets[0].nanoseconds) / 1e9,
            roles[client],
            roles[server],
            packet.source == client,
            " ".join([packet.label, *(f"({remark})" for remark in remarks)]),
            packet.size,
            tuple((time - packet.nanoseconds) / 1e9 for time in packet.arrivals or ()),
        )
        for packet, (client, server), remarks in zip(packets, flows, _remarks(packets), strict=True)
    ]


def transcript(rows: Sequence[Row], seconds: bool = False) -> str:
    """Return one line for each row; with `seconds` each begins with its time, in whole ones."""
    times = [f"{round(row.seconds)} s   " if seconds else "" for row in rows]
    time = max(map(len, times), default=0)
    left = max((len(row.left) for row in rows), default=0)
    right = max((len(row.right) for row in rows), default=0)
    label = max((len(row.label) for row in rows if row.size), default=0)
    lines = [
        f"{when:>{time}}{row.left:<{left}} {'→' if row.forward else '←'} {row.right:<{right}}   "
        + (f"{row.label:<{label}}  {row.size}" if row.size else row.label)
        for when, row in zip(times, rows, strict=True)
    ]
    return "\n".join(lines) or "no packets"


def _flows(packets: Sequence[Packet]) -> Iterator[tuple[Address, Address]]:
    servers: dict[frozenset[Address], Address] = {}
    for packet in packets:
        source, destination = packet.source, packet.destination
        server = servers.setdefault(frozenset((source, destination)), _server(packet))
        yield (source, server) if server == destination else (destination, server)


def _server(packet: Packet) -> Address:
    if packet.protocol == "TCP" and packet.flags != "SYN":
        return min(packet.destination, packet.source, key=lambda address: address[1])
    return packet.destination


def _roles(flows: list[tuple[Address, Address]], names: Mapping[int, str]) -> dict[Address, str]:
    kinds: dict[Address, str] = {}
    for client, server in flows:
        kinds.setdefault(client, "client")
        kinds.setdefault(server, "server")
    roles = {end: names.get(end[1], "") for end in kinds}
    for kind in ("client", "server"):
        group = [end for end in kinds if kinds[end] == kind and not roles[end]]
        for number, end in enumerate(group, 1):
            roles[end] = f"{kind} {number}" if len(group) > 1 else kind
    return roles


def _remarks(packets: Sequence[Packet]) -> Iterator[list[str]]:
    for place, (packet, repeated) in enumerate(zip(packets, _again(packets), strict=True)):
        times = packet.arrivals
        later = [other for other in packets[place + 1 :] if other.source == packet.source]
        overtaken = times and any(
            other.arrivals and other.arrivals[0] < times[0] for other in later
        )
        remarks = {
            "again": repeated,
            "lost": times == (),
            "on its way": times is None,
            "twice": times and len(times) > 1,
            "overtaken": overtaken,
        }
        yield [remark for remark, true in remarks.items() if true]


def _again(packets: Sequence[Packet]) -> Iterator[bool]:
    seen = set()
    for packet in packets:
        seq = getattr(packet.scapy, "seq", 0)
        sent = (packet.source, packet.destination, packet.flags, seq)
        yield sent in seen
        # an ACK that repeats is news; what takes a sequence number is not
        if packet.flags and (packet.payload or "SYN" in packet.flags or "FIN" in packet.flags):
            seen.add(sent)
