"""What the exercises of 01_socket.ipynb ask of the learner's functions."""

import gc
import os
import select
import socket
import struct
from collections.abc import Callable
from contextlib import ExitStack, suppress
from itertools import chain
from pathlib import Path

from sockutils.peers.peer import background
from sockutils.practice.exercise import exercise
from sockutils.tables.descriptors import left_to_python, links

Address = tuple[str, int]
Kind = tuple[int, int, int]
ANY = ("127.0.0.1", 0)
KINDS = {
    "TCP": (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP),
    "UDP": (socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_UDP),
    "AF_UNIX, SOCK_STREAM": (socket.AF_UNIX, socket.SOCK_STREAM, 0),
    "AF_UNIX, SOCK_SEQPACKET": (socket.AF_UNIX, socket.SOCK_SEQPACKET, 0),
    # its protocol is neither 0 nor the usual one
    "AF_NETLINK": (socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_USERSOCK),
}
HEADER = struct.Struct("!BBHHH")  # of an ICMP echo, RFC 792
ECHO_REQUEST, ECHO_REPLY = 8, 0
MANY, ROOM = 256, 1 << 20  # parts: all that a byte can number; and a buffer for them
ECHO_OFF = Path("/proc/sys/net/ipv4/icmp_echo_ignore_all")


@exercise(
    "socket",
    hint={
        "you returned [": "[ ] makes a list, ( ) a tuple: return (family, type, protocol).",
        "": "found = socket.socket(fileno=number) asks the kernel: its family, type and proto; "
        "found.detach() keeps it from closing.",
    },
)
def identify(what_is: Callable[[int], Kind]) -> None:
    with ExitStack() as stack:
        for name, kind in KINDS.items():
            made = socket.socket(*kind)
            number = made.detach()  # so that nothing is closed twice
            stack.callback(close, number)
            found = look(what_is, number, f"a socket of {name}")
            assert found == kind, f"a socket of {name} is {kind}, you returned {found!r}"
            assert os.get_blocking(number), "the socket does not block any more"


def look(what_is: Callable[[int], Kind], number: int, name: str) -> Kind:
    """Ask the learner's function; it may not close the descriptor, now or later, nor copy it."""
    before, link = os.fstat(number), os.readlink(f"/proc/self/fd/{number}")
    copies, earlier = links().count(link), owners(number)
    with left_to_python() as left:
        found = what_is(number)
    try:
        same = os.path.samestat(os.fstat(number), before)
    except OSError:
        same = False
    assert same, f"{name}: the descriptor is closed afterwards; detach() the object before it goes"
    assert links().count(link) <= copies, f"{name}: you left one more descriptor open"
    assert not left, f"{name}: you left to Python's garbage collector what is {left[0]}"
    new = [each for each in owners(number) if not any(each is one for one in earlier)]
    for each in new:
        each.detach()  # the number is soon another socket's
    assert not new, f"{name}: an object is left that will close the descriptor; detach() it"
    return found


def owners(number: int) -> list[socket.socket]:
    """Python's objects that would close this descriptor when they go."""
    found = [each for each in gc.get_objects() if issubclass(type(each), socket.socket)]
    return [each for each in found if each.fileno() == number]


def close(number: int) -> None:
    with suppress(OSError):
        os.close(number)


@exercise("socket", hint="Words of 16 bits; what overflows is added at the low end; then flip.")
def ping(echo_request: Callable[[int, int, bytes], bytes]) -> None:
    for identifier, sequence, data in (
        (1, 1, b""),
        (7, 2, b"hello!"),
        (7, 3, b"odd"),
        (0xFFFF, 0xFFFF, b"\xff\xff" * 600),  # it overflows often
        (0xF7FF, 0xFFFF, b"\x00\x01"),  # adding the overflow overflows
    ):
        packet = echo_request(identifier, sequence, data)
        assert isinstance(packet, bytes), f"it returned {packet!r}, not bytes"
        size = HEADER.size + len(data)
        assert len(packet) == size, f"{len(data)} bytes of data make {size}, not {len(packet)}"
        kind, code, _, *numbers = HEADER.unpack_from(packet)
        assert (kind, code) == (ECHO_REQUEST, 0), f"type and code are {kind} and {code}"
        asked = [identifier, sequence]
        turned = numbers == [socket.htons(number) for number in asked]
        assert numbers == asked, (
            f"identifier and sequence: asked for {asked}, found {numbers}"
            + ", the bytes in the other order: the network's is big-endian" * turned
        )
        assert packet[HEADER.size :] == data, "the data is not at the end of the packet"
        total = words(packet)
        assert total == 0xFFFF, (
            f"with {len(data)} bytes of data the words, checksum included, "
            f"add up to {total:#06x}, not 0xffff{doubt(packet)}"
        )
        assert answered(packet), "the kernel did not answer"


def words(packet: bytes) -> int:
    """Add up 16-bit words in ones' complement: 0xFFFF if the packet has its right checksum."""
    even = packet + bytes(len(packet) % 2)
    total = sum(struct.unpack(f"!{len(even) // 2}H", even))
    return (total - 1) % 0xFFFF + 1 if total else 0


def doubt(packet: bytes) -> str:
    """What may be wrong with the checksum that is written in the packet."""
    total, written = words(packet[:2] + bytes(2) + packet[4:]), packet[2:4]
    if written == bytes(2):
        return ": the checksum is 0"
    if written == total.to_bytes(2, "big"):
        return ": the checksum is the sum itself, flip its bits"
    if written == (total ^ 0xFFFF).to_bytes(2, "little"):
        return ": the checksum's two bytes are in the wrong order"
    return ": an overflow is added at the low end, until there is none" if total else ""


def answered(request: bytes) -> bool:
    """Tell whether the kernel answers; also true where we may not ask, or it may not answer."""
    try:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    except PermissionError:
        return True
    reply = request[4:]  # what follows the checksum comes back
    with raw:
        if ECHO_OFF.exists() and int(ECHO_OFF.read_text()):
            return True
        raw.sendto(request, ANY)
        while select.select([raw], [], [], 1)[0]:
            packet = raw.recv(1 << 16)[20:]
            if packet[0] == ECHO_REPLY and packet[4:] == reply:
                return True
    return False


@exercise(
    "socket",
    hint="Keep the parts by their numbers. A recv() that asks for too little loses the rest.",
)
def reassemble(put_in_order: Callable[[socket.socket, int], bytes]) -> None:
    for parts, order in (
        ([b"one ", b"two ", b"three"], (0, 1, 2)),
        ([b"one ", b"two ", b"three"], (2, 0, 1)),
        ([b"a", b"b", b"c", b"d"], (1, 1, 0, 1, 3, 0, 2, 3, 1)),
        ([b"", b"x", b"", b"x" * 2000], (3, 3, 2, 1, 3, 0)),
        ([str(number).encode() for number in range(12)], tuple(chain(range(11, 0, -2), range(12)))),
        ([bytes([number]) for number in range(MANY)], tuple(range(MANY - 1, -1, -1))),
    ):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
            receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
            receiver.bind(ANY)
            receiver.settimeout(0.5)
            with background(send, parts, order, receiver.getsockname()):
                try:
                    got = put_in_order(receiver, len(parts))
                except TimeoutError:
                    raise AssertionError(
                        f"{few(order)} came, all parts{', some of them empty' * (b'' in parts)}, "
                        "and you waited for more: count each number once; and a recv() that asks "
                        "for less than a datagram loses the rest of it"
                    ) from None
            compare(got, parts, order)
            assert receiver.fileno() != -1, "you closed the socket that you were given"
            assert receiver.gettimeout() != 0, (
                "the socket does not wait any more: a loop that asks it again and again keeps a "
                "processor busy; leave it as it was, and recv() sleeps until a part comes"
            )
            complete = max(map(order.index, range(len(parts)))) + 1
            late = len(order) - complete - waiting(receiver)
            assert late <= 0, (
                f"{few(order)} came: all parts were there after {complete}, you read on"
            )


def compare(got: bytes, parts: list[bytes], order: tuple[int, ...]) -> None:
    whole = b"".join(parts)
    assert isinstance(got, bytes), f"it returned {got!r:.80}, not bytes"
    first = order[: len(parts)]
    once, each = sorted(set(first)), sorted(first)
    why = ""
    if got == b"".join(parts[number] for number in first):
        why = ": the parts as they came"
    elif once != each and got in (
        b"".join(parts[n] for n in once),
        b"".join(parts[n] for n in each),
    ):
        why = ": something is missing; a part that comes twice counts once"
    elif got == b"".join(bytes([number]) + part for number, part in enumerate(parts)):
        why = ": with the numbers in front of the parts"
    elif len(got) < len(whole):
        why = ": something is missing"
    assert got == whole, (
        f"sent in the order {few(order)}, {len(whole)} bytes, {few(whole)}; "
        f"you returned {len(got)} bytes, {few(got)}{why}"
    )


def few(values: bytes | tuple[int, ...]) -> str:
    """How it begins, and that there is more."""
    return f"{values[:20]!r}" + "…" * (len(values) > 20)


def waiting(receiver: socket.socket) -> int:
    """How many datagrams are left in its queue."""
    receiver.setblocking(False)
    number = 0
    with suppress(BlockingIOError):
        while True:
            receiver.recv(1)
            number += 1
    return number


def send(parts: list[bytes], order: tuple[int, ...], destination: Address) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in order:
            with suppress(ConnectionRefusedError):
                sender.sendto(bytes([number]) + parts[number], destination)
