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
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.utils import rdpcap

from sockutils.packets.capture import Packets, capture
from sockutils.packets.packet import Packet

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
from sockutils.packets import ring
from sockutils.packets.capture import capture

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
print(list(packets))
"""
    assert private(TALK + code) == (
        "client → server   UDP  0 bytes\n"
        f"client ← server   {protocol} port unreachable\n"
        f"[UDP 0 bytes, {protocol} port unreachable]\n"
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


def test_packets_have_the_time_at_which_they_crossed(private: Private) -> None:
    code = """
import time
before = time.time_ns()
with capture() as packets:
    talk()
    time.sleep(0.1)
    after = time.time_ns() - 10**8
times = [before, *(packet.nanoseconds for packet in packets), after]
print(times == sorted(times))
"""
    assert private(TALK + code) == "True\n"


def test_nothing_stays_open(private: Private) -> None:
    code = """
import sys, threading
from pathlib import Path
sys.unraisablehook = lambda hook: print(hook.exc_value)  # where a ResourceWarning ends up
before = len(os.listdir("/proc/self/fd"))
for _ in range(3):
    with capture() as packets:
        during = len(os.listdir("/proc/self/fd"))
        datagram(5000)
    left = len(os.listdir("/proc/self/fd")) - before
    print(during > before, left, "socket:" in Path("/proc/self/maps").read_text())
print(threading.active_count())
"""
    assert private(TALK + code) == "True 0 False\n" * 3 + "1\n"


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
ring.BLOCKS = 1
try:
    with capture() as packets:
        for number in range(100):
            datagram(5000, number.to_bytes(30_000, "big"))
except OSError as error:
    print(errno.errorcode[error.errno], error.strerror)
sent = [packet.payload[-1] for packet in packets if packet.protocol == "UDP"]
print(sent == list(range(len(sent))), len(packets))
"""
    error, kept = private(TALK + code).splitlines()
    words = error.split()
    assert words[:3] == ["ENOBUFS", "capture", "lost"]
    assert kept == f"True {200 - int(words[3])}"
    assert 50 < int(words[3]) < 180


def test_error_of_the_block_comes_before_lost_packets(private: Private) -> None:
    code = """
ring.BLOCKS = 1
try:
    with capture() as packets:
        for _ in range(100):
            datagram(5000, bytes(30_000))
        raise ZeroDivisionError
except ZeroDivisionError:
    print(len(packets) > 0)
"""
    assert private(TALK + code) == "True\n"


MUCH = """
from sockutils import background

def echo(listener):
    connection, _ = listener.accept()
    with connection:
        while data := connection.recv(1 << 16):
            connection.sendall(data)

with socket.create_server(("127.0.0.1", 5000)) as listener, capture(port=5000) as packets:
    with background(echo, listener, patience=40), socket.socket() as client:
        client.connect(("127.0.0.1", 5000))
        received = 0
        for _ in range(80):
            client.sendall(bytes(1 << 16))
            received += len(client.recv(1 << 16, socket.MSG_WAITALL))

def stream(source):
    data = [packet for packet in packets if packet.payload and packet.source == source]
    first, reached = data[0].seq, 0
    for offset, payload in sorted(((each.seq - first) % 2**32, each.payload) for each in data):
        if offset <= reached:  # a busy machine sends some bytes twice
            reached = max(reached, offset + len(payload))
    return reached

print(received, *map(stream, {packet.source for packet in packets}))
"""


def test_ten_megabytes_are_recorded_whole(private: Private) -> None:
    """However small net.core.rmem_max is: the recorder asks for no part of that memory."""
    assert private(TALK + MUCH) == f"{80 << 16} {80 << 16} {80 << 16}\n"


def test_thousands_of_datagrams_are_recorded_whole(private: Private) -> None:
    code = """
with socket.socket(type=socket.SOCK_DGRAM) as udp, capture(port=5000) as packets:
    udp.bind(("127.0.0.1", 5000))
    for number in range(6_000):
        udp.sendto(number.to_bytes(2, "big"), ("127.0.0.1", 5000))
        udp.recv(2)
print([int.from_bytes(packet.payload, "big") for packet in packets] == list(range(6_000)))
"""
    assert private(TALK + code) == "True\n"


@pytest.mark.parametrize("length", [65_507, 65_507 - 40, 0])
def test_the_largest_packets_are_whole(private: Private, length: int) -> None:
    code = f"""
with socket.socket(type=socket.SOCK_DGRAM) as udp, capture() as packets:
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 17)
    udp.bind(("127.0.0.1", 5000))
    for _ in range(40):
        udp.sendto(bytes([7]) * {length}, ("127.0.0.1", 5000))
        udp.recv(1 << 16)
print({{packet.payload == bytes([7]) * {length} for packet in packets}}, len(packets))
"""
    assert private(TALK + code) == "{True} 40\n"


def test_what_is_no_whole_ip_header_is_left_out(private: Private) -> None:
    code = """
with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM) as raw, capture() as packets:
    for frame in (b"", b"E", b"E" * 19, b"`" * 39, b"x" * 80, b"E" * 20):
        raw.sendto(frame, ("lo", 0x0800))
    raw.sendto(b"`" * 40, ("lo", 0x86DD))
    raw.sendto(b"E" * 20, ("lo", 0x0806))
print(list(packets))
"""
    assert private(TALK + code) == "[protocol 69 fragment, protocol 96]\n"


def test_an_interface_that_goes_away(private: Private) -> None:
    code = """
from sockutils.link.tun import interface
try:
    with ExitStack() as stack:
        stack.enter_context(interface())
        with capture(interface="tun0", port=5000) as packets:
            datagram(5000, b"question", "10.0.0.2")
            stack.close()
    print(packets)
except OSError as error:
    print(error)
"""
    seen = private("from contextlib import ExitStack\n" + TALK + code)
    if "/dev/net/tun" in seen:
        pytest.skip(seen)
    assert seen == "client → server   UDP  8 bytes\n"


def test_another_interface(private: Private) -> None:
    code = """
from sockutils.link.tun import interface
try:
    with interface(), capture(interface="tun0", port=5000) as packets:
        datagram(5000, b"question", "10.0.0.2")
    print(packets)
except OSError as error:
    print(error)
"""
    seen = private(TALK + code)
    if "/dev/net/tun" in seen:
        pytest.skip(seen)
    assert seen == "client → server   UDP  8 bytes\n"


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


def test_the_first_packet_has_its_own_time(private: Callable[[str], str]) -> None:
    code = """
import scapy.layers.inet6, select, socket, time
from sockutils import capture

def true_time(udp):
    with capture() as packets:
        before = time.time_ns()
        udp.sendto(b"", udp.getsockname())
        udp.recv(1)
        after = time.time_ns()
        select.select([], [], [], 0.05)
    return before <= packets[0].nanoseconds <= after

with socket.socket(type=socket.SOCK_DGRAM) as udp:
    udp.bind(("127.0.0.1", 5000))
    print(all(true_time(udp) for _ in range(10) if not select.select([], [], [], 0.05)[0]))
"""
    assert private(code) == "True\n"


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, Packets]:
    datagram = bytes(IPv6() / UDP(sport=40001, dport=5000) / b"six")
    syn = bytes(IP() / TCP(sport=40001, dport=5000))
    packets = Packets([Packet(1_700_000_000_000_000_001, syn), Packet(2_000_000_000, datagram)])
    packets.save(tmp_path / "x.pcap")
    return tmp_path / "x.pcap", packets


def test_scapy_reads_what_save_writes(saved: tuple[Path, Packets]) -> None:
    path, packets = saved
    read = [(int(each.time * 10**9), bytes(each)) for each in rdpcap(str(path))]
    assert read == [(packet.nanoseconds, packet.raw) for packet in packets]


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


def test_times_are_not_told_when_the_clock_was_set(private: Private) -> None:
    code = """
import time
true = time.time_ns
for seconds in (0, 1, -3600):
    try:
        with capture() as packets:
            datagram(5000)
            time.time_ns = lambda: true() + seconds * 10**9
        print(len(packets))
    except OSError as error:
        print(errno.errorcode[error.errno], error.strerror)
    time.time_ns = true
"""
    line = "the machine's clock was set, or it slept: no time is true here, run the cell again"
    assert private(TALK + code) == "2\n" + f"ECANCELED {line}\n" * 2
