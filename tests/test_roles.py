import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, IPv6
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
    assert text(tcp("S", 40001, 5000), tcp("S", 40001, 5001)) == (
        "client → server 1   SYN\nclient → server 2   SYN"
    )


def test_one_server_of_both_families() -> None:
    syn6 = IPv6(src="::1", dst="::1") / TCP(sport=40001, dport=5000)
    assert text(tcp("S", 40001, 5000), syn6) == (
        "client 1 at 127.0.0.1 → server at 127.0.0.1   SYN\n"
        "client 2 at ::1       → server at ::1         SYN"
    )


def between(source: str, destination: str, layers: ScapyPacket) -> ScapyPacket:
    return IP(src=source, dst=destination) / layers


def test_an_answer_from_another_address_is_seen() -> None:
    client, server = "127.0.0.1", "127.0.0.2"
    question = between(client, server, UDP(sport=40001, dport=5000))
    answer = between(client, client, UDP(sport=5000, dport=40001))
    error = between(client, client, ICMP(type=3, code=3) / answer)
    assert text(question, answer, error) == (
        "client at 127.0.0.1 → server at 127.0.0.2   UDP  0 bytes\n"
        "client at 127.0.0.1 ← server at 127.0.0.1   UDP  0 bytes\n"
        "client at 127.0.0.1 → server at 127.0.0.1   ICMP port unreachable"
    )


def test_addresses_are_left_out_where_all_have_the_same_two() -> None:
    here, there = "10.0.0.1", "10.0.0.2"
    two = between(here, there, UDP(dport=5000)), between(there, here, UDP(sport=5000))
    assert "10.0.0" not in text(*two)
    third = between(here, "10.0.0.3", UDP(dport=5000))
    assert text(*two, third).count(" at 10.0.0.") == 6


def test_names_have_their_addresses_too() -> None:
    packets = recorded(*[between("10.0.0.1", f"10.0.0.{n}", UDP(dport=5000)) for n in (2, 3)])
    assert transcript(rows(packets, {5000: "alice"})).splitlines()[1] == (
        "client at 10.0.0.1 → alice at 10.0.0.3   UDP  0 bytes"
    )


PINGS = {
    4: ("ICMP", ICMP(), ICMP(type=0)),
    6: ("ICMPv6", ICMPv6EchoRequest(), ICMPv6EchoReply()),
}


@pytest.mark.parametrize("ip", [IP(**HERE), IPv6(src="::1", dst="::1")])
def test_without_ports_there_are_two_ends(ip: ScapyPacket) -> None:
    ask, reply = (
        (ICMP(), ICMP(type=0)) if ip.version == 4 else (ICMPv6EchoRequest(), ICMPv6EchoReply())
    )
    name = "ICMP" if ip.version == 4 else "ICMPv6"
    assert text(ip / ask, ip / reply) == (
        f"client → server   {name} echo request\nclient ← server   {name} echo reply"
    )
    assert text(ip / reply) == f"client ← server   {name} echo reply"


def test_raw_packets_and_errors_about_them_have_two_ends() -> None:
    raw = IP(**HERE, proto=253) / b"1234"
    error = IP(**HERE) / ICMP(type=3, code=2) / raw
    assert text(raw, error) == (
        "client → server   protocol 253\nclient ← server   ICMP protocol unreachable"
    )


def test_a_ping_is_apart_from_a_connection_beside_it() -> None:
    assert text(tcp("S", 40001, 5000), IP(**HERE) / ICMP()) == (
        "client 1 → server 1   SYN\nclient 2 → server 2   ICMP echo request"
    )


def test_a_socket_that_talks_to_itself_is_one_end() -> None:
    assert text(udp(5000, 5000)) == "client → client   UDP  0 bytes"


class Counted(Packet):
    looks = 0

    @property
    def source(self) -> tuple[str, int]:
        Counted.looks += 1
        return super().source


def test_the_work_grows_with_the_packets_and_needs_no_scapy() -> None:
    counts = []
    for number in (100, 200):
        Counted.looks = 0
        packets = [Counted(0, bytes(tcp("PA", 40001, 5000, data=b"x")))] * number
        assert transcript(rows(packets)).count("\n") == number - 1
        assert not any("scapy" in vars(packet) for packet in packets)
        counts.append(Counted.looks)
    assert counts[1] <= 2 * counts[0]


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
