"""07: the server over datagrams answers each, whoever sent it, and survives what it cannot send.

Two clients ask at the same time, so that no answer goes to the right one by chance. A third one
has a peer, and hears nobody else: an answer to it comes back refused. Two more are forged: nothing
can be sent to port 0, and to everybody only with SO_BROADCAST. All in 127.0.0.0/8.

A server that waits with a limit may die of silence. Its socket is nonblocking then, as those of
select() and asyncio often are, which may go on: only for these a silence is waited for.
"""

import os
import select
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from sockutils.peers.waits import wait_until
from sockutils.practice.own import own_program
from sockutils.practice.program import ANSWER, HOST, PORT, Program, free, running
from sockutils.tables.diag import sockets, with_holders
from sockutils.tables.holders import descriptors

SERVER = (HOST, PORT)
LARGEST = 65507
LONG = (b"many words " * 6000)[:LARGEST]
# neither UTF-8, nor without small letters for who takes it for Latin-1, 0xE2, 0xFF and 0xB5
NO_TEXT = b"no text: \x80\x90\xe2\xff\xb5."
EVERYBODY = "127.255.255.255"
QUIET = 5.5  # seconds: a little more than the limit of the lesson's own sockets
REFUSED, UNREACHABLE = "an answer that came back refused", "an answer that cannot be sent"
TEXT = "a datagram that is not UTF-8"
LETTERS, CAFE = "a datagram of letters that ASCII has not", "café".encode()
BLANKS = "a datagram with blanks around it"
LOOP = (
    "a loop without an end, `while True`, around recvfrom() and sendto(), and no `break`: "
    "silence is no end, either"
)
CATCH = "catch the OSError of sendto() inside the loop, and go on with the next datagram"
FORGED = f"some addresses are forged, and nobody can answer them: {CATCH}"
BYTES = "a datagram has any bytes: bytes have an upper() of their own, without decode()"
PATIENT = "silence is no end: no settimeout() here, or catch TimeoutError inside the loop"
ONE_SOCKET = (
    "one socket for all, bound once, before the loop, and without connect(): with a peer it hears "
    "nobody else, and what waits in a socket is lost when that is closed"
)
HINTS = {
    "make it SOCK_DGRAM": "socket.socket(type=socket.SOCK_DGRAM), without listen() and accept()",
    "Operation not supported": "a datagram socket has no connections: bind(), then recvfrom()",
    "receives on 0.0.0.0": "0.0.0.0 is every address of the machine: bind to 127.0.0.1 alone",
    "no UDP socket": "bind() before the loop, recvfrom() in it",
    "from port": "one socket for both: the one that received sends the answer, too",
    "went to another": "recvfrom() returns data and address: sendto() to that address, each time",
    "Destination address required": "sendto(data, address), with the address from recvfrom()",
    "a tuple": "question, address = server.recvfrom(65535)",
    "'tuple' object": "question, address = server.recvfrom(65535)",
    "of 65,507 bytes": "recvfrom(65535) has room for every datagram, recvfrom(100) for 100 bytes",
    "UnicodeDecodeError": BYTES,
    TEXT: BYTES,
    LETTERS: BYTES,
    BLANKS: "blanks and a newline are bytes like others: no strip()",
    "timed out": PATIENT,
    "before a datagram came": LOOP,
    "quiet seconds": PATIENT,
    "ended after 1 ": LOOP,
    "an empty datagram": "b'' is a message here, and no end: answer it with b''",
    "Connection refused": "a server has no peer: it needs neither connect() nor IP_RECVERR",
    UNREACHABLE: FORGED,
    "Invalid argument": FORGED,
    "Permission denied": FORGED,
    REFUSED: "a server has no peer: it needs neither connect() nor IP_RECVERR",
    "ended, without": LOOP,
    "no answer to the": ONE_SOCKET,
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
        hears(program, one, asks(one, b" blanks \n"), BLANKS)
        hears(program, one, asks(one, NO_TEXT), TEXT)
        hears(program, one, asks(one, CAFE), LETTERS)
        hears(program, two, asks(two, LONG), "a datagram of 65,507 bytes")
        asks(stack.enter_context(deaf()), b"who?")
        hears(program, one, asks(one, b"still there?"), f"a datagram after {REFUSED}")
        for host, port in ((HOST, 0), (EVERYBODY, 5052)):
            forged(host, port, b"nobody")
            hears(program, two, asks(two, b"and now?"), f"a datagram after {UNREACHABLE}")
        if may_lose_patience():
            stays(program)


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


def forged(host: str, port: int, words: bytes) -> None:
    """Send a datagram that seems to come from there, where that is allowed."""
    with (
        suppress(PermissionError),
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw,
    ):
        size, hosts = 8 + len(words), socket.inet_aton(host) + socket.inet_aton(HOST)
        ip = struct.pack("!BBHHHBBH8s", 0x45, 0, 20 + size, 0, 0, 64, socket.IPPROTO_UDP, 0, hosts)
        raw.sendto(ip + struct.pack("!HHHH", port, PORT, size, 0) + words, (HOST, 0))


def may_lose_patience() -> bool:
    """Whether its socket is nonblocking, as settimeout() makes it."""
    rows = [row for row in sockets(port=PORT) if (row.protocol, row.local) == ("udp", SERVER)]
    return any(
        nonblocking(holder.pid, row.inode)
        for row in with_holders(rows)
        for holder in row.holders or ()
    )


def nonblocking(pid: int, inode: int) -> bool:
    with suppress(OSError, KeyError):
        info = Path(f"/proc/{pid}/fdinfo/{descriptors(pid)[inode]}").read_text()
        return bool(int(info.split("flags:")[1].split()[0], 8) & os.O_NONBLOCK)
    return False


def stays(program: Program) -> None:
    wait_until(lambda: program.over, QUIET)
    program.lives()
    assert not program.over, f"{program} ended after a few quiet seconds"


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
