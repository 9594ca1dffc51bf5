"""What texts and pictures of packets cost, next to scapy, fewer packets and the transfer itself."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from statistics import median
from time import perf_counter

from scapy.layers.inet import IP, TCP

from sockutils.link.tun import DEVICE
from sockutils.packets.capture import Packets
from sockutils.packets.ladder import sequence
from sockutils.packets.packet import Packet

ROUNDS = 7
PRIVATE = [sys.executable, "-m", "sockutils.kernel", "run"]
OPTIONS = [("Timestamp", (1, 2))]
RAW = bytes(IP() / TCP(sport=40001, dport=5000, flags="PA", options=OPTIONS) / b"hello")
MANY = 10_000  # packets in a text
LARGE, SMALL = 1_000, 60  # packets in a picture

# In a private network: an echo through a Link, then the text of its packets.
ECHO = """
import json, socket, time
from sockutils import background, network
from sockutils.link.link import Link

SIZE = 2_000_000

def echo(listener):
    connection, _ = listener.accept()
    with connection:
        while data := connection.recv(1 << 16):
            connection.sendall(data)

def transfer():
    with socket.create_server(("10.0.0.1", 5000)) as listener, socket.socket() as client:
        client.connect(("10.0.0.2", 5000))
        with background(echo, listener, patience=60):
            with background(client.sendall, bytes(SIZE), patience=60):
                client.recv(SIZE, socket.MSG_WAITALL)
            client.close()

def seconds(call):
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun

pairs = []
for _ in range(ROUNDS if network().private else 0):
    with Link() as packets:
        carried = seconds(transfer)
    pairs.append((carried, seconds(lambda: repr(packets)), len(packets)))
print(json.dumps(pairs))
"""


def seconds(call: Callable[[], object]) -> float:
    begun = perf_counter()
    call()
    return perf_counter() - begun


def data(count: int) -> Packets:
    """So many packets of one TCP connection, none of them looked at yet."""
    return Packets([Packet(number, RAW) for number in range(count)])


def dissect(packets: Packets) -> None:
    for packet in packets:
        IP(packet.raw)


def texts() -> list[tuple[str, float, str]]:
    fresh = [data(MANY) for _ in range(ROUNDS)]
    pairs = [(seconds(each.__repr__), seconds(partial(dissect, each))) for each in fresh]
    text, scapy = (median(times) for times in zip(*pairs, strict=True))
    name = f"text of {MANY:,} packets ({text:.2f} s) / dissecting by scapy ({scapy:.2f} s)"
    return [(name, text / scapy, "≤ 3 times")]


def pictures() -> list[tuple[str, float, str]]:
    few = median(seconds(lambda: sequence(data(SMALL))) for _ in range(ROUNDS))
    fresh = [(data(LARGE), data(LARGE)) for _ in range(ROUNDS)]
    pairs = [
        (seconds(lambda one=one: sequence(one)), seconds(other.__repr__)) for one, other in fresh
    ]
    picture, text = (1000 * median(times) for times in zip(*pairs, strict=True))
    name = f"picture of {LARGE:,} packets ({picture:.0f} ms; of {SMALL} {1000 * few:.0f} ms)"
    name += f" / their text ({text:.0f} ms)"
    return [(name, picture / text, "≤ 1.5 times")]


def link() -> list[tuple[str, float, str]]:
    command = [*PRIVATE, sys.executable, "-c", f"ROUNDS = {ROUNDS}\n{ECHO}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    pairs = json.loads(done.stdout)
    if not pairs:
        return []
    carried, text, count = (median(column) for column in zip(*pairs, strict=True))
    name = f"text of 2 MB echoed through a Link, {count:,.0f} packets"
    name += f" ({text:.2f} s) / the transfer ({carried:.2f} s)"
    return [(name, text / carried, "≤ 1")]


def rows() -> list[tuple[str, float, str]]:
    """Measure each pair by turns; the ratios of the medians. No Link, no row about it."""
    return [*texts(), *pictures(), *(link() if os.access(DEVICE, os.R_OK | os.W_OK) else [])]


if __name__ == "__main__":
    for name, ratio, target in rows():
        print(f"{name:<85} {ratio:6.2f}   target {target}")
