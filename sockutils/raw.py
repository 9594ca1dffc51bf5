"""An IP packet's bytes: as much as a Link and a text have to read of them."""

from typing import NamedTuple

# IANA's protocol numbers; RFC 8200, 4.5
ICMP, TCP, UDP, FRAGMENT, ICMPV6 = 1, 6, 17, 44, 58
# those whose header begins with the ports: also DCCP, SCTP, UDP-Lite
WITH_PORTS = {TCP, UDP, 33, 132, 136}
EXTENSIONS = {0, 43, 60}  # hop-by-hop options, routing header, destination options
# RFC 792 and RFC 4443: an error quotes the packet that it is about
ERRORS = {ICMP: (3, 11, 12), ICMPV6: (1, 2, 3, 4)}
ECHO_REPLY = {ICMP: 0, ICMPV6: 129}
SYN, SYN_ACK = 0x02, 0x12  # RFC 9293
END_OF_OPTIONS, NO_OPERATION = 0, 1  # RFC 9293, 3.2
MPTCP = 30  # RFC 8684, 3: a TCP option


class Layout(NamedTuple):
    """What follows the IP header: which protocol, from which byte on, and which part of it.

    `fragment` is where in its datagram it begins, in units of 8 bytes: 0 unless it is a later one.
    """

    protocol: int
    start: int
    fragment: int


class Parts(NamedTuple):
    """Which protocol, which fragment of it, and where its header, its data and the padding begin.

    A later fragment has no header; a protocol other than TCP, UDP and ICMP has nothing but one.
    """

    protocol: int
    fragment: int
    header: int
    data: int
    end: int


def layout(raw: bytes) -> Layout:
    """IndexError if the packet is cut off within a header."""
    if raw[0] >> 4 == 4:
        return Layout(raw[9], (raw[0] & 15) * 4, int.from_bytes(raw[6:8]) & 0x1FFF)
    protocol, start = raw[6], 40
    while protocol in EXTENSIONS:
        protocol, start = raw[start], start + 8 * (raw[start + 1] + 1)
    if protocol == FRAGMENT:
        fragment = int.from_bytes(raw[start + 2 : start + 4]) >> 3
        return Layout(raw[start], start + 8, fragment)
    return Layout(protocol, start, 0)


def is_whole(raw: bytes) -> bool:
    """Whether it begins with a whole IP header, which nobody has to send in a frame of IP."""
    return len(raw) >= {4: 20, 6: 40}.get(raw[0] >> 4 if raw else 0, 1 << 17)


def parts(raw: bytes) -> Parts:
    """The parts of a packet, also of one that is cut off, without the padding of a short frame."""
    length = len(raw)
    try:
        protocol, start, fragment = layout(raw)
    except IndexError:  # within IPv6's extension headers
        return Parts(raw[6], 0, length, length, length)
    whole = int.from_bytes(raw[2:4]) if raw[0] >> 4 == 4 else int.from_bytes(raw[4:6]) + 40
    end = min(whole or length, length)
    if fragment:
        body = start
    elif protocol == TCP and end > start + 13:
        body = start + (raw[start + 12] >> 2 & 60)
    else:
        body = start + 8 if protocol in (UDP, *ERRORS) else end
    return Parts(protocol, fragment, start, min(body, end), end)


def is_multipath(options: bytes) -> bool:
    """Whether the options of a TCP header have that of Multipath TCP."""
    while len(options) > 1 and options[0] not in (END_OF_OPTIONS, MPTCP):
        options = options[1 if options[0] == NO_OPERATION else max(options[1], 2) :]
    return options[:1] == bytes([MPTCP])


def destination(raw: bytes) -> bytes:
    """The address that the packet goes to, 4 or 16 bytes."""
    return raw[16:20] if raw[0] >> 4 == 4 else raw[24:40]


def exchanged(raw: bytes) -> bytes:
    """The packet with source and destination exchanged, also in what an ICMP error quotes."""
    protocol, start, fragment = layout(raw)
    if not fragment and raw[start] in ERRORS.get(protocol, ()):
        return turned(raw[: start + 8]) + turned(raw[start + 8 :])
    return turned(raw)


def turned(raw: bytes) -> bytes:
    """The packet with source and destination exchanged in its own header only."""
    if raw[0] >> 4 == 4:
        return raw[:12] + raw[16:20] + raw[12:16] + raw[20:]
    return raw[:8] + raw[24:40] + raw[8:24] + raw[40:]


def flow_of(raw: bytes) -> tuple[bytes, bytes]:
    """The protocol and ports of a packet, and what they are in the other direction."""
    protocol, start, _ = layout(raw)
    kind, ports = bytes([raw[0] >> 4, protocol]), raw[start : start + 4]
    if protocol not in ERRORS:
        return kind + ports, kind + ports[2:] + ports[:2]
    if raw[start] in ERRORS[protocol]:  # it quotes what arrived, and that came from the other side
        there, back = flow_of(raw[start + 8 :])
        return back, there
    pair = (kind + b"ping", kind + b"pong")
    return pair[::-1] if raw[start] == ECHO_REPLY[protocol] else pair


def begins(raw: bytes) -> bool:
    """Whether the packet may be the first of its flow: in TCP only a SYN, which has no ACK."""
    protocol, start, _ = layout(raw)
    if protocol == TCP:
        return raw[start + 13] & SYN_ACK == SYN
    return protocol not in ERRORS or raw[start] not in (ECHO_REPLY[protocol], *ERRORS[protocol])
