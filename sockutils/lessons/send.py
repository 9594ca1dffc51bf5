"""06_send_recv.ipynb: what stands around its calls, its exercises' checks, and its pictures."""

import fcntl
import select
import socket
import struct
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import cycle
from typing import NamedTuple

from sockutils.figures.picture import CLIENT, FAINT, KERNEL, OTHER, SERVER, SIZE, Picture, canvas
from sockutils.peers.peer import background
from sockutils.peers.waits import wait_until
from sockutils.practice.exercise import exercise
from sockutils.tables.diag import sockets

ANY = ("127.0.0.1", 0)
PATIENCE = 5.0  # seconds
TIMEOUT = 2.0  # seconds, of the server's end in the exercises: MSG_WAITALL is not enough there
INT = struct.Struct("=i")
LENGTH = struct.Struct("!I")

# struct tcp_info of <linux/tcp.h>
U32, U64 = struct.Struct("=I"), struct.Struct("=Q")
UNACKED, BYTES_RECEIVED, SEND_WINDOW, INFO_SIZE = 24, 128, 228, 232

SIZES = ((1,), (3, 1, 7, 2), (1 << 20,))  # byte by byte, odd pieces, all at once


# Beside the calls


def trickle(
    sender: socket.socket, reader: socket.socket, data: bytes, sizes: Sequence[int] = (1,)
) -> None:
    """Send data in pieces of these sizes, each when the reader has taken the one before.

    The reader is a socket of this process, so its kernel can be asked what is left to read.
    Gives up after five seconds, and when the reader is closed.
    """
    until = time.monotonic() + PATIENCE
    sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with suppress(OSError):  # the reader has been closed
        expected = received(reader)
        for piece in pieces(data, sizes):
            sender.sendall(piece)
            expected += len(piece)
            while received(reader) < expected or unread(reader):
                if time.monotonic() > until:
                    return
                select.select([], [], [], 0.0005)


def pieces(data: bytes, sizes: Sequence[int]) -> Iterator[bytes]:
    for size in cycle(sizes):
        if not data:
            return
        yield data[:size]
        data = data[size:]


def unread(reader: socket.socket) -> int:
    """Return how many bytes wait to be read; 0 if the socket is closed. tcp(7): SIOCINQ"""
    try:
        answer = fcntl.ioctl(reader, termios.FIONREAD, bytes(INT.size))
    except (OSError, ValueError):  # just closed, or closed for long
        return 0
    return int(INT.unpack(answer)[0])


def received(reader: socket.socket) -> int:
    """Return how many bytes have arrived since the connection began, read or not."""
    return tcp_info(reader, BYTES_RECEIVED, U64)


def tcp_info(end: socket.socket, offset: int, field: struct.Struct) -> int:
    info = end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, INFO_SIZE)
    return int(field.unpack_from(info, offset)[0])


def wait_for_bytes(reader: socket.socket, count: int) -> None:
    """Return when so many bytes have arrived since the connection began, read or not.

    Raises TimeoutError after five seconds.
    """
    if not wait_until(lambda: received(reader) >= count):
        raise TimeoutError(f"{count} bytes have not come")


def wait_until_over(end: socket.socket) -> None:
    """Return when the connection is over for the kernel: by a reset, for example. poll(2)

    Raises TimeoutError after five seconds.
    """
    watch = select.poll()
    watch.register(end, 0)  # errors and hang-ups are told unasked
    if not watch.poll(PATIENCE * 1000):
        raise TimeoutError("the connection is not over")


def queues(port: int) -> tuple[int, int]:
    """Return the send queue of the client and the receive queue of the server on that port."""
    rows = [row for row in sockets(port=port) if row.state == "ESTAB"]
    ends = {isinstance(row.local, tuple) and row.local[1] == port: row for row in rows}
    return ends[False].send_queue, ends[True].receive_queue


# Exercises


def connected(stack: ExitStack) -> tuple[socket.socket, socket.socket]:
    with socket.create_server(ANY) as listener:
        client = stack.enter_context(socket.create_connection(listener.getsockname()))
        server = stack.enter_context(listener.accept()[0])
    server.settimeout(TIMEOUT)
    return client, server


@contextmanager
def trickling(data: bytes, sizes: Sequence[int]) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection on which the client sends data in pieces of these sizes."""
    with ExitStack() as stack:
        client, server = connected(stack)
        stack.enter_context(background(trickle, client, server, data, sizes))
        stack.callback(server.close)  # first: then nothing is left to read
        yield client, server


def in_pieces(sizes: Sequence[int]) -> str:
    if sizes == (1,):
        return "byte by byte"
    return "in odd pieces" if len(sizes) > 1 else "all at once"


@exercise(
    "send",
    seconds=10,
    hint="recv() returns what is there. While something is missing, ask again; b'' is the end.",
)
def exactly(receive_exactly: Callable[[socket.socket, int], bytes]) -> None:
    parts = (b"one", b"", b"twothree", b"x" * 300)
    for sizes in SIZES:
        with trickling(b"".join(parts), sizes) as (_, server):
            for wanted in parts:
                came = f"the bytes came {in_pieces(sizes)}, you were asked for {len(wanted)}"
                try:
                    found = receive_exactly(server, len(wanted))
                except EOFError:
                    raise AssertionError(f"{came}: EOFError, but the stream is open") from None
                assert isinstance(found, (bytes, bytearray)), f"it returned {found!r}, not bytes"
                assert found == wanted, f"{came}, you returned {shorter(bytes(found))}"
                limit = server.gettimeout()
                assert limit == TIMEOUT, f"leave the timeout as it is: it was 2 s, is now {limit}"
    for early in (b"on", b""):
        when = f"after {len(early)} of 3 bytes"
        ends_early(lambda server: receive_exactly(server, 3), early, when)


def ends_early(receive: Callable[[socket.socket], object], early: bytes, when: str) -> None:
    with ExitStack() as stack:
        client, server = connected(stack)
        client.sendall(early)
        client.close()
        try:
            found = receive(server)
        except EOFError:
            return
    raise AssertionError(f"the stream ended {when}: EOFError expected, you gave {shorter(found)}")


@exercise(
    "send",
    seconds=10,
    hint="First exactly four bytes, in network byte order (!), then exactly as many as they say.",
)
def one_message(receive_message: Callable[[socket.socket], bytes | None]) -> None:
    messages = [b"hello", b"", b"\0\0\0\1!", b"x" * 300]
    data = b"".join(LENGTH.pack(len(message)) + message for message in messages)
    for sizes in SIZES:
        with trickling(data, sizes) as (client, server):
            for wanted in messages:
                found = receive_message(server)
                came = f"the bytes came {in_pieces(sizes)}, the message was {wanted[:9]!r}"
                assert found == wanted, f"{came}, you returned {shorter(found)}"
            client.shutdown(socket.SHUT_WR)
            found = receive_message(server)
            assert found is None, f"the stream has ended, you returned {shorter(found)}"
    for early, when in (
        (b"\0\0", "inside a length"),
        (b"\0\0\0\5", "between a length and its message"),
        (b"\0\0\0\5hel", "inside a message"),
        (b"\0\1\0\0hel", "inside a message of 65,536 bytes"),
    ):
        ends_early(receive_message, early, when)


def shorter(value: object) -> str:
    text = repr(value)
    return text if len(text) < 40 else f"{text[:30]}… ({len(text)} characters)"


@exercise(
    "send",
    seconds=10,
    hint="Keep what you have read in a variable, and look for the delimiter in that.",
)
def delimiter(lines: Callable[[socket.socket], Iterator[bytes]]) -> None:
    ends = [b" ", b"\n begins so", b"ends so\r", b"\r"]
    expected = [b"GET / HTTP/1.1", b"", b"a\rb\nc", *ends, b"x" * 500, b"end"]
    data = b"".join(line + b"\r\n" for line in expected)
    for sizes in SIZES:
        with trickling(data, sizes) as (client, server):
            found = iter(lines(server))
            for wanted in expected:  # the stream is still open: no waiting for its end
                line = next(found, None)
                came = f"the bytes came {in_pieces(sizes)}, the line was {wanted[:20]!r}"
                assert line == wanted, f"{came}, you gave {shorter(line)}"
            client.shutdown(socket.SHUT_WR)
            more = next(found, None)
            assert more is None, f"the stream has ended, you gave {shorter(more)}"
    for early in (b"one\r\ntw", b"one\r\n\r", b"one\r\n "):
        when = f"inside a line, after {early!r}"
        ends_early(lambda server: list(lines(server)), early, when)


# Pictures


class Step(NamedTuple):
    """What one step of a run found, in bytes."""

    offered: int  # to send()
    taken: int  # by send()
    read: int  # by recv()
    send_queue: int
    receive_queue: int
    window: int  # what the sender may send beyond the acknowledged bytes


def step(client: socket.socket, server: socket.socket, offered: int, taken: int, read: int) -> Step:
    """Wait until what is on its way has been acknowledged, and look at both ends."""
    until = time.monotonic() + 0.3
    select.select([], [], [], 0.05)
    while True:
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)  # now, not in 40 ms
        if not tcp_info(client, UNACKED, U32) or time.monotonic() > until:
            break
        select.select([], [], [], 0.005)
    window = tcp_info(client, SEND_WINDOW, U32)
    return Step(offered, taken, read, *queues(server.getsockname()[1]), window)


def draw_flow(steps: Sequence[Step]) -> Picture:
    """Draw both queues and the window after each step."""
    numbers = range(1, len(steps) + 1)
    lines = [
        ("receive queue", SERVER, "s-", [step.receive_queue for step in steps]),
        ("send queue", CLIENT, "o-", [step.send_queue for step in steps]),
        ("window", KERNEL, "^--", [step.window for step in steps]),
    ]
    figure, axes = canvas(height=5)
    top = max(1, *(value / 1000 for *_, values in lines for value in values))
    for place, (name, colour, style, values) in enumerate(lines):
        kilobytes = [value / 1000 for value in values]
        axes.plot(numbers, kilobytes, style, color=colour, linewidth=2.5, markersize=9)
        x = 0.8 + place * len(steps) / 3
        axes.plot(x, top * 1.6, style[0], color=colour, markersize=12)
        axes.text(x + 0.4, top * 1.6, name, color=colour, size=SIZE, weight="bold", va="center")
    for number, one in zip(numbers, steps, strict=True):
        if one.taken < one.offered:
            axes.text(number, top * 1.06, "wait", color=OTHER, size=SIZE, ha="center", rotation=40)
    first = next((number for number, one in zip(numbers, steps, strict=True) if one.read), None)
    if first:
        axes.plot([first - 0.5] * 2, [0, top * 1.4], ":", color=FAINT, linewidth=2.5)
        axes.text(first - 0.3, top * 1.34, "the server reads →", size=SIZE, va="center")
    axes.set(xlim=(0.4, len(steps) + 0.6), ylim=(-0.04 * top, top * 1.68), xlabel="step")
    axes.set_ylabel("thousand bytes")
    axes.set_xticks([number for number in numbers if number % 2 == 0])
    axes.set_yticks([tick for tick in axes.get_yticks() if 0 <= tick <= top])
    axes.spines["left"].set_bounds(0, top)
    return Picture(figure, _flow_text(steps))


def _flow_text(steps: Sequence[Step]) -> str:
    waits = any(step.taken < step.offered for step in steps)
    held = any(step.send_queue for step in steps)
    lines = [
        f"{len(steps)} steps: the sender had to wait: {told(waits)}",
        f"bytes were read: {told(any(step.read for step in steps))}",
        f"the window was too small for what had to be sent: {told(held)}",
    ]
    if held:
        lines[-1] += f"; still at the end: {told(steps[-1].send_queue > 0)}"
    return "\n".join(lines)


def told(truth: bool) -> str:
    return "yes" if truth else "no"


def draw_rates(rates: Mapping[int, float]) -> Picture:
    """Draw bytes per second against the bytes of each send(), both on logarithmic axes."""
    figure, axes = canvas(height=4.5)
    chunks, millions = list(rates), [rate / 1e6 for rate in rates.values()]
    axes.loglog(chunks, millions, "-o", color=CLIENT, linewidth=2.5, markersize=11)
    axes.set(xlabel="bytes in each send()", ylabel="million bytes per second")
    axes.set_xticks(chunks, [f"{chunk:,}" for chunk in chunks])
    axes.set_xlim(min(chunks) / 1.5, max(chunks) * 3)
    axes.set_ylim(min(millions) / 2, max(millions) * 5)
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:,g}")
    for chunk, rate in zip(chunks, millions, strict=True):
        axes.annotate(
            f"{rate:,.1f}" if rate < 10 else f"{rate:,.0f}",
            (chunk, rate),
            (0, 12),
            textcoords="offset points",
            ha="center",
            size=SIZE,
        )
    words = [f"{chunk:>9,} bytes each: {rate:8,.1f} million bytes per second" for chunk, rate in
             zip(chunks, millions, strict=True)]  # fmt: skip
    return Picture(figure, "\n".join(words))
