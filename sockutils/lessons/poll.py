"""11_poll.ipynb: flags by name, their picture over time, what its exercises ask of a loop."""

import errno
import fcntl
import os
import select
import signal
import socket
import struct
import sys
import termios
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

from sockutils.calls.counted import counted
from sockutils.figures.columns import aligned
from sockutils.figures.picture import FAINT, KERNEL, OTHER, SERVER, WIDTH, Picture, sheet, write
from sockutils.peers.ends import fill, reset
from sockutils.peers.peer import background
from sockutils.peers.waits import wait_until
from sockutils.practice.exercise import exercise
from sockutils.tables.descriptors import held, links

__all__ = ["fill", "reset"]  # for the notebook
ASKED = ("POLLIN", "POLLPRI", "POLLOUT", "POLLRDHUP")
UNASKED = ("POLLERR", "POLLHUP", "POLLNVAL")
# Equivalents on Linux, left out of the pictures
OTHERS = ("POLLRDNORM", "POLLRDBAND", "POLLWRNORM", "POLLWRBAND", "POLLMSG")
ALL = select.POLLIN | select.POLLPRI | select.POLLOUT | select.POLLRDHUP
ANY = ("127.0.0.1", 0)
HIGH = 500  # descriptors that no other thread of the notebook gets
Moment = tuple[str, int]  # what has happened, and the flags after it


def names(flags: int) -> str:
    """The names of the flags: "POLLIN POLLHUP"; "-" if there is none."""
    known = [*ASKED, *UNASKED, *OTHERS]
    return " ".join(name for name in known if flags & getattr(select, name)) or "-"


def drain(end: socket.socket, number: int) -> None:
    """Read so many bytes."""
    while number:
        number -= len(end.recv(min(number, 1 << 20)))


def move_up(end: socket.socket) -> socket.socket:
    """The same socket with the lowest free number from 500 on; the old number is closed."""
    with end:
        return socket.socket(fileno=fcntl.fcntl(end.fileno(), fcntl.F_DUPFD_CLOEXEC, HIGH))


def wait_for_queue(listener: socket.socket, number: int) -> None:
    """Wait until so many clients are in the listener's queue."""

    def there() -> bool:
        # tcp_info.tcpi_unacked: for a listener, how many wait for accept()
        info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 28)
        return struct.unpack_from("I", info, 24) == (number,)

    assert wait_until(there), f"{number} clients should wait in the queue"


@contextmanager
def handler(number: int, call: Callable[[int], object]) -> Iterator[None]:
    """Call `call(number)` when this signal comes; afterwards the usual handler is back."""
    usual = signal.signal(number, lambda which, _: call(which))
    try:
        yield
    finally:
        signal.signal(number, usual)


# The panel

PEERS = ["sends abc, closes", "sends abc", "sends abc, resets"]
ENDS = {"recv() → b''", "recv() → ECONNRESET"}


def play(part: str, server: socket.socket, client: socket.socket) -> None:
    """Let the server do one of PEERS; return when the client's kernel knows it all."""
    server.send(b"abc")
    if part == PEERS[0]:
        server.close()
    elif part == PEERS[2]:
        reset(server)
    says(client, select.POLLIN if part == PEERS[1] else select.POLLRDHUP)


def read_once(end: socket.socket) -> str:
    try:
        return f"recv() → {end.recv(100)!r}"
    except OSError as error:
        return f"recv() → {errno.errorcode[error.errno or 0]}"


# The picture: a row for each flag, a column for each moment. Inches.

LEFT = 1.75
TOP = 0.75
TALL = 0.46
LINE = 0.34
WIDEST = 0.85


def draw(moments: Sequence[Moment], title: str = "", starts: Sequence[int] = ()) -> Picture:
    """Draw which flags there were at each moment: a tick if it was asked for, else a "!".

    With each of `starts` another socket begins: a thick line before that column.
    """
    from matplotlib.patches import Rectangle

    rows = [*ASKED, *UNASKED]
    step = min((WIDTH - LEFT - 0.9) / len(moments), WIDEST)
    grid = TOP + len(rows) * TALL
    head = LINE if title else 0
    figure, axes = sheet(grid + head + LINE * (len(moments) + 1.2))
    if title:
        write(axes, WIDTH / 2, 0.3, title, weight="bold")
    for y, name in enumerate(rows):
        place = head + TOP + (y + 0.5) * TALL
        write(axes, LEFT - 0.15, place, name, ha="right")
        sign, colour = ("✓", KERNEL) if name in ASKED else ("!", SERVER)
        for x, (_, flags) in enumerate(moments):
            corner = LEFT + x * step, place - TALL / 2
            there = flags & getattr(select, name)
            box = Rectangle(corner, step, TALL, facecolor=colour if there else "white")
            box.set(edgecolor=FAINT, linewidth=1.5)
            axes.add_patch(box)
            if there:
                write(axes, corner[0] + step / 2, place, sign, "white", weight="bold")
    right = LEFT + step * len(moments)
    line = head + TOP + len(ASKED) * TALL
    axes.plot([0.3, right], [line, line], color="black", linewidth=3, zorder=3)
    for start in starts:
        place = LEFT + (start - 1) * step
        axes.plot(
            [place, place], [head + TOP - 0.45, head + grid], color="black", linewidth=4, zorder=3
        )
    for words, first, number in (("if asked for", 0, len(ASKED)), ("unasked", 4, len(UNASKED))):
        middle = head + TOP + (first + number / 2) * TALL
        write(axes, right + 0.3, middle, words, OTHER, rotation=270)
    for x, (words, _) in enumerate(moments):
        write(axes, LEFT + (x + 0.5) * step, head + TOP - 0.25, str(x + 1), weight="bold")
        below = grid + head + LINE * (x + 1)
        write(axes, LEFT - 0.15, below, str(x + 1), ha="right", weight="bold")
        write(axes, LEFT, below, words, ha="left")
    table = [[str(x), words, names(flags)] for x, (words, flags) in enumerate(moments, 1)]
    return Picture(figure, "\n".join(filter(None, [title, aligned(table)])))


# The exercises


def connected() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(ANY) as listener:
        client = socket.create_connection(listener.getsockname())
        return client, listener.accept()[0]


def says(end: socket.socket, event: int) -> int:
    """The flags of a socket, once they have this one; with 0, once there is one unasked."""
    poller = select.poll()
    poller.register(end, event)
    poller.poll(2000)
    poller.register(end, ALL)
    return dict(poller.poll(0)).get(end.fileno(), 0)


@exercise(
    "poll",
    hint="POLLRDHUP has to be asked for, POLLHUP has not. After a reset or at the end of both"
    " directions both are there: which one do you look at first?",
)
def state(look: Callable[[socket.socket], str]) -> None:
    cases: list[tuple[str, str, Callable[[socket.socket, socket.socket], object], int]] = [
        ("two connected ends", "open", lambda a, b: None, 0),
        ("3 bytes have come", "open", lambda a, b: b.send(b"abc"), select.POLLIN),
        ("the send queue is full", "open", lambda a, b: fill(a), 0),
        ("the other side has shut down", "ended", shut, select.POLLRDHUP),
        ("3 bytes have come, and the end", "ended", talk_and_close, select.POLLRDHUP),
        ("you have shut down, the other side has not", "open", shut_own, 0),
        ("both have shut down", "over", shut_both, select.POLLHUP),
        ("a reset has come", "over", lambda a, b: reset(b), select.POLLHUP),
        ("bytes and a reset have come", "over", talk_and_reset, select.POLLHUP),
    ]
    for words, right, happen, event in cases:
        client, server = connected()
        with client, server:
            happen(client, server)
            if event:
                says(client, event)
            waiting = peeked(client) if event != select.POLLHUP else b""
            calls: Counter[str] = Counter()
            with counted(calls):
                found = look(client)
            assert found == right, f"{words}: {right!r}, and you say {found!r}"
            assert client.fileno() != -1, "you have closed the socket"
            assert waiting == (peeked(client) if event != select.POLLHUP else b""), (
                f"{words}: you have taken bytes from the connection"
            )
            if "reset" in words:
                error = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                assert error == errno.ECONNRESET, f"{words}: you have taken its error (SO_ERROR)"
            assert not calls["send"] + calls["sendall"], "you have sent something"


def shut(_: socket.socket, end: socket.socket) -> None:
    end.shutdown(socket.SHUT_WR)


def shut_own(end: socket.socket, _: socket.socket) -> None:
    end.shutdown(socket.SHUT_WR)


def shut_both(*ends: socket.socket) -> None:
    for end in ends:
        end.shutdown(socket.SHUT_WR)


def talk_and_close(_: socket.socket, end: socket.socket) -> None:
    end.send(b"abc")
    end.close()


def talk_and_reset(_: socket.socket, end: socket.socket) -> None:
    end.send(b"abc")
    reset(end)


def peeked(end: socket.socket) -> bytes | None:
    with suppress(BlockingIOError):
        return end.recv(100, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    return None


@exercise(
    "poll",
    hint="Whatever flag comes: os.read() tells what it is. Unregister and close who has ended, or"
    " poll() returns at once for ever.",
    seconds=8,
)
def gather(collect: Callable[[list[int]], list[bytes]]) -> None:
    words = [b"early", b"", b"piece by piece", b"the last", b"and gone"]
    with ExitStack() as stack:
        reader, writer = os.pipe()
        pairs = [connected() for _ in words[1:4]]
        for pair in pairs:
            stack.enter_context(pair[1])
        ends = [reader, *(client.detach() for client, _ in pairs)]
        ends.insert(2, silent_udp().detach())
        ends.append(said_and_gone(words[4]))
        names = [os.readlink(f"/proc/self/fd/{end}") for end in ends]
        stack.callback(close_all, ends, names)
        right = [*words[:2], b"", *words[2:]]
        peers = [server for _, server in pairs]
        calls: Counter[str] = Counter()
        with background(tell_all, writer, names[0], peers, words) as peer, counted(calls):
            found = collect([*ends])
        events, held_up = peer.result
        assert isinstance(found, list), f"it returned {found!r}, not a list"
        assert not held_up, "you waited in a read while another descriptor had something to say"
        assert found == right, f"{right} were sent, you have {found}"
        left = len({*names} & {*links()})
        assert not left, f"{left} of {len(ends)} descriptors are still open"
        rounds, reads = asked(calls), calls["recv"] + calls["read"]
        assert rounds, "you never asked poll(): a read that waits holds up the others"
        many = events + len(ends)
        assert rounds <= 2 * many, f"{many} events, and poll() returned {rounds} times"
        assert reads <= 4 * many, f"{many} events, and {reads} reads"


def asked(calls: Counter[str]) -> int:
    return calls["poll"] + calls["select"] + calls["epoll"]


def close_all(numbers: Sequence[int], names: Sequence[str]) -> None:
    """Close those that are still what they were."""
    for number, name in zip(numbers, names, strict=True):
        with suppress(FileNotFoundError):
            if os.readlink(f"/proc/self/fd/{number}") == name:
                os.close(number)


def silent_udp() -> socket.socket:
    """A UDP socket whose peer is gone: it has an error to tell."""
    end = socket.socket(type=socket.SOCK_DGRAM)
    with socket.socket(type=socket.SOCK_DGRAM) as other:
        other.bind(ANY)
        end.connect(other.getsockname())
    end.send(b"anybody?")
    says(end, 0)
    return end


def said_and_gone(word: bytes) -> int:
    """A pipe with bytes in it whose writer is gone: POLLIN and POLLHUP at once."""
    reader, writer = os.pipe()
    os.write(writer, word)
    os.close(writer)
    return reader


def unread(pipe: int) -> int:
    size = bytearray(4)
    fcntl.ioctl(pipe, termios.FIONREAD, size)
    return int.from_bytes(size, sys.byteorder)


def tell_all(
    writer: int, pipe: str, peers: Sequence[socket.socket], words: Sequence[bytes]
) -> tuple[int, bool]:
    """Send the words, one after the other, and end in four ways.

    Returns how many events that were, and whether the pipe had to wait for the others.
    """
    gone, slow, last = peers
    slow.sendall(words[2][:1])
    select.select([], [], [], 0.1)
    os.write(writer, words[0])
    held_up = not wait_until(lambda: not unread(writer) or pipe not in links(), 2)
    os.close(writer)
    reset(gone)
    for place in range(1, len(words[2])):
        slow.sendall(words[2][place : place + 1])
        select.select([], [], [], 0.03)
    slow.shutdown(socket.SHUT_WR)
    select.select([], [], [], 0.1)
    last.sendall(words[3])
    last.close()
    return len(words[2]) + 10, held_up


@exercise(
    "poll",
    hint="Register for POLLOUT only who still has bytes to get. send() tells how many it took;"
    " whoever is gone makes it fail.",
    seconds=8,
)
def deliver(send_to_all: Callable[[list[socket.socket], bytes], list[int]]) -> None:
    data = os.urandom(1 << 20) * 4
    before = held()
    with ExitStack() as stack:
        pairs = [connected() for _ in range(4)]
        for pair in pairs:
            for end in pair:
                stack.enter_context(end)
        for client, server in pairs:
            client.setblocking(False)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 18)
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 18)
            server.settimeout(2)
        ends = [client for client, _ in pairs]
        peers = [server for _, server in pairs]
        calls: Counter[str] = Counter()
        with background(read_in_turn, peers, data) as peer, counted(calls):
            counts = send_to_all([*ends], data)
        received, held_up = peer.result
        assert not held_up, "a client that does not read held up the one that does"
        assert None not in received, (
            "a client got wrong bytes: has something been sent twice?"
            " (a nonblocking sendall() that fails does not tell how much it has sent)"
        )
        assert received == [data, data], "a client did not get all of it, in order"
        assert isinstance(counts, list), f"it returned {counts!r}, not a list"
        assert len(counts) == len(ends), f"4 sockets, and you return {counts!r}"
        size = len(data)
        assert [counts[0], counts[2]] == [size, size], (
            f"two clients got {size} bytes, you return {counts[0]} and {counts[2]}"
        )
        assert max(counts[1], counts[3]) < size, "a client that is gone cannot have got all"
        rounds = asked(calls)
        assert rounds, "you never asked poll()"
        sends = calls["send"] + calls["sendall"] + calls["sendmsg"]
        assert sends <= 10 * rounds + 1000, f"{sends} calls of send() in {rounds} rounds of poll()"
        assert rounds <= sends + 20, (
            f"poll() returned {rounds} times, and you sent {sends} times: for whom did it return?"
        )
        assert all(end.fileno() != -1 for end in ends), "the sockets are not yours to close"
    assert held() <= before, "you left a descriptor open"


def read_in_turn(peers: Sequence[socket.socket], data: bytes) -> tuple[list[bytes | None], bool]:
    """The second one resets at once; the third reads all before the first reads anything.

    The last one resets in between. Returns what two have read (None: other bytes than `data`),
    and whether the third was held up.
    """
    first, second, third, fourth = peers
    reset(second)
    received: list[bytes | None] = []
    try:
        received.append(read(third, data))
        fourth.recv(1)
        reset(fourth)
        received.append(read(first, data))
    except TimeoutError:
        pass
    if None in received or len(received) < 2:  # so that those who send come to an end
        for end in (first, third, fourth):
            if end.fileno() != -1:
                reset(end)
    return received, len(received) < 2 and None not in received


def read(end: socket.socket, due: bytes) -> bytes | None:
    """What has come, at most as much as is due; None as soon as it is something else."""
    found = 0
    while found < len(due):
        data = end.recv(1 << 16)
        if not data:
            break
        if data != due[found : found + len(data)]:
            return None
        found += len(data)
    return due[:found]
