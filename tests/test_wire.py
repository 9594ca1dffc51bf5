import ctypes
import errno
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6EchoRequest, IPv6
from scapy.packet import Packet as ScapyPacket
from scapy.utils import rdpcap

from sockutils.wire import Packet, Packets, capture, transcript

Private = Callable[[str], str]

CONNECTION = """\
client → server   SYN
client ← server   SYN ACK
client → server   ACK
client → server   PSH ACK  5 bytes
client ← server   ACK
client → server   FIN ACK
client ← server   ACK
client ← server   FIN ACK
client → server   ACK
"""

TALK = """
import errno, os, socket
from sockutils import wire
from sockutils.wire import capture

def talk(host="127.0.0.1", port=5000, family=socket.AF_INET):
    with socket.create_server((host, port), family=family) as listener:
        with socket.create_connection((host, port)) as client:
            server, _ = listener.accept()
            client.sendall(b"hello")
            assert server.recv(100) == b"hello"
        assert server.recv(100) == b""
        # the ACK of a FIN waits 40 ms for company; ask for it, or a busy machine decides
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        server.close()

def datagram(port, data=b"hi", host="127.0.0.1", family=socket.AF_INET):
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        sender.sendto(data, (host, port))
"""


def tcp(flags: str, source: int, destination: int, seq: int = 0, data: bytes = b"") -> ScapyPacket:
    ports = TCP(sport=source, dport=destination, flags=flags, seq=seq)
    return IP(src="127.0.0.1", dst="127.0.0.1") / ports / data


def udp(source: int, destination: int, data: bytes = b"") -> ScapyPacket:
    return IP(src="127.0.0.1", dst="127.0.0.1") / UDP(sport=source, dport=destination) / data


def recorded(*packets: ScapyPacket) -> Packets:
    return Packets(Packet(number * 10**9, bytes(each)) for number, each in enumerate(packets))


def test_one_connection_reads_the_same_twenty_times(private: Private) -> None:
    code = """
for _ in range(20):
    with capture() as packets:
        talk()
    print(packets)
"""
    assert private(TALK + code) == CONNECTION * 20


def test_ipv6_connection(private: Private) -> None:
    code = """
with capture() as packets:
    talk("::1", family=socket.AF_INET6)
print(packets)
print({packet.source[0] for packet in packets})
"""
    assert private(TALK + code) == CONNECTION + "{'::1'}\n"


@pytest.mark.parametrize(
    ("family", "host", "protocol"),
    [("AF_INET", "127.0.0.1", "ICMP"), ("AF_INET6", "::1", "ICMPv6")],
)
def test_closed_udp_port_answers_by_icmp(
    private: Private, family: str, host: str, protocol: str
) -> None:
    code = f"""
with capture() as packets:
    datagram(5000, b"", {host!r}, socket.{family})
print(packets)
print(list(packets), packets[1].quoted)
"""
    assert private(TALK + code) == (
        "client → server   UDP  0 bytes\n"
        f"client ← server   {protocol} port unreachable\n"
        f"[UDP 0 bytes, {protocol} port unreachable] UDP 0 bytes\n"
    )


def test_port_keeps_its_packets_and_the_icmp_errors_about_them(private: Private) -> None:
    code = """
with capture(port=5000) as packets:
    talk(port=5001)
    datagram(5001)
    datagram(5000, b"x")
print(packets)
"""
    assert private(TALK + code) == (
        "client → server   UDP  1 byte\nclient ← server   ICMP port unreachable\n"
    )


def test_every_packet_once_when_there_are_many(private: Private) -> None:
    code = """
with socket.socket(type=socket.SOCK_DGRAM) as receiver, capture() as packets:
    receiver.bind(("127.0.0.1", 5000))
    for number in range(200):
        datagram(5000, number.to_bytes(2, "big"))
print([int.from_bytes(packet.payload, "big") for packet in packets] == list(range(200)))
"""
    assert private(TALK + code) == "True\n"


def test_nothing_of_other_networks_is_seen(private: Private) -> None:
    done = threading.Event()

    def chatter() -> int:
        sent = 0
        with socket.socket(type=socket.SOCK_DGRAM) as talker:
            talker.bind(("127.0.0.1", 0))
            while not done.is_set():
                sent += talker.sendto(b"not for you", talker.getsockname())
                talker.recv(100)
        return sent

    with ThreadPoolExecutor() as pool:
        sent = pool.submit(chatter)
        try:
            seen = private(TALK + "with capture() as packets:\n    talk()\nprint(packets)")
        finally:
            done.set()
    assert sent.result() > 0
    assert seen == CONNECTION


def test_what_a_packet_tells(private: Private) -> None:
    code = """
import time
before = time.time_ns()
with capture() as packets:
    talk()
after = time.time_ns()
syn, answer, _, data, *_ = packets
print(syn.protocol, syn.destination, syn.source == answer.destination, syn.scapy.dst)
print(data.payload, data.seq - syn.seq, answer.ack - syn.seq, syn.window > 0, bool(syn.payload))
times = [packet.nanoseconds for packet in packets]
print(before < times[0], times == sorted(times), times[-1] < after, syn.time == times[0] / 1e9)
"""
    assert private(TALK + code) == (
        "TCP ('127.0.0.1', 5000) True 127.0.0.1\nb'hello' 1 1 True False\nTrue True True True\n"
    )


def test_nothing_stays_open(private: Private) -> None:
    code = """
import sys, threading
sys.unraisablehook = lambda hook: print(hook.exc_value)  # where a ResourceWarning ends up
with capture() as packets:
    during = len(os.listdir("/proc/self/fd"))
    datagram(5000)
print(during - len(os.listdir("/proc/self/fd")), threading.active_count())
"""
    assert private(TALK + code) == "1 1\n"


def test_scapy_is_there_before_the_block_and_the_recorder_is_in_no_trace(private: Private) -> None:
    code = """
import sys
from sockutils import trace
with capture() as packets:
    print("scapy.layers.inet" in sys.modules)
with trace() as calls, capture() as packets:
    datagram(5000)
print(repr(calls))
"""
    assert private(TALK + code) == (
        "True\n"
        "socket\n"
        "  socket(AF_INET, SOCK_DGRAM)\n"
        "  sendto(b'hi', ('127.0.0.1', 5000)) → 2\n"
        "  close()\n"
    )


def test_lost_packets_are_an_error(private: Private) -> None:
    code = """
wire.BUFFER = 1
try:
    with capture() as packets:
        for _ in range(100):
            datagram(5000)
except OSError as error:
    print(errno.errorcode[error.errno], error.strerror)
print(0 < len(packets) < 200)
"""
    error, kept = private(TALK + code).splitlines()
    words = error.split()
    assert words[:3] == ["ENOBUFS", "capture", "lost"]
    assert 0 < int(words[3]) < 200
    assert kept == "True"


def test_error_of_the_block_comes_before_lost_packets(private: Private) -> None:
    code = """
wire.BUFFER = 1
try:
    with capture() as packets:
        for _ in range(100):
            datagram(5000)
        raise ZeroDivisionError
except ZeroDivisionError:
    print(len(packets) > 0)
"""
    assert private(TALK + code) == "True\n"


def test_interface_that_goes_down_does_not_spoil_the_capture(private: Private) -> None:
    code = """
import fcntl, struct
SIOCSIFFLAGS = 0x8914  # <linux/sockios.h>
with capture() as packets, socket.socket() as any_socket:
    talk()
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", 0))
print(packets)
"""
    assert private(TALK + code) == CONNECTION


def test_tunnel_shows_both_directions(private: Private) -> None:
    code = """
import fcntl, struct
from scapy.layers.inet import ICMP, IP
# <linux/if_tun.h>, <linux/sockios.h>, <linux/if.h>
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
SIOCSIFADDR, SIOCSIFNETMASK, SIOCSIFFLAGS, IFF_UP = 0x8916, 0x891C, 0x8914, 1
def address(text):
    return struct.pack("16sHH4s8x", b"tun0", socket.AF_INET, 0, socket.inet_aton(text))
try:
    tunnel = os.open("/dev/net/tun", os.O_RDWR)
except OSError as error:
    raise SystemExit(print(error))
fcntl.ioctl(tunnel, TUNSETIFF, struct.pack("16sH22x", b"tun0", IFF_TUN | IFF_NO_PI))
with socket.socket(type=socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, SIOCSIFADDR, address("10.0.0.1"))
    fcntl.ioctl(any_socket, SIOCSIFNETMASK, address("255.255.255.0"))
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"tun0", IFF_UP))
with capture(interface="tun0", port=5000) as packets, socket.socket(type=socket.SOCK_DGRAM) as u:
    u.settimeout(10)
    u.sendto(b"question", ("10.0.0.2", 5000))
    while b"question" not in (sent := os.read(tunnel, 2000)):
        pass
    swapped = sent[:12] + sent[16:20] + sent[12:16] + sent[22:24] + sent[20:22] + sent[24:]
    os.write(tunnel, swapped)
    u.recv(100)
print(packets)
"""
    seen = private(TALK + code)
    if "/dev/net/tun" in seen:
        pytest.skip(seen)
    assert seen == "client → server   UDP  8 bytes\nclient ← server   UDP  8 bytes\n"


def test_unknown_interface_is_enodev(private: Private) -> None:
    code = """
try:
    with capture(interface="nowhere"):
        pass
except OSError as error:
    print(errno.errorcode[error.errno])
"""
    assert private(TALK + code) == "ENODEV\n"


def without_privilege() -> OSError | None:
    # <linux/capability.h>: version 3, this thread, no capability at all
    header = struct.pack("=Ii", 0x20080522, 0)
    assert ctypes.CDLL(None).capset(header, bytes(24)) == 0
    try:
        with capture():
            return None
    except OSError as error:
        return error


@pytest.mark.skipif(not hasattr(socket, "AF_PACKET"), reason="no AF_PACKET")
def test_refusal_is_one_line_that_says_what_to_do() -> None:
    with ThreadPoolExecutor() as pool:
        error = pool.submit(without_privilege).result()
    assert isinstance(error, PermissionError)
    assert error.errno == errno.EPERM
    assert "choose the kernel 'Sockets (private network)'" in str(error)
    assert "\n" not in str(error)


def test_without_af_packet_one_line_says_where_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_PACKET", raising=False)
    with pytest.raises(OSError, match="capture\\(\\) needs Linux") as caught, capture():
        pass
    assert caught.value.errno == errno.EAFNOSUPPORT
    assert "\n" not in str(caught.value)


def test_several_clients_are_numbered_in_order() -> None:
    packets = recorded(
        tcp("S", 40009, 5000), tcp("S", 40001, 5000), tcp("SA", 5000, 40009), tcp("SA", 5000, 40001)
    )
    assert repr(packets) == (
        "client 1 → server   SYN\n"
        "client 2 → server   SYN\n"
        "client 1 ← server   SYN ACK\n"
        "client 2 ← server   SYN ACK"
    )


def test_several_servers_are_named_by_port() -> None:
    packets = recorded(tcp("S", 40001, 5000), tcp("S", 40002, 80))
    assert repr(packets) == "client 1 → server :5000   SYN\nclient 2 → server :80     SYN"


def test_servers_on_the_same_port_are_named_by_host_too() -> None:
    syn6 = IPv6(src="::1", dst="::1") / TCP(sport=40001, dport=5000, flags="S")
    assert repr(recorded(tcp("S", 40001, 5000), syn6)) == (
        "client 1 → server 127.0.0.1:5000   SYN\nclient 2 → server [::1]:5000       SYN"
    )


def test_one_port_may_serve_two_connections() -> None:
    packets = recorded(tcp("S", 40001, 5000), tcp("S", 40001, 5001))
    assert [row.left for row in packets.rows()] == ["client 1", "client 2"]


def test_one_udp_socket_is_one_client_of_two_servers() -> None:
    packets = recorded(udp(40001, 5000), udp(40001, 5001), udp(5001, 40001))
    assert [row.left for row in packets.rows()] == ["client"] * 3
    assert [row.right for row in packets.rows()] == ["server :5000", "server :5001", "server :5001"]
    assert [row.forward for row in packets.rows()] == [True, True, False]


def test_names_replace_roles() -> None:
    packets = recorded(tcp("S", 40001, 5000), tcp("S", 40002, 5001), tcp("S", 40003, 5001))
    rows = packets.rows({5000: "listener", 40002: "alice"})
    assert transcript(rows) == (
        "client 1 → listener   SYN\nalice    → server     SYN\nclient 2 → server     SYN"
    )


def test_without_the_syn_the_lower_port_is_the_server() -> None:
    assert repr(recorded(tcp("FA", 5000, 40001))) == "client ← server   FIN ACK"
    assert repr(recorded(tcp("SA", 45000, 40001))) == "client ← server   SYN ACK"


def test_socket_connected_to_itself_is_one_client() -> None:
    packets = recorded(tcp("S", 5000, 5000), tcp("SA", 5000, 5000))
    assert repr(packets) == "client → client   SYN\nclient → client   SYN ACK"


def test_what_is_sent_again_is_marked() -> None:
    packets = recorded(
        tcp("S", 40001, 5000, seq=7),
        tcp("S", 40001, 5000, seq=7),
        tcp("A", 40001, 5000, seq=8),
        tcp("A", 40001, 5000, seq=8),
        tcp("PA", 40001, 5000, seq=8, data=b"x"),
        tcp("PA", 40001, 5000, seq=8, data=b"x"),
        tcp("S", 40002, 5000, seq=7),
    )
    labels = ["SYN", "SYN (again)", "ACK", "ACK", "PSH ACK", "PSH ACK (again)", "SYN"]
    assert [row.label for row in packets.rows()] == labels


def test_seconds_are_whole_and_count_from_the_first() -> None:
    syn = bytes(tcp("S", 40001, 5000))
    times = [5_900_000_000, 6_870_000_000, 15_960_000_000]
    rows = Packets(Packet(time, syn) for time in times).rows()
    assert transcript(rows, seconds=True) == (
        " 0 s   client → server   SYN\n"
        " 1 s   client → server   SYN (again)\n"
        "10 s   client → server   SYN (again)"
    )


def test_flags_are_read_aloud() -> None:
    packets = recorded(*(tcp(flags, 40001, 5000) for flags in ("R", "RA", "FPA", "SEC", "")))
    assert [p.flags for p in packets] == ["RST", "RST ACK", "FIN PSH ACK", "SYN ECE CWR", ""]
    assert packets[-1].label == "TCP"


def test_icmp_goes_to_whoever_sent_the_quoted_packet() -> None:
    answer = udp(5000, 40001, b"x")
    error = IP(src="127.0.0.1", dst="127.0.0.1") / ICMP(type=3, code=3) / answer
    assert repr(recorded(udp(40001, 5000), answer, error)) == (
        "client → server   UDP  0 bytes\n"
        "client ← server   UDP  1 byte\n"
        "client → server   ICMP port unreachable"
    )


def test_other_icmp() -> None:
    there = {"src": "127.0.0.1", "dst": "127.0.0.1"}
    packets = recorded(
        IP(**there) / ICMP(type=8, id=7),
        IP(**there) / ICMP(type=0, id=7),
        IP(**there) / ICMP(type=11) / tcp("S", 40001, 5000),
        IPv6(src="::1", dst="::1") / ICMPv6EchoRequest(id=9),
        IPv6(src="::1", dst="::2") / ICMPv6DestUnreach(code=0) / IPv6(dst="::2") / UDP(dport=5000),
    )
    assert [repr(packet) for packet in packets] == [
        "ICMP echo request",
        "ICMP echo reply",
        "ICMP time exceeded",
        "ICMPv6 echo request",
        "ICMPv6 no route to destination",
    ]
    assert repr(packets[:1]) == "[ICMP echo request]"
    assert repr(Packets(packets[:2])) == (
        "client → host   ICMP echo request\nclient ← host   ICMP echo reply"
    )


def test_unknown_protocols_fragments_and_stumps_have_a_text() -> None:
    there = {"src": "127.0.0.1", "dst": "127.0.0.2"}
    stump = Packet(0, bytes(tcp("S", 40001, 5000))[:28])
    fragment = IP(**there, frag=3, proto=17) / b"tail"
    packets = Packets([stump, *recorded(fragment, IP(**there, proto=132) / b"", IP(**there))])
    assert [repr(packet) for packet in packets] == [
        "TCP",
        "UDP",
        "protocol 132",
        "protocol 0",
    ]
    assert len(packets.rows()) == 4


def test_only_tcp_has_sequence_numbers() -> None:
    datagram = recorded(udp(40001, 5000, b"x"))[0]
    assert datagram.flags == ""
    error = IP() / ICMP(type=3, code=3) / tcp("S", 40001, 5000, seq=7)
    for packet in (datagram, recorded(error)[0]):
        with pytest.raises(AttributeError, match="only TCP"):
            _ = packet.seq


def test_no_packets_have_a_text() -> None:
    assert repr(Packets()) == "no packets"


def test_notebook_shows_the_transcript() -> None:
    pretty = pytest.importorskip("IPython.lib.pretty").pretty
    packets = recorded(tcp("S", 40001, 5000))
    assert pretty(packets) == "client → server   SYN"
    assert pretty(packets[0]) == "TCP SYN"


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, Packets]:
    datagram = bytes(IPv6() / UDP(sport=40001, dport=5000) / b"six")
    syn = bytes(tcp("S", 40001, 5000))
    packets = Packets([Packet(1_700_000_000_000_000_001, syn), Packet(2_000_000_000, datagram)])
    path = tmp_path / "x.pcap"
    path.write_bytes(b"old" * 1000)
    packets.save(path)
    return path, packets


def test_scapy_reads_what_save_writes(saved: tuple[Path, Packets]) -> None:
    path, packets = saved
    read = [Packet(int(each.time * 10**9), bytes(each)) for each in rdpcap(str(path))]
    assert read == list(packets)


@pytest.mark.skipif(not shutil.which("tshark"), reason="tshark (Wireshark) is not installed")
def test_wireshark_reads_what_save_writes(saved: tuple[Path, Packets]) -> None:
    fields = ["frame.time_epoch", "_ws.col.Protocol", "tcp.flags.str", "udp.length"]
    options = [word for field in fields for word in ("-e", field)]
    command = ["tshark", "-r", str(saved[0]), "-T", "fields", "-E", "separator=|", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "1700000000.000000001|TCP|··········S·|",
        "2.000000000|UDP||11",
    ]


def test_save_where_there_is_no_directory_is_enoent(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Packets().save(tmp_path / "nowhere" / "x.pcap")
