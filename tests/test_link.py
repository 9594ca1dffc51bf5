import errno
import os
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from sockutils.link.link import Link
from sockutils.link.tun import DEVICE

Run = Callable[[str], str]

START = """
import os, socket, threading, time
from pathlib import Path
from sockutils.link import link as netem
from sockutils.link import tun
from sockutils.link.link import Link
from sockutils.tables.diag import sockets

def interfaces():
    return [name for _, name in socket.if_nameindex()]

SIX = socket.AF_INET6

def talk(words=b"hello"):
    with socket.create_server(("10.0.0.1", 5000)) as listener, socket.socket() as client:
        client.connect(("10.0.0.2", 5000))
        connection, address = listener.accept()
        with connection:
            client.sendall(words)
            return address[0], connection.recv(100)

def datagrams(*words):
    sender, receiver = (socket.socket(type=socket.SOCK_DGRAM) for _ in range(2))
    with sender, receiver:
        receiver.bind(("10.0.0.1", 5000))
        receiver.settimeout(60)
        for word in words:
            sender.sendto(word, ("10.0.0.2", 5000))
        while True:
            yield receiver.recv(9000)
"""


@pytest.fixture
def run(private: Run) -> Run:
    """Run source in a private network that can have a Link; what it leaves there is an error."""
    if not os.access(DEVICE, os.R_OK | os.W_OK):
        pytest.skip(f"{DEVICE} is missing or closed: sudo modprobe tun")
    end = "assert interfaces() == ['lo'], interfaces()\nassert threading.active_count() == 1\n"
    return lambda code: private(START + dedent(code) + end)


@pytest.fixture
def run_ipv6(run: Run) -> Run:
    if not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    return run


def test_the_far_end_is_this_machine_seen_from_there(run: Run) -> None:
    printed = run(
        """
        with Link() as packets:
            print(*talk())
        print(*packets[:3], sep=", ")
        print(*(end[0] for end in (packets[0].source, packets[0].destination)))
        there, back = packets[:2]
        print(there.source == back.destination, there.destination == back.source)
        """
    )
    assert printed.splitlines() == [
        "10.0.0.2 b'hello'",
        "TCP SYN, TCP SYN ACK, TCP ACK",
        "10.0.0.1 10.0.0.2",
        "True True",
    ]


def test_each_way_takes_the_delay(run: Run) -> None:
    code = """
        with Link(delay=0.05) as packets:
            start = time.monotonic()
            talk()
            print(time.monotonic() - start)
        print(*((each.arrivals[0] - each.nanoseconds) / 1e9 for each in packets))
        """
    took, flights = run(code).splitlines()
    assert 0.15 <= float(took) < 60
    assert all(0.05 <= float(flight) < 60 for flight in flights.split())


def test_a_lost_packet_is_sent_again(run: Run) -> None:
    printed = run(
        """
        with Link(lose=lambda packet: len(packets) == 1) as packets:
            talk()
        print(repr(packets).splitlines()[:2], packets[0].arrivals)
        print(0.9e9 < packets[1].nanoseconds - packets[0].nanoseconds < 60e9)
        """
    )
    lines = ["client → server   SYN (lost)", "client → server   SYN (again)"]
    assert printed == f"{lines} ()\nTrue\n"


def test_a_duplicate_arrives_twice(run: Run) -> None:
    printed = run(
        """
        with Link(duplicate=lambda packet: packet.payload == b"b") as packets:
            received = datagrams(b"a", b"b", b"c")
            print(*(next(received) for _ in range(4)))
            received.close()
        print(packets)
        """
    )
    assert printed.splitlines() == [
        "b'a' b'b' b'b' b'c'",
        "client → server   UDP          1 byte",
        "client → server   UDP (twice)  1 byte",
        "client → server   UDP          1 byte",
    ]


def test_a_late_packet_is_overtaken(run: Run) -> None:
    printed = run(
        """
        with Link(delay=lambda packet: 0.5 * (packet.payload == b"a")) as packets:
            received = datagrams(b"a", b"b")
            print(next(received), next(received))
            received.close()
        print(packets)
        """
    )
    assert printed.splitlines() == [
        "b'b' b'a'",
        "client → server   UDP (overtaken)  1 byte",
        "client → server   UDP              1 byte",
    ]


def test_what_is_under_way_at_the_end_still_arrives(run: Run) -> None:
    printed = run(
        """
        with Link(delay=0.1) as packets, socket.socket(type=socket.SOCK_DGRAM) as sender:
            sender.sendto(b"a", ("10.0.0.2", 5000))
        print(packets)
        with Link(delay=60) as packets, socket.socket(type=socket.SOCK_DGRAM) as sender:
            sender.sendto(b"a", ("10.0.0.2", 5000))
        print(packets)
        """
    )
    assert printed.splitlines() == [
        "client → server   UDP  1 byte",
        "client ← server   ICMP port unreachable",
        "client → server   UDP (on its way)  1 byte",
    ]


def test_an_icmp_error_finds_its_socket(run: Run) -> None:
    printed = run(
        """
        with Link(), socket.socket(type=socket.SOCK_DGRAM) as client:
            client.settimeout(60)
            client.connect(("10.0.0.2", 9))
            client.send(b"a")
            try:
                client.recv(1)
            except ConnectionRefusedError:
                print("refused")
        """
    )
    assert printed == "refused\n"


def test_a_machine_can_be_pinged(run: Run) -> None:
    printed = run(
        """
        with Link() as packets, socket.socket(type=socket.SOCK_RAW, proto=1) as ping:
            ping.settimeout(60)
            ping.sendto(bytes([8, 0, 0xf7, 0xff, 0, 0, 0, 0]), ("10.0.0.2", 0))
            ping.recv(100), ping.recv(100)  # the request arrives here, too
        print(packets)
        """
    )
    assert printed.splitlines() == [
        "client → server   ICMP echo request",
        "client ← server   ICMP echo reply",
    ]


def test_ipv6_crosses_it_too(run_ipv6: Run) -> None:
    printed = run_ipv6(
        """
        with Link() as packets, socket.create_server(("fd00::1", 5000), family=SIX) as listener:
            with socket.create_connection(("fd00::2", 5000)) as client:
                connection, address = listener.accept()
                with connection:
                    client.sendall(b"hello")
                    print(address[0], connection.recv(100))
        print(*packets[:3], sep=", ")
        print(packets[0].version, packets[0].source[0], packets[0].destination[0])
        """
    )
    assert printed.splitlines() == [
        "fd00::2 b'hello'",
        "TCP SYN, TCP SYN ACK, TCP ACK",
        "6 fd00::1 fd00::2",
    ]


def test_icmpv6_finds_its_way(run_ipv6: Run) -> None:
    printed = run_ipv6(
        """
        ping = socket.socket(SIX, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        with Link() as packets, ping, socket.socket(SIX, socket.SOCK_DGRAM) as client:
            client.settimeout(60), ping.settimeout(60)
            client.connect(("fd00::2", 9))
            client.send(b"a")
            try:
                client.recv(1)
            except ConnectionRefusedError:
                print("refused")
            ping.sendto(bytes([128, 0, 0, 0, 0, 0, 0, 0]), ("fd00::2", 0))
            while ping.recv(100)[0] != 129:
                pass
        print(*packets, sep="\\n")
        """
    )
    assert printed.splitlines() == [
        "refused",
        "UDP 1 byte",
        "ICMPv6 port unreachable",
        "ICMPv6 echo request",
        "ICMPv6 echo reply",
    ]


def test_ipv6_fragments_arrive_and_count_once(run_ipv6: Run) -> None:
    printed = run_ipv6(
        """
        with Link() as packets, socket.socket(SIX, socket.SOCK_DGRAM) as receiver:
            receiver.bind(("fd00::1", 5000))
            receiver.settimeout(60)
            with socket.socket(SIX, socket.SOCK_DGRAM) as sender:
                sender.sendto(bytes(4000), ("fd00::2", 5000))
            print(len(receiver.recv(9000)), len(packets))
        """
    )
    assert printed == "4000 1\n"


def test_one_family_can_be_lost(run_ipv6: Run) -> None:
    printed = run_ipv6(
        """
        with Link(lose=lambda packet: packet.version == 6):
            print(*talk())
            with socket.socket(SIX) as client:
                client.settimeout(0.2)
                try:
                    client.connect(("fd00::2", 5000))
                except TimeoutError:
                    print("silence")
        """
    )
    assert printed == "10.0.0.2 b'hello'\nsilence\n"


def test_ipv4_does_not_need_ipv6(run: Run) -> None:
    printed = run(
        """
        for path in Path("/proc/sys/net/ipv6/conf").glob("*/disable_ipv6"):
            path.write_text("1")
        with Link():
            print(*talk())
        """
    )
    assert printed == "10.0.0.2 b'hello'\n"


def test_nobody_else_lives_there(run: Run) -> None:
    printed = run(
        """
        with Link() as packets, socket.socket() as client:
            client.settimeout(0.2)
            try:
                client.connect(("10.0.0.3", 5000))
            except TimeoutError:
                print("silence", packets == [])
        """
    )
    assert printed == "silence True\n"


def test_an_earlier_connection_is_not_in_the_record(run: Run) -> None:
    printed = run(
        """
        with Link(lose=lambda packet: "FIN" in packet.flags) as packets:
            talk()
        with Link() as packets:
            probe = socket.create_server(("10.0.0.1", 5001))
            probe.settimeout(2)  # the first FIN comes again meanwhile
            try:
                probe.accept()
            except TimeoutError:
                print(packets)
            probe.close()
        """
    )
    assert printed == "no packets\n"


@pytest.mark.parametrize("wrong", ["lose=lambda packet: 1 / 0", "delay=lambda packet: 1 / 0"])
def test_a_function_that_raises_is_told_once_and_harms_nothing(run: Run, wrong: str) -> None:
    printed = run(
        f"""
        try:
            with Link({wrong}):
                print(*talk())
        except ZeroDivisionError as error:
            print(error.__notes__, error._render_traceback_() == error.__notes__)
        with Link():
            print(*talk())
        """
    )
    place = f", in your line {START.count(chr(10)) + 3}"
    said = f"['a function of the Link raised ZeroDivisionError: division by zero{place}"
    first, error, last = printed.splitlines()
    assert first == last == "10.0.0.2 b'hello'"
    assert error.startswith(said)  # Python 3.13 knows the source of -c, too
    assert error.endswith("] True")


def test_the_line_named_is_the_learners_own(run: Run) -> None:
    printed = run(
        """
        import linecache
        source = "lose = lambda packet: packet.scapy.nothing\\n"
        linecache.cache["<cell>"] = (len(source), None, [source], "<cell>")
        exec(compile(source, "<cell>", "exec"))
        try:
            with Link(lose=lose):
                print(*talk())
        except AttributeError as error:
            print(error.__notes__)
        """
    )
    said = "a function of the Link raised AttributeError: nothing, in your line 1: "
    assert printed.splitlines()[1] == str([said + "lose = lambda packet: packet.scapy.nothing"])


def test_a_function_that_exits(run: Run) -> None:
    printed = run(
        """
        try:
            with Link(lose=lambda packet: exit(3)):
                print(*talk())
        except RuntimeError as error:
            print(str(error).partition(",")[0])
        """
    )
    assert printed.splitlines()[1] == "a function of the Link raised SystemExit: 3"


def test_a_function_that_does_not_return(run: Run) -> None:
    printed = run(
        """
        def think(packet):
            while True:
                pass

        try:
            with Link(lose=think), socket.socket(type=socket.SOCK_DGRAM) as sender:
                sender.sendto(b"a", ("10.0.0.2", 5000))
        except TimeoutError as error:
            print(error)
        """
    )
    assert printed == "a function of the Link does not return\n"


def test_a_timeout_in_the_block_is_its_own(run: Run) -> None:
    printed = run(
        """
        try:
            with Link():
                raise TimeoutError("in the block")
        except TimeoutError as error:
            print(error)
        """
    )
    assert printed == "in the block\n"


def test_fragments_go_through_together(run: Run) -> None:
    printed = run(
        """
        for lose in (netem.never, lambda packet: packet.protocol == "UDP"):
            with Link(lose=lose) as packets:
                received = datagrams(bytes([3, 11]) * 2000)
                if lose is netem.never:
                    print(next(received) == bytes([3, 11]) * 2000)
                else:
                    with socket.socket(type=socket.SOCK_DGRAM) as sender:
                        sender.sendto(bytes(4000), ("10.0.0.2", 5000))
                received.close()
            print(len(packets), packets[0].source[0])
        """
    )
    assert printed.splitlines() == ["True", "1 10.0.0.1", "1 10.0.0.1"]


def test_a_packet_cut_short_harms_nothing(run: Run) -> None:
    printed = run(
        """
        with Link() as packets:
            for protocol, words in ((1, bytes([3, 3, 0xFC, 0xFC, 0, 0, 0, 0])), (6, b"abcd")):
                with socket.socket(type=socket.SOCK_RAW, proto=protocol) as raw:
                    raw.sendto(words, ("10.0.0.2", 0))
            print(*talk())
        print(packets[0])
        """
    )
    assert printed == "10.0.0.2 b'hello'\nTCP SYN\n"


def test_ports_may_change_roles(run: Run) -> None:
    printed = run(
        """
        with Link() as packets:
            for port, other in ((5001, 5000), (5000, 5001)):
                with socket.create_server(("10.0.0.1", other)), socket.socket() as client:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    client.bind(("10.0.0.1", port))
                    client.connect(("10.0.0.2", other))
                while sockets(port=5000):  # until the resets have arrived
                    pass
        print([each.source for each in packets if each.flags == "SYN"])
        """
    )
    assert printed == "[('10.0.0.1', 5001), ('10.0.0.1', 5000)]\n"


@pytest.mark.parametrize(
    "seconds", ["-1", "None", "'soon'", "float('nan')", "float('inf')", "1e10"]
)
def test_a_delay_that_is_none(run: Run, seconds: str) -> None:
    printed = run(
        f"""
        for delay in ({seconds}, lambda packet: {seconds}):
            try:
                with Link(delay=delay):
                    print(*talk())
            except (ValueError, TypeError) as error:
                print(error)
        """
    )
    line = f"delay is a number of seconds from 0 to 3600, not {eval(seconds)!r}"
    assert printed.splitlines() == [line, "10.0.0.2 b'hello'", line]


@pytest.mark.parametrize("name", ["lose", "duplicate"])
def test_no_function(name: str) -> None:
    with pytest.raises(TypeError, match=f"^{name} is a function .* not 3$"), Link(**{name: 3}):
        pass


def test_two_at_once(run: Run) -> None:
    printed = run(
        """
        with Link():
            try:
                with Link():
                    pass
            except OSError as error:
                print(error)
            print(*talk())
        """
    )
    told = f"[Errno {errno.EBUSY}] Link needs to be the only one: leave the block of the other"
    told += ", or end the process that has it"
    assert printed.splitlines() == [told, "10.0.0.2 b'hello'"]


def test_no_device(run: Run) -> None:
    printed = run(
        """
        import tempfile
        with tempfile.NamedTemporaryFile() as file:
            os.chmod(file.name, 0)
            for tun.DEVICE in ("/dev/net/none", file.name):
                try:
                    with Link():
                        pass
                except OSError as error:
                    print(error.errno, str(error).replace(file.name, "FILE"))
        """
    )
    assert printed.splitlines() == [
        f"{errno.ENOENT} [Errno {errno.ENOENT}] Link needs /dev/net/none: sudo modprobe tun, "
        "or Docker's --device /dev/net/none",
        f"{errno.EACCES} [Errno {errno.EACCES}] Link needs to open FILE: sudo chmod 666 FILE",
    ]


def test_outside_a_private_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCKUTILS_NETWORK", "shared: no namespaces here")
    with pytest.raises(PermissionError, match=r"private network .no namespaces here"), Link():
        pass


@pytest.mark.parametrize("failure", ["KeyboardInterrupt", "ValueError"])
def test_a_block_that_fails(run: Run, failure: str) -> None:
    printed = run(
        f"""
        try:
            with Link(delay=60), socket.socket(type=socket.SOCK_DGRAM) as sender:
                sender.sendto(b"a", ("10.0.0.2", 5000))
                raise {failure}("stop")
        except {failure} as error:
            print(error)
        """
    )
    assert printed == "stop\n"
