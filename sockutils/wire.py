"""What crossed an interface: packets with the kernel's time stamps, dissected by scapy."""

import _socket
import errno
import os
import socket
import struct
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from scapy.packet import Packet as ScapyPacket

Address = tuple[str, int]

# <asm-generic/socket.h>
SO_RCVBUFFORCE = 33
SO_TIMESTAMPNS = 35
# <linux/if_packet.h>, <linux/if_ether.h>, <linux/if_arp.h>
SOL_PACKET = 263
PACKET_STATISTICS = 6
PACKET_IGNORE_OUTGOING = 23
ETH_P_ALL = 0x0003
ETH_P_IP = 0x0800
ETH_P_IPV6 = 0x86DD
ARPHRD_LOOPBACK = 772
# <linux/tcp.h>, in the order in which they are read aloud
FLAGS = {2: "SYN", 4: "RST", 1: "FIN", 8: "PSH", 32: "URG", 16: "ACK", 64: "ECE", 128: "CWR"}
# <linux/in.h>
PROTOCOLS = {1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6"}
# draft-ietf-opsawg-pcap: nanosecond time stamps; LINKTYPE_RAW, packets begin with the IP header
PCAP_MAGIC = 0xA1B23C4D
PCAP_RAW = 101

BUFFER = 1 << 26  # bytes asked for; without privilege the kernel gives net.core.rmem_max
LARGEST = 1 << 17  # bytes, more than any IP packet holds
REFUSED = (
    "capture() needs the private network (or CAP_NET_RAW): "
    "choose the kernel 'Sockets (private network)' in the notebook's Kernel menu"
)
MISSING = "capture() needs Linux (AF_PACKET): open the course on Linux, in WSL2 or on Binder"


@dataclass(frozen=True, repr=False)
class Packet:
    """One IP packet: `nanoseconds` since 1970 by the kernel's clock, and its `raw` bytes.

    `.scapy` is the dissected packet for the curious. seq, ack and window exist for TCP only
    (AttributeError otherwise); window is the header's own field, before scaling (RFC 7323).
    """

    nanoseconds: int
    raw: bytes

    @property
    def time(self) -> float:
        """Seconds since 1970."""
        return self.nanoseconds / 1e9

    @cached_property
    def scapy(self) -> "ScapyPacket":
        """The packet as scapy dissects it."""
        from scapy.layers.inet import IP
        from scapy.layers.inet6 import IPv6

        return IPv6(self.raw) if self.raw[0] >> 4 == 6 else IP(self.raw)

    @cached_property
    def _header(self) -> "ScapyPacket":
        layer = self.scapy
        while type(layer.payload).__name__.startswith("IPv6ExtHdr"):
            layer = layer.payload
        return layer

    @property
    def _inner(self) -> "ScapyPacket":
        return self._header.payload

    @cached_property
    def protocol(self) -> str:
        """TCP, UDP, ICMP, ICMPv6, or the number of any other."""
        number = getattr(self._header, "nh" if self.raw[0] >> 4 == 6 else "proto")
        return PROTOCOLS.get(number, f"protocol {number}")

    @cached_property
    def _ports(self) -> tuple[int, int]:
        if self._inner.name in ("TCP", "UDP"):
            return self._inner.sport, self._inner.dport
        # icmp(7): a ping socket's port is the identifier of its echoes
        if self._message.endswith("echo request"):
            return self._inner.id, 0
        return 0, self._inner.id if self._message.endswith("echo reply") else 0

    @property
    def source(self) -> Address:
        """(host, port); port 0 where the protocol has none."""
        return self.scapy.src, self._ports[0]

    @property
    def destination(self) -> Address:
        """(host, port); port 0 where the protocol has none."""
        return self.scapy.dst, self._ports[1]

    @property
    def flags(self) -> str:
        """TCP's flags, such as SYN ACK; nothing for other protocols."""
        if self._inner.name != "TCP":
            return ""
        value = int(self._inner.flags)
        return " ".join(name for bit, name in FLAGS.items() if value & bit)

    @property
    def payload(self) -> bytes:
        """What the program sent: the bytes after the TCP, UDP or ICMP header."""
        # scapy builds a known payload (DNS) anew; the original bytes are what crossed
        return bytes(getattr(self._inner.payload, "original", b""))

    @property
    def seq(self) -> int:
        """TCP's sequence number, as in the header."""
        return self._tcp("seq")

    @property
    def ack(self) -> int:
        """TCP's acknowledgement number, as in the header."""
        return self._tcp("ack")

    @property
    def window(self) -> int:
        """TCP's window, as in the header: unscaled."""
        return self._tcp("window")

    def _tcp(self, field: str) -> int:
        if self._inner.name != "TCP":  # scapy would look on, into a quoted packet
            raise AttributeError(f"{self!r} has no {field}: only TCP has")
        return int(getattr(self._inner, field))

    @cached_property
    def quoted(self) -> "Packet | None":
        """The packet that an ICMP error is about (its beginning, RFC 792), or None."""
        layer = self._inner.payload
        is_error = type(layer).__name__ in ("IPerror", "IPerror6")
        return Packet(self.nanoseconds, layer.original) if is_error else None

    @cached_property
    def _message(self) -> str:
        if not self.protocol.startswith("ICMP"):
            return ""
        unreachable = 3 if self.protocol == "ICMP" else 1  # says nothing without its code
        field = "%code%" if getattr(self._inner, "type", None) == unreachable else "%type%"
        words = self._inner.sprintf(field).lower().replace("-", " ")
        return f"{self.protocol} {words}"

    @property
    def label(self) -> str:
        """What the packet is, in a word or two: SYN ACK, UDP, ICMP port unreachable."""
        return self.flags or self._message or self.protocol

    @property
    def size(self) -> str:
        """The length of a TCP or UDP payload in words; nothing for a TCP packet without one."""
        if self._inner.name not in ("TCP", "UDP"):  # not so: a later fragment, without a header
            return ""
        count = len(self.payload)
        if not count and self.protocol == "TCP":
            return ""
        return "1 byte" if count == 1 else f"{count} bytes"

    def __repr__(self) -> str:
        protocol = "" if self.label.startswith(self.protocol) else self.protocol
        return " ".join(filter(None, [protocol, self.label, self.size]))


class End(NamedTuple):
    address: Address
    # whom a TCP client talks to: on a small range of ports two connections share an address
    peer: Address | None


class Row(NamedTuple):
    """A packet as transcript and picture show it: `left` is the client's role, `right` the
    server's, `forward` means from left to right, `seconds` count from the first packet."""

    seconds: float
    left: str
    right: str
    forward: bool
    label: str
    size: str


class Packets(list[Packet]):
    """Packets in the order in which they arrived; as text, a transcript with roles for ports."""

    def __repr__(self) -> str:
        return transcript(self.rows())

    def rows(self, names: Mapping[int, str] | None = None) -> list[Row]:
        """One row for each packet; `names` maps a port to the role it plays.

        TCP: the first SYN goes from client to server; UDP: the first datagram does. In a
        connection whose SYN is not here, the lower port is taken for the server's.
        """
        ends = list(_ends(self))
        roles = _roles(ends, names or {})
        return [
            Row(
                (packet.nanoseconds - self[0].nanoseconds) / 1e9,
                roles[client],
                roles[server],
                _forward(packet, client.address),
                packet.label + (" (again)" if repeated else ""),
                packet.size,
            )
            for packet, (client, server), repeated in zip(self, ends, _again(self), strict=True)
        ]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a pcap file that Wireshark opens, in place of what is there."""
        with Path(path).open("wb") as file:
            file.write(struct.pack("<IHHiIII", PCAP_MAGIC, 2, 4, 0, 0, LARGEST, PCAP_RAW))
            for packet in self:
                seconds, nanoseconds = divmod(packet.nanoseconds, 10**9)
                length = len(packet.raw)
                file.write(struct.pack("<IIII", seconds, nanoseconds, length, length))
                file.write(packet.raw)


def transcript(rows: list[Row], seconds: bool = False) -> str:
    """The rows as text, one line each; with `seconds` each begins with its time, in whole ones."""
    left = max((len(row.left) for row in rows), default=0)
    right = max((len(row.right) for row in rows), default=0)
    label = max((len(row.label) for row in rows if row.size), default=0)
    times = [f"{round(row.seconds)} s   " if seconds else "" for row in rows]
    time = max(map(len, times), default=0)
    lines = [
        f"{when:>{time}}{row.left:<{left}} {'→' if row.forward else '←'} {row.right:<{right}}   "
        + (f"{row.label:<{label}}  {row.size}" if row.size else row.label)
        for when, row in zip(times, rows, strict=True)
    ]
    return "\n".join(lines) or "no packets"


@contextmanager
def capture(port: int | None = None, interface: str = "lo") -> Iterator[Packets]:
    """Record what crosses the interface while the block runs; the list is filled as it ends.

    `port` keeps the TCP and UDP packets from or to that port and the ICMP errors about them.
    On lo, where every packet is seen leaving and arriving, it is kept once. OSError: EPERM
    without CAP_NET_RAW, EAFNOSUPPORT where there is no AF_PACKET, ENODEV for an unknown
    interface, ENOBUFS if packets came faster than they fit in memory. packet(7).
    The first capture imports scapy, which opens netlink sockets: a trace() around it shows them,
    one inside it does not.
    """
    with closing(_recorder()) as recorder:
        import scapy.layers.inet6  # noqa: F401  (half a second: now, not inside the block)

        recorder.bind((interface, 0))  # hears nothing yet
        if recorder.getsockname()[3] == ARPHRD_LOOPBACK:
            recorder.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        _wait_for_time_stamps()
        recorder.bind((interface, ETH_P_ALL))
        packets = Packets()
        try:
            yield packets
        finally:
            packets += (packet for packet in _received(recorder) if _concerns(packet, port))
        # not reached when the block raised: that error matters more
        _complain_about_losses(recorder)


def _recorder() -> _socket.socket:
    if not hasattr(socket, "AF_PACKET"):
        raise OSError(errno.EAFNOSUPPORT, MISSING)
    try:
        # the plain C class: trace() shall not note it
        recorder = _socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    except PermissionError:
        raise OSError(errno.EPERM, REFUSED) from None
    recorder.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    try:
        recorder.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    except PermissionError:  # asks for privilege outside the private network
        recorder.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    recorder.setblocking(False)
    return recorder


def _wait_for_time_stamps() -> None:
    # The kernel starts to stamp packets some milliseconds after it was asked to (a work queue:
    # net_enable_timestamp()). One that came before gets the time at which it is read, far too late.
    with closing(_socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        probe.bind(("127.0.0.1", 0))
        probe.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        stamp = sent = 0
        while stamp >= sent:
            probe.sendto(b"", probe.getsockname())
            sent = time.time_ns()
            _, ancillary, _, _ = probe.recvmsg(1, socket.CMSG_SPACE(16))
            stamp = _nanoseconds(ancillary)


def _nanoseconds(ancillary: list[tuple[int, int, bytes]]) -> int:
    seconds, nanoseconds = struct.unpack("@ll", ancillary[0][2])
    return int(seconds * 10**9 + nanoseconds)


def _received(recorder: _socket.socket) -> Iterator[Packet]:
    # an interface that went down leaves ENETDOWN before the packets: reading clears it
    recorder.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    while True:
        try:
            raw, ancillary, _, address = recorder.recvmsg(LARGEST, socket.CMSG_SPACE(16))
        except BlockingIOError:
            return
        if address[1] in (ETH_P_IP, ETH_P_IPV6):
            yield Packet(_nanoseconds(ancillary), raw)


def _complain_about_losses(recorder: _socket.socket) -> None:
    statistics = recorder.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
    _, lost = struct.unpack("@II", statistics)
    if lost:
        room = recorder.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        reason = f"its buffer ({room:,} bytes) was full: let less happen in the block"
        raise OSError(errno.ENOBUFS, f"capture lost {lost} packets, {reason}")


def _concerns(packet: Packet, port: int | None) -> bool:
    subject = packet.quoted or packet
    if port is None:
        return True
    has_ports = subject.protocol in ("TCP", "UDP")
    return has_ports and port in (subject.source[1], subject.destination[1])


def _ends(packets: Iterable[Packet]) -> Iterator[tuple[End, End]]:
    servers: dict[frozenset[Address], Address] = {}
    for packet in packets:
        subject = packet.quoted or packet
        pair = frozenset((subject.source, subject.destination))
        server = servers.setdefault(pair, _server(subject))
        client = next(iter(pair - {server}), server)  # a socket connected to itself is both
        first = End(client, server if subject.protocol == "TCP" else None)
        yield first, first if client == server else End(server, None)


def _server(packet: Packet) -> Address:
    source, destination, words = packet.source, packet.destination, packet.flags.split()
    if packet.protocol == "TCP" and "SYN" not in words:
        return min(destination, source, key=lambda address: address[1])
    if "ACK" in words or (destination[1] and not source[1]):  # an answer: SYN ACK, echo reply
        return source
    return destination


def _forward(packet: Packet, client: Address) -> bool:
    if packet.quoted:  # goes back to where the quoted packet came from
        return packet.quoted.source != client
    return packet.source == client


def _roles(ends: list[tuple[End, End]], names: Mapping[int, str]) -> dict[End, str]:
    kinds: dict[End, str] = {}
    for client, server in ends:
        kinds.setdefault(client, "client")
        kinds.setdefault(server, "server" if server.address[1] else "host")
    roles = {}
    for kind in ("client", "server", "host"):
        group = [end for end in kinds if kinds[end] == kind and end.address[1] not in names]
        for number, end in enumerate(group, 1):
            suffix = f" {number}" if kind == "client" else _which(end, group)
            roles[end] = kind + (suffix if len(group) > 1 else "")
    return {end: names.get(end.address[1]) or roles[end] for end in kinds}


def _which(end: End, others: list[End]) -> str:
    host, port = end.address
    if not port:
        return f" {host}"
    if [other.address[1] for other in others].count(port) == 1:
        return f" :{port}"
    return f" [{host}]:{port}" if ":" in host else f" {host}:{port}"


def _again(packets: Iterable[Packet]) -> list[bool]:
    seen = set()
    again = []
    for packet in packets:
        # an ACK that repeats is news; what takes a sequence number is not
        repeats = packet.payload or "SYN" in packet.flags or "FIN" in packet.flags
        if packet.protocol != "TCP" or not repeats:
            again.append(False)
            continue
        key = (packet.source, packet.destination, packet.seq, packet.flags)
        again.append(key in seen)
        seen.add(key)
    return again
