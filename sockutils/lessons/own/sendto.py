"""07: the server over datagrams answers each, whoever sent it, and survives what it cannot send.

Two clients ask at the same time, so that no answer goes to the right one by chance. A third one
has a peer, and hears nobody else: an answer to it comes back refused. A fourth one has no port.
"""

import select
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from sockutils.peers.waits import wait_until
from sockutils.practice.own import own_program
from sockutils.practice.program import ANSWER, HOST, PORT, Program, free, running

SERVER = (HOST, PORT)
LONG = b"many words " * 900  # 9,900 bytes, of which 9,000 are sent
LARGEST = 65507
REFUSED, UNREACHABLE = "an answer that came back refused", "an answer that cannot be sent"
LOOP = "a loop without an end, `while True`, around recvfrom() and sendto()"
CATCH = "catch the OSError of sendto() inside the loop, and go on with the next datagram"
HINTS = {
    "make it SOCK_DGRAM": "socket.socket(type=socket.SOCK_DGRAM), without listen() and accept()",
    "Operation not supported": "a datagram socket has no connections: bind(), then recvfrom()",
    "no UDP socket": "bind() before the loop, recvfrom() in it",
    "from port": "one socket for both: the one that received sends the answer, too",
    "went to another": "recvfrom() returns data and address: sendto() to that address, each time",
    "Destination address required": "sendto(data, address), with the address from recvfrom()",
    "a tuple": "question, address = server.recvfrom(65535)",
    "'tuple' object": "question, address = server.recvfrom(65535)",
    "of 9,000 bytes": "recvfrom(65535) has room for every datagram, recvfrom(100) for 100 bytes",
    "ended after 1 ": LOOP,
    "an empty datagram": "b'' is a message here, and no end: answer it with b''",
    "Connection refused": "a server has no peer: it needs neither connect() nor IP_RECVERR",
    UNREACHABLE: f"some addresses are forged, and nobody can answer them: {CATCH}",
    "Invalid argument": f"some addresses are forged, and nobody can answer them: {CATCH}",
    REFUSED: "a server has no peer: it needs neither connect() nor IP_RECVERR",
    "ended, without": LOOP,
}


@own_program("sendto", hint=HINTS)
def step(server: Path) -> None:
    free(protocol="udp")
    with running(server) as program, ExitStack() as stack:
        program.receives()
        one, two = (stack.enter_context(client()) for _ in range(2))
        hears(program, one, asks(one, b"hello"), "a datagram")
        for first, second in ((b"one", b"two"), (b"three", b"four")):
            expected = asks(one, first), asks(two, second)
            hears(program, two, expected[1], "the second of two clients", one)
            hears(program, one, expected[0], "the first of two clients", two)
        hears(program, one, asks(one, b""), "an empty datagram")
        hears(program, two, asks(two, LONG[:9000]), "a datagram of 9,000 bytes")
        asks(stack.enter_context(deaf()), b"who?")
        hears(program, one, asks(one, b"still there?"), f"a datagram after {REFUSED}")
        without_a_port(b"nobody")
        hears(program, two, asks(two, b"and now?"), f"a datagram after {UNREACHABLE}")


def client() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((HOST, 0))
    return made


@contextmanager
def deaf() -> Iterator[socket.socket]:
    """A client that has itself as its peer: the kernel refuses what the server sends to it."""
    with client() as made:
        made.connect(made.getsockname())
        yield made


def asks(end: socket.socket, words: bytes) -> bytes:
    """Send it, and return what has to come back."""
    end.sendto(words, SERVER)
    return words.upper()


def without_a_port(words: bytes) -> None:
    """Send a datagram from port 0, to which none can be sent, where that is allowed."""
    with (
        suppress(PermissionError),
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw,
    ):
        raw.sendto(struct.pack("!HHHH", 0, PORT, 8 + len(words), 0) + words, SERVER)


def hears(
    program: Program, end: socket.socket, expected: bytes, what: str, *others: socket.socket
) -> None:
    """Read the answer to what has been asked."""
    wait_until(lambda: program.over or is_there(end), ANSWER)
    if not is_there(end):
        program.lives()
        assert not program.over, f"{program} ended, without an answer to {what}"
        got = [one.recv(LARGEST) for one in others if is_there(one)]
        wrong = f"{what}: the answer of {program}, {expected!r:.40}, went to another one"
        assert expected not in got, wrong
        assert not any(map(is_there, others)), wrong
        raise AssertionError(f"{program} gave no answer to {what} within {ANSWER:.0f} s")
    answer, address = end.recvfrom(LARGEST)
    assert address == SERVER, f"{program} answered from port {address[1]}, not {PORT}"
    if expected.startswith(answer) and answer != expected:
        raise AssertionError(f"{what}: {program} answered {len(answer)} bytes, not {len(expected)}")
    assert answer == expected, f"{what}: {program} answered {answer!r:.80}, not {expected!r:.80}"


def is_there(end: socket.socket) -> bool:
    return bool(select.select([end], [], [], 0)[0])
