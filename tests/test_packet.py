import pytest
from dnslib import RCODE, RR, DNSRecord
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoRequest,
    ICMPv6MLReport2,
    IPv6,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
)
from scapy.packet import Packet as ScapyPacket

from sockutils.packet import Packet

# RFC 8684, 3.1: MP_CAPABLE, behind a timestamp whose value looks like the option
MPTCP = [("NOP", None), ("Timestamp", (30, 0)), ("NOP", None), (30, bytes([1, *range(9)]))]
HERE = {"src": "127.0.0.1", "dst": "127.0.0.1"}
DATAGRAM = IP(**HERE) / UDP(sport=40001, dport=5000) / b"x"
SYN = IP(**HERE) / TCP(sport=40001, dport=5000, seq=7)

DATAGRAMS = {"query": IP(**HERE) / UDP(sport=40001, dport=53), "answer": IPv6() / UDP(sport=53)}
ASKED = DNSRecord.question("www.example", "AAAA")


def packet(layers: ScapyPacket) -> Packet:
    return Packet(0, bytes(layers))


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        (SYN, "TCP SYN"),
        (SYN / b"hello", "TCP SYN 5 bytes"),
        (IP() / TCP(flags=""), "TCP 0 bytes"),
        (DATAGRAM, "UDP 1 byte"),
        (IPv6() / UDP(), "UDP 0 bytes"),
        (IP() / ICMP(type=8), "ICMP echo request"),
        (IP() / ICMP(type=11) / SYN, "ICMP time exceeded"),
        (IP() / ICMP(type=3, code=3) / DATAGRAM, "ICMP port unreachable"),
        (IPv6() / ICMPv6EchoRequest(), "ICMPv6 echo request"),
        (IPv6() / ICMPv6DestUnreach(code=4) / IPv6() / UDP(), "ICMPv6 port unreachable"),
        (IP() / TCP(options=[("Timestamp", (30, 30))]), "TCP SYN"),
        (IP() / TCP(options=MPTCP), "MPTCP SYN"),
        (IPv6() / TCP(flags="PA", options=MPTCP) / b"x", "MPTCP PSH ACK 1 byte"),
        (IP(proto=2) / bytes(8), "IGMP"),
        (IP(proto=132) / bytes(12), "SCTP"),
        (IP(proto=33) / bytes(12), "DCCP"),
        (IP(proto=47) / bytes(12), "GRE"),
        (IP(proto=253) / b"anything", "protocol 253"),
        (IPv6() / IPv6ExtHdrHopByHop() / ICMPv6MLReport2(), "ICMPv6 mld report version 2"),
        (IPv6() / IPv6ExtHdrFragment(offset=3, nh=17) / b"tail", "UDP fragment 4 bytes"),
        (IP(frag=3, proto=17) / b"tail", "UDP fragment 4 bytes"),
    ],
)
def test_every_packet_has_a_text(layers: ScapyPacket, text: str) -> None:
    assert repr(packet(layers)) == text


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("www.example. A 192.0.2.7", "DNS answer 192.0.2.7"),
        (
            "www.example. CNAME a.example.\na.example. AAAA 2001:db8::1",
            "DNS answer a.example and 1 more",
        ),
        ("", "DNS NODATA"),
    ],
)
def test_dns_answers_say_what_is_in_them(zone: str, text: str) -> None:
    answer = ASKED.reply()
    answer.add_answer(*RR.fromZone(zone))
    assert packet(DATAGRAMS["answer"] / answer.pack()).label == text


@pytest.mark.parametrize("name", ["FORMERR", "SERVFAIL", "NXDOMAIN", "REFUSED"])
def test_dns_errors_have_their_names(name: str) -> None:
    answer = ASKED.reply()
    answer.header.rcode = getattr(RCODE, name)
    assert packet(DATAGRAMS["answer"] / answer.pack()).label == f"DNS {name}"


def test_dns_queries_and_what_is_no_dns() -> None:
    assert packet(DATAGRAMS["query"] / ASKED.pack()).label == "DNS query AAAA www.example"
    truncated = ASKED.reply()
    truncated.header.tc = 1
    assert packet(DATAGRAMS["answer"] / truncated.pack()).label == "DNS answer, truncated"
    for payload in (b"", b"hello", ASKED.pack()[:-1], bytes(range(256))):
        assert packet(DATAGRAMS["query"] / payload).label == "UDP"
    assert packet(DATAGRAM / ASKED.pack()).label == "UDP"  # another port


@pytest.mark.parametrize(
    ("flags", "words"),
    [("R", "RST"), ("RA", "RST ACK"), ("FPA", "FIN PSH ACK"), ("SEC", "SYN ECE CWR")],
)
def test_flags_are_read_aloud(flags: str, words: str) -> None:
    assert packet(IP() / TCP(flags=flags)).flags == words


def test_ends_payload_and_fields() -> None:
    assert packet(SYN).source == ("127.0.0.1", 40001)
    assert packet(SYN).destination == ("127.0.0.1", 5000)
    assert packet(SYN).payload == b""
    assert packet(SYN).scapy.seq == 7
    assert packet(DATAGRAM).payload == b"x"
    assert packet(IP(**HERE) / ICMP(type=8)).source == ("127.0.0.1", 0)


def test_icmp_error_comes_from_where_the_quoted_packet_went() -> None:
    error = packet(IP() / ICMP(type=3, code=3) / DATAGRAM)
    assert error.source == ("127.0.0.1", 5000)
    assert error.destination == ("127.0.0.1", 40001)


@pytest.mark.parametrize(
    "layers",
    [
        IP(src="10.0.0.1", dst="10.0.0.2") / SYN.payload / b"hello",
        IP(options=[IPOption_NOP()] * 4) / TCP(options=[("MSS", 1460)], flags="FPA", seq=1 << 31),
        IPv6(src="fd00::1", dst="fd00::2") / TCP(flags="R", dport=65535) / b"hello",
        IPv6(src="fe80::1", dst="ff02::1") / UDP(sport=1, dport=2) / b"hello",
    ],
)
def test_what_is_read_is_what_scapy_reads(layers: ScapyPacket) -> None:
    found = packet(layers)
    scapy = found.scapy
    assert found.source == (scapy.src, scapy.sport)
    assert found.destination == (scapy.dst, scapy.dport)
    assert found.seq == getattr(scapy, "seq", 0)
    assert found.payload == bytes(scapy.payload.payload)
    assert found.protocol == scapy.payload.name
    assert set(found.flags) - {" "} >= set(str(getattr(scapy.payload, "flags", "")))


def test_padding_of_a_short_frame_is_not_the_programs() -> None:
    for layers in (SYN, DATAGRAM, IPv6() / TCP() / b"ab", IP() / ICMP()):
        assert Packet(0, bytes(layers) + bytes(6)).payload == packet(layers).payload


@pytest.mark.parametrize("whole", [SYN / b"x", IP() / ICMP(type=3) / DATAGRAM, IPv6() / UDP()])
def test_a_packet_cut_short_still_has_a_text(whole: ScapyPacket) -> None:
    raw = bytes(whole)
    for length in range(20 if raw[0] >> 4 == 4 else 40, len(raw)):
        cut = Packet(0, raw[:length])
        assert repr(cut).startswith(cut.protocol)
        assert cut.source[0] == whole.src
    assert repr(Packet(0, bytes(IPv6(nh=0)))) == "HOPOPTS"
