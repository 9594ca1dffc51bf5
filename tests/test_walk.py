"""The way through TCP's states, told from packets: what each end passes, and in which order."""

import struct
from pathlib import Path

from kernels import alone

from sockutils.lessons.close.diagram import walk
from sockutils.packets.packet import FLAGS, Packet

CLIENT, SERVER = 40000, 5081
BITS = {name: bit for bit, name in FLAGS.items()}
MAXIMUM = 2**32


def packet(time: int, source: int, flags: str, seq: int, ack: int, payload: bytes = b"") -> Packet:
    port = SERVER if source == CLIENT else CLIENT
    bits = sum(BITS[name] for name in flags.split())
    numbers = seq % MAXIMUM, ack % MAXIMUM
    tcp = struct.pack("!HHIIBBHHH", source, port, *numbers, 5 << 4, bits, 1, 0, 0) + payload
    size = 20 + len(tcp)
    head = struct.pack("!BBHHHBBH4s4s", 69, 0, size, 0, 0, 64, 6, 0, b"\x7f\0\0\1", b"\x7f\0\0\1")
    return Packet(time, head + tcp)


def ways(*packets: Packet) -> dict[str, list[str]]:
    lines = str(walk(packets)).splitlines()[1:]
    return {
        who: [line.rpartition(" → ")[2] for line in lines if line.startswith(who)]
        for who in ("client", "server")
    }


def test_the_usual_end() -> None:
    near_the_top = MAXIMUM - 1  # the numbers begin again
    seen = ways(
        packet(1, CLIENT, "FIN ACK", near_the_top, 70),
        packet(2, SERVER, "ACK", 70, near_the_top + 1),
        packet(3, SERVER, "FIN ACK", 70, near_the_top + 1),
        packet(4, CLIENT, "ACK", near_the_top + 1, 71),
    )
    assert seen["client"] == ["FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT"]
    assert seen["server"] == ["CLOSE-WAIT", "LAST-ACK", "gone"]


def test_a_fin_that_confirms_the_other_one_ends_two_states() -> None:
    seen = ways(
        packet(1, CLIENT, "FIN ACK", 10, 70),
        packet(2, SERVER, "FIN ACK", 70, 11),
        packet(3, CLIENT, "ACK", 11, 71),
    )
    assert seen["client"] == ["FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT"]
    assert seen["server"] == ["CLOSE-WAIT", "LAST-ACK", "gone"]


def test_fins_that_cross_are_told_by_their_numbers_and_not_by_the_clock() -> None:
    seen = ways(
        packet(1, CLIENT, "FIN ACK", 10, 70),
        packet(2, SERVER, "FIN ACK", 70, 10),  # by the clock it has come already
        packet(3, SERVER, "ACK", 71, 11),
        packet(4, CLIENT, "ACK", 11, 71),
    )
    assert seen["client"] == seen["server"] == ["FIN-WAIT-1", "CLOSING", "TIME-WAIT"]


def test_data_before_the_fin_and_a_fin_that_is_sent_again() -> None:
    seen = ways(
        packet(1, CLIENT, "FIN PSH ACK", 10, 70, b"hello"),
        packet(2, CLIENT, "FIN PSH ACK", 10, 70, b"hello"),
        packet(3, SERVER, "ACK", 70, 15),  # the bytes, and not the FIN
        packet(4, SERVER, "ACK", 70, 16),
    )
    assert seen["client"] == ["FIN-WAIT-1", "FIN-WAIT-2"]


def test_a_packet_that_was_lost_changes_nothing_where_it_did_not_arrive() -> None:
    lost = packet(1, CLIENT, "FIN ACK", 10, 70)
    lost.arrivals = ()
    assert ways(lost) == {"client": ["FIN-WAIT-1"], "server": []}


def test_a_reset_ends_both() -> None:
    assert ways(packet(1, SERVER, "RST ACK", 70, 10)) == {"client": ["gone"], "server": ["gone"]}


def test_no_packets() -> None:
    assert str(walk([])) == "no packets of TCP"


PROGRAM = """
import itertools
from sockutils import Link, capture
from sockutils.lessons.close import connected, walk

for first, delay in itertools.product((0, 1), (0, 0.05)):
    for together in (False, True):
        with Link(delay=delay) as packets:
            *ends, states = connected(5082, "10.0.0.1", "10.0.0.2")
            ends[first].close()
            together or states()
            ends[1 - first].close()
            last = states()
        told = str(walk(packets)).splitlines()
        for who, state in last.items():
            line = [line for line in told if line.startswith(who)][-1]
            assert line.endswith(f" → {state}"), (first, delay, together, last, told)
print("agree")
"""


def test_the_kernels_table_agrees(tmp_path: Path) -> None:
    assert alone(tmp_path, PROGRAM) == "agree\n"
