"""01_socket.ipynb: what its exercises ask of the learner's functions, and its panel's picture."""

import os
import select
import socket
import struct
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from sockutils.peers import background
from sockutils.picture import CLIENT, FAINT, KERNEL, OTHER, SERVER, SIZE, Picture, sheet
from sockutils.practice import exercise

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
ECHO_OFF = Path("/proc/sys/net/ipv4/icmp_echo_ignore_all")

# inches
LEFT, TOP, STEP, TALL, LINE = 2.7, 1.6, 1.0, 0.48, 0.34


@exercise("socket", hint="socket.socket(fileno=…) asks the kernel; detach() keeps it from closing.")
def identify(what_is: Callable[[int], Kind | None]) -> None:
    with ExitStack() as stack:
        for name, kind in KINDS.items():
            made = socket.socket(*kind)
            number = made.detach()  # so that nothing is closed twice
            stack.callback(close, number)
            found = look(what_is, number, f"a socket of {name}")
            assert found == kind, f"for a socket of {name} you returned {found!r}"
            assert os.get_blocking(number), "the socket does not block any more"
        reader, writer = os.pipe()
        file, folder = os.open(os.devnull, os.O_RDONLY), os.open("/", os.O_RDONLY)
        others = {
            "a pipe": reader,
            "a pipe's other end": writer,
            "a file": file,
            "a folder": folder,
        }
        for number in others.values():
            stack.callback(close, number)
        for name, number in others.items():
            found = look(what_is, number, name)
            assert found is None, f"for {name} you returned {found!r}"


def look(what_is: Callable[[int], Kind | None], number: int, name: str) -> Kind | None:
    """Ask the learner's function; it may not close the descriptor, nor leave a copy of it open."""
    before, link = os.fstat(number), os.readlink(f"/proc/self/fd/{number}")
    copies = descriptors(link)
    found = what_is(number)
    try:
        same = os.path.samestat(os.fstat(number), before)
    except OSError:
        same = False
    assert same, f"{name}: the descriptor is closed afterwards"
    assert descriptors(link) <= copies, f"{name}: you left one more descriptor open"
    return found


def descriptors(link: str) -> int:
    """Count this process's descriptors that have such a link."""
    found = 0
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found += os.readlink(entry) == link
    return found


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
        assert numbers == asked, f"identifier and sequence: asked for {asked}, found {numbers}"
        assert packet[HEADER.size :] == data, "the data is not at the end of the packet"
        total = words(packet)
        assert total == 0xFFFF, (
            f"with {len(data)} bytes of data the words, checksum included, "
            f"add up to {total:#06x}, not 0xffff"
        )
        assert answered(packet), "the kernel did not answer"


def words(packet: bytes) -> int:
    """Add up 16-bit words in ones' complement: 0xFFFF if the packet has its right checksum."""
    even = packet + bytes(len(packet) % 2)
    total = sum(struct.unpack(f"!{len(even) // 2}H", even))
    return (total - 1) % 0xFFFF + 1 if total else 0


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
        ([b"a", b"b", b"c", b"d"], (1, 1, 0, 1, 3, 0, 2)),
        ([b"", b"x", b"", b"x" * 2000], (3, 3, 2, 1, 3, 0)),
        ([str(number).encode() for number in range(12)], tuple(chain(range(11, 0, -2), range(12)))),
    ):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
            receiver.bind(ANY)
            receiver.settimeout(0.5)
            with background(send, parts, order, receiver.getsockname()):
                try:
                    got = put_in_order(receiver, len(parts))
                except TimeoutError:
                    raise AssertionError(f"{order} came, and you waited for more") from None
            whole = b"".join(parts)
            assert isinstance(got, bytes), f"it returned {got!r}, not bytes"
            assert got == whole, (
                f"sent in the order {order}, {len(whole)} bytes, {whole!r:.40}; "
                f"you returned {len(got)} bytes, {got!r:.40}"
            )


def send(parts: list[bytes], order: tuple[int, ...], destination: Address) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in order:
            with suppress(ConnectionRefusedError):
                sender.sendto(bytes([number]) + parts[number], destination)


def draw_answers(
    title: str, answers: Mapping[tuple[str, str], str], chosen: tuple[str, str]
) -> Picture:
    """Draw the answers to (type, protocol) as a grid, with a frame around the chosen one.

    An answer is the number of the protocol that the kernel took, or the name of an errno.
    """
    rows = list(dict.fromkeys(row for row, _ in answers))
    columns = list(dict.fromkeys(column for _, column in answers))
    errors = [name for name in dict.fromkeys(answers.values()) if not name.isdigit()]
    bottom = TOP + len(rows) * TALL + LINE
    figure, axes = sheet(bottom + 4 * LINE)
    said = answers[chosen]
    said = f"works, with protocol {said}" if said.isdigit() else said
    write(axes, 0.2, 0.35, title, family="monospace", weight="bold")
    write(axes, 0.2, 0.75, f"→ {said}", weight="bold")
    for x, column in enumerate(columns):
        write(axes, LEFT + (x + 0.5) * STEP, TOP - 0.2, column, ha="center")
    for y, row in enumerate(rows):
        write(axes, LEFT - 0.15, TOP + (y + 0.5) * TALL, row, ha="right")
    for (row, column), answer in answers.items():
        corner = LEFT + columns.index(column) * STEP, TOP + rows.index(row) * TALL
        cell(axes, corner, answer, errors, framed=(row, column) == chosen)
    for line, name in enumerate(errors):
        write(axes, LEFT, bottom + line * LINE, f"{sign(name, errors)}  {name}", ha="left")
    return Picture(figure, f"{title}\n→ {said}\n{table(answers, rows, columns)}")


def cell(
    axes: "Axes", corner: tuple[float, float], answer: str, errors: list[str], framed: bool
) -> None:
    from matplotlib.patches import Rectangle

    works = answer.isdigit()
    fill = KERNEL if works else "white"
    ink = "white" if works else (SERVER, CLIENT, OTHER)[errors.index(answer) % 3]
    axes.add_patch(Rectangle(corner, STEP, TALL, facecolor=fill, edgecolor=FAINT, linewidth=1.5))
    if framed:
        axes.add_patch(Rectangle(corner, STEP, TALL, fill=False, linewidth=5, zorder=3))
    x, y = corner[0] + STEP / 2, corner[1] + TALL / 2
    write(axes, x, y, sign(answer, errors), ha="center", color=ink, weight="bold")


def sign(answer: str, errors: list[str]) -> str:
    return answer if answer.isdigit() else chr(ord("A") + errors.index(answer))


def write(axes: "Axes", x: float, y: float, words: str, **style: str) -> None:
    axes.text(x, y, words, fontsize=SIZE, va="center", **style)  # type: ignore[arg-type]


def table(answers: Mapping[tuple[str, str], str], rows: list[str], columns: list[str]) -> str:
    lines = [["", *columns]] + [[row, *(answers[row, each] for each in columns)] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
