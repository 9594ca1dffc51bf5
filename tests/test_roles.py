from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Packet as ScapyPacket

from sockutils.packet import Packet
from sockutils.roles import rows, transcript

HERE = {"src": "127.0.0.1", "dst": "127.0.0.1"}


def tcp(flags: str, source: int, destination: int, seq: int = 0, data: bytes = b"") -> ScapyPacket:
    return IP(**HERE) / TCP(sport=source, dport=destination, flags=flags, seq=seq) / data


def udp(source: int, destination: int) -> ScapyPacket:
    return IP(**HERE) / UDP(sport=source, dport=destination)


def recorded(*packets: ScapyPacket) -> list[Packet]:
    return [Packet(0, bytes(each)) for each in packets]


def text(*packets: ScapyPacket) -> str:
    return transcript(rows(recorded(*packets)))


def test_several_clients_are_numbered_in_order() -> None:
    syns = tcp("S", 40009, 5000), tcp("S", 40001, 5000)
    assert text(*syns, tcp("SA", 5000, 40009), tcp("SA", 5000, 40001)) == (
        "client 1 → server   SYN\n"
        "client 2 → server   SYN\n"
        "client 1 ← server   SYN ACK\n"
        "client 2 ← server   SYN ACK"
    )


def test_several_servers_are_numbered_too() -> None:
    syn6 = IPv6(src="::1", dst="::1") / TCP(sport=40001, dport=5000)
    assert text(tcp("S", 40001, 5000), syn6) == (
        "client 1 → server 1   SYN\nclient 2 → server 2   SYN"
    )


def test_one_udp_socket_is_one_client_of_two_servers() -> None:
    assert text(udp(40001, 5000), udp(40001, 5001), udp(5001, 40001)) == (
        "client → server 1   UDP  0 bytes\n"
        "client → server 2   UDP  0 bytes\n"
        "client ← server 2   UDP  0 bytes"
    )


def test_icmp_goes_to_whoever_sent_the_quoted_packet() -> None:
    answer = udp(5000, 40001)
    error = IP(**HERE) / ICMP(type=3, code=3) / answer
    assert text(udp(40001, 5000), answer, error) == (
        "client → server   UDP  0 bytes\n"
        "client ← server   UDP  0 bytes\n"
        "client → server   ICMP port unreachable"
    )


def test_names_replace_roles() -> None:
    packets = recorded(tcp("S", 40001, 5000), tcp("S", 40002, 5001), tcp("S", 40003, 5001))
    assert transcript(rows(packets, {5000: "listener", 40002: "alice"})) == (
        "client 1 → listener   SYN\nalice    → server     SYN\nclient 2 → server     SYN"
    )


def test_without_the_syn_the_lower_port_is_the_server() -> None:
    assert text(tcp("FA", 5000, 40001)) == "client ← server   FIN ACK"


def test_what_is_sent_again_is_marked() -> None:
    data = tcp("PA", 40001, 5000, seq=8, data=b"x")
    syn, ack = tcp("S", 40001, 5000, seq=7), tcp("A", 40001, 5000, seq=8)
    packets = recorded(syn, syn, ack, ack, data, data, tcp("S", 40002, 5000, seq=7))
    labels = ["SYN", "SYN (again)", "ACK", "ACK", "PSH ACK", "PSH ACK (again)", "SYN"]
    assert [row.label for row in rows(packets)] == labels


def test_what_became_of_a_packet_on_a_link_is_told() -> None:
    packets = recorded(*[udp(40001, 5000)] * 5, udp(5000, 40001))
    fates: list[tuple[int, ...] | None] = [(9,), (), (5, 6), None, (7,), (1,)]
    for packet, fate in zip(packets, fates, strict=True):
        packet.arrivals = fate
    labels = ["UDP (overtaken)", "UDP (lost)", "UDP (twice)", "UDP (on its way)", "UDP", "UDP"]
    found = rows(packets)
    assert [row.label for row in found] == labels
    assert [row.flights for row in found[:4]] == [(9e-9,), (), (5e-9, 6e-9), ()]


def test_seconds_are_whole_and_count_from_the_first() -> None:
    syn = bytes(tcp("S", 40001, 5000))
    packets = [Packet(time, syn) for time in (5_900_000_000, 6_870_000_000, 15_960_000_000)]
    assert transcript(rows(packets), seconds=True) == (
        " 0 s   client → server   SYN\n"
        " 1 s   client → server   SYN (again)\n"
        "10 s   client → server   SYN (again)"
    )


def test_no_packets_have_a_text() -> None:
    assert text() == "no packets"
