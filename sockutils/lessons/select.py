"""10_select.ipynb: what can be the matter with a socket, its panel's picture, its exercises."""

import errno
import fcntl
import os
import resource
import select
import socket
import struct
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from sockutils.columns import aligned
from sockutils.lessons.looking import held, wait_for_threads, wait_until
from sockutils.network import in_one_line
from sockutils.peers import background
from sockutils.picture import KERNEL, OTHER, WIDTH, Picture, sheet, write
from sockutils.practice import exercise
from sockutils.tables import sockets

__all__ = ["wait_for_threads"]  # for the notebook
ANY = ("127.0.0.1", 0)
BITS = {
    "POLLIN": select.POLLIN,
    "POLLPRI": select.POLLPRI,
    "POLLOUT": select.POLLOUT,
    "POLLRDHUP": select.POLLRDHUP,
    "POLLERR": select.POLLERR,
    "POLLHUP": select.POLLHUP,
    "POLLNVAL": select.POLLNVAL,
}
SETS = ("readable", "writable", "exceptional")


def reset(end: socket.socket) -> None:
    """Close it with a reset."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()


def fill(end: socket.socket) -> None:
    """Send until the kernel takes no more."""
    end.setblocking(False)
    taken = True
    while taken:  # what is under way makes room a moment later
        taken = False
        with suppress(BlockingIOError):
            while True:
                taken = bool(end.send(bytes(1 << 20))) or taken
        select.select([], [], [], 0.05)


@contextmanager
def high(end: socket.socket, number: int) -> Iterator[int]:
    """Another descriptor of the socket, with that number or the next one that is free.

    It raises the limit of descriptors for the block, if need be.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = soft == resource.RLIM_INFINITY or soft > number + 100
    if hard != resource.RLIM_INFINITY and hard <= number:
        line = f"this cell needs a descriptor {number}, and the hard limit here is {hard}"
        raise in_one_line(OSError(errno.EMFILE, line), line)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft if enough else hard, hard))
    try:
        made = fcntl.fcntl(end.fileno(), fcntl.F_DUPFD_CLOEXEC, number)
        try:
            yield made
        finally:
            os.close(made)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def wait_for_stall(server: socket.socket) -> None:
    """Return when one of this listener's connections has bytes to send and to read, and all stands.

    Raises TimeoutError after ten seconds.
    """
    port = server.getsockname()[1]
    seen: list[object] = [None, None]

    def stands() -> bool:
        rows = [row for row in sockets(port=port) if row.state == "ESTAB"]
        seen.append(sorted((row.local, row.send_queue, row.receive_queue) for row in rows))
        full = any(row.local[1] == port and row.send_queue and row.receive_queue for row in rows)
        select.select([], [], [], 0.1)
        return full and seen[-3] == seen[-2] == seen[-1]

    if not wait_until(stands, 10):
        raise TimeoutError("something still moves on this server's connections")


def names(events: int) -> str:
    """The flags of poll()'s answer by their names, without POLL."""
    return " ".join(name[4:] for name, bit in BITS.items() if events & bit)


def spaced(table: Sequence[Sequence[str]]) -> str:
    """The table as text, with an empty line where a row's first word is another one."""
    text, last = "", ""
    for row, line in zip(table, aligned(table).splitlines(), strict=True):
        first = row[0].partition(" ")[0]
        text += "\n" * (first != last) + line + "\n"
        last = first
    return text.rstrip("\n")


# What can be the matter with a socket


def polled(end: socket.socket | int, wanted: int) -> int:
    poll = select.poll()
    poll.register(end, wanted)
    return sum(events for _, events in poll.poll(0))


def until(end: socket.socket, bit: int) -> socket.socket:
    if not wait_until(lambda: polled(end, bit) & bit):
        raise TimeoutError("the socket did not come into this state")
    return end


def listener(stack: ExitStack, backlog: int = 5) -> socket.socket:
    return stack.enter_context(socket.create_server(ANY, backlog=backlog))


def pair(stack: ExitStack) -> tuple[socket.socket, socket.socket]:
    with socket.create_server(ANY) as server:
        client = stack.enter_context(socket.socket())
        for end in (server, client):  # what they accept has these sizes, too
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 17)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 17)
        client.connect(server.getsockname())
        return client, stack.enter_context(server.accept()[0])


def udp(stack: ExitStack) -> socket.socket:
    made = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    made.bind(ANY)
    return made


def fresh(stack: ExitStack) -> socket.socket:
    return stack.enter_context(socket.socket())


def connecting(stack: ExitStack) -> socket.socket:
    full = listener(stack, backlog=1)
    for _ in range(2):
        stack.enter_context(socket.create_connection(full.getsockname()))
    if not wait_until(lambda: queue(full.getsockname()) == 2):
        raise TimeoutError("the listener's queue is not full")
    made = fresh(stack)
    made.setblocking(False)
    made.connect_ex(full.getsockname())
    return made


def refused(stack: ExitStack) -> socket.socket:
    made = fresh(stack)
    made.setblocking(False)
    with socket.socket() as bound:
        bound.bind(ANY)
        made.connect_ex(bound.getsockname())
        return until(made, select.POLLERR)


def client_waits(stack: ExitStack) -> socket.socket:
    server = listener(stack)
    stack.enter_context(socket.create_connection(server.getsockname()))
    return until(server, select.POLLIN)


def idle(stack: ExitStack) -> socket.socket:
    return pair(stack)[1]


def hello(stack: ExitStack) -> socket.socket:
    client, server = pair(stack)
    client.sendall(b"hello")
    return until(server, select.POLLIN)


def full(stack: ExitStack) -> socket.socket:
    _, server = pair(stack)
    fill(server)
    return server


def urgent(stack: ExitStack) -> socket.socket:
    client, server = pair(stack)
    client.send(b"!", socket.MSG_OOB)
    return until(server, select.POLLPRI)


def ended(stack: ExitStack) -> socket.socket:
    client, server = pair(stack)
    client.close()
    return until(server, select.POLLIN)


def own_end(stack: ExitStack) -> socket.socket:
    _, server = pair(stack)
    server.shutdown(socket.SHUT_WR)
    return server


def both_ended(stack: ExitStack) -> socket.socket:
    server = ended(stack)
    server.shutdown(socket.SHUT_WR)
    return until(server, select.POLLHUP)


def was_reset(stack: ExitStack) -> socket.socket:
    client, server = pair(stack)
    reset(client)
    return until(server, select.POLLERR)


def error_read(stack: ExitStack) -> socket.socket:
    server = was_reset(stack)
    server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return server


def empty_datagram(stack: ExitStack) -> socket.socket:
    made = udp(stack)
    udp(stack).sendto(b"", made.getsockname())
    return until(made, select.POLLIN)


def udp_refused(stack: ExitStack) -> socket.socket:
    made = udp(stack)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(ANY)
        made.connect(other.getsockname())
    made.send(b"x")
    return until(made, select.POLLERR)


def unix_ended(stack: ExitStack) -> socket.socket:
    one, other = socket.socketpair()
    stack.enter_context(one)
    other.close()
    return one


SITUATIONS: Mapping[str, Callable[[ExitStack], socket.socket]] = {
    "TCP, fresh": fresh,
    "TCP, connect() under way": connecting,
    "TCP, connect() refused": refused,
    "listener, nobody waits": listener,
    "listener, a client waits": client_waits,
    "connection, idle": idle,
    "connection, hello has come": hello,
    "connection, an urgent byte has come": urgent,
    "connection, send queue full": full,
    "connection, the peer has closed": ended,
    "connection, own shutdown(SHUT_WR)": own_end,
    "connection, both have ended": both_ended,
    "connection, reset": was_reset,
    "connection, reset, SO_ERROR read": error_read,
    "UDP, idle": udp,
    "UDP, an empty datagram has come": empty_datagram,
    "UDP, connected, refused": udp_refused,
    "Unix stream, the peer has closed": unix_ended,
}


@contextmanager
def situation(name: str) -> Iterator[socket.socket]:
    """A socket that this is the matter with, for the block; `SITUATIONS` has the names."""
    with ExitStack() as stack:
        yield SITUATIONS[name](stack)


def closed_number() -> int:
    """A number that no descriptor has, and that no other thread gets soon: 200 or more.

    It has had a place in this process's table, which stays as large, so that select() looks at it.
    """
    with socket.socket() as made:
        number = fcntl.fcntl(made.fileno(), fcntl.F_DUPFD_CLOEXEC, 200)
    os.close(number)
    return number


# The panel


def outcomes(name: str) -> list[str]:
    """What becomes of the calls that the sets are about, each on a socket of its own."""
    with situation(name) as one:
        listens = one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        is_urgent = polled(one, select.POLLPRI) & select.POLLPRI
    if listens:
        return [told(name, "accept()", lambda one: one.accept()[0].close(), "a connection"), "", ""]
    return [
        told(name, "recv(100)", lambda one: one.recv(100)),
        told(name, "send(b'x')", lambda one: one.send(b"x")),
        told(name, "recv(1, MSG_OOB)", lambda one: one.recv(1, socket.MSG_OOB)) * bool(is_urgent),
    ]


def told(name: str, call: str, make: Callable[[socket.socket], object], works: str = "") -> str:
    with situation(name) as one:
        one.setblocking(False)
        try:
            result = make(one)
        except BlockingIOError:
            return f"{call} → EAGAIN: it would block"
        except OSError as error:
            return f"{call} → {errno.errorcode[error.errno or 0]}"
    return f"{call} → {works or repr(result)}"


def draw_ready(name: str, ready: Sequence[object], calls: Sequence[str]) -> Picture:
    """Draw what select() says of a socket, and what the calls then do."""
    from matplotlib.patches import Rectangle

    figure, axes = sheet(2.9)
    write(axes, WIDTH / 2, 0.4, name, weight="bold")
    for line, (words, yes, call) in enumerate(zip(SETS, map(bool, ready), calls, strict=True)):
        y = 1.05 + 0.68 * line
        box = Rectangle((0.4, y - 0.24), 0.48, 0.48, linewidth=2)
        box.set(facecolor=KERNEL if yes else "white", edgecolor=KERNEL if yes else OTHER)
        axes.add_patch(box)
        if yes:
            write(axes, 0.64, y, "✓", "white", weight="bold")
        weight, colour = ("bold", "black") if yes else ("normal", OTHER)
        write(axes, 1.15, y, words, colour, ha="left", weight=weight)
        write(axes, 3.6, y, call, ha="left")
    rows = [
        f"{words:<11}  {'yes' if yes else 'no':<3}  {call}".rstrip()
        for words, yes, call in zip(SETS, ready, calls, strict=True)
    ]
    return Picture(figure, "\n".join([name, *rows]))


# The exercises


def drip(end: socket.socket, seconds: float) -> None:
    """Send a byte 20 times a second."""
    over = time.monotonic() + seconds
    with suppress(OSError):
        while time.monotonic() < over:
            end.send(b".")
            select.select([end], [], [], 0.05)


class Endless(socket.socket):
    """A socket whose peer says more whenever it is read, until a time is over."""

    talker: socket.socket
    over: float

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        data = super().recv(size, flags)
        if time.monotonic() < self.over:
            with suppress(BlockingIOError):
                self.talker.send(bytes(1000))
        return data


class Use:
    """How often some sockets were used, and by which threads."""

    def __init__(self) -> None:
        self.calls = 0
        self.threads: set[int] = set()

    def note(self) -> None:
        self.calls += 1
        self.threads.add(threading.get_ident())


class Counted(socket.socket):
    """A socket that counts its use, together with those that it accepts.

    Counted are reads, and questions for its number: select() asks once per call and list.
    """

    use: Use

    def fileno(self) -> int:
        if hasattr(self, "use"):
            self.use.note()
        return super().fileno()

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        self.use.note()
        return super().recv(size, flags)

    def accept(self) -> tuple[socket.socket, Any]:
        self.use.note()
        made, address = super().accept()
        return count(made, self.use), address


def count(end: socket.socket, use: Use) -> Counted:
    """The same socket, which counts from now on."""
    made = Counted(fileno=end.detach())
    made.use = use
    return made


MANY = 2000  # far more calls than any of the checks needs, far fewer than a loop that spins makes
SPINS = "you never rest: something in your sets is ready all the time, and you do nothing about it"


@exercise(
    "select",
    seconds=8,
    hint="Compute when it is over, once. Before each select(), the time that is left.",
)
def deadline(gather: Callable[[list[socket.socket], float], list[bytes]]) -> None:
    with ExitStack() as stack:
        pairs = [pair(stack) for _ in range(4)]
        (waiting, late), (dripping, drops), (talker, talk), (broken, reset_one) = pairs
        talker.sendall(b"begin, ")
        broken.sendall(b"cut")
        until(reset_one, select.POLLIN)
        assert reset_one.recv(3, socket.MSG_PEEK | socket.MSG_WAITALL) == b"cut"
        use = Use()
        given: list[socket.socket] = [
            stack.enter_context(count(end, use)) for end in (late, drops, talk, reset_one)
        ]
        with background(finish, talker, broken, waiting, dripping):
            start = time.monotonic()
            answer = gather(list(given), 1.0)
            took, often = time.monotonic() - start, use.calls
            dripping.shutdown(socket.SHUT_RDWR)
        assert isinstance(answer, list), f"it returned {answer!r}, not a list"
        assert len(answer) == 4, f"4 connections, {len(answer)} answers"
        assert took > 0.9, "you came back before the time was over, and one was still talking"
        assert took < 1.5, "you stayed longer than you were allowed to"
        assert answer[0] == b"late", f"the first one said b'late', you have {answer[0]!r}"
        assert answer[2] == b"begin, end", f"one said b'begin, end', you have {answer[2]!r}"
        assert answer[3] == b"cut", f"one said b'cut' before its reset, you have {answer[3]!r}"
        assert len(answer[1]) >= 3, "one sent a byte again and again, and you have not got them"
        assert set(answer[1]) == {ord(".")}, f"one sent only dots, you have {answer[1]!r}"
        assert often < MANY, SPINS
        closed = [end for end in given if end.fileno() == -1]
        assert not closed, "you have closed a connection; that is left to the caller"
    with ExitStack() as stack:
        pairs = [pair(stack) for _ in range(2)]
        for client, _ in pairs:
            client.sendall(b"all")
            client.close()
        start = time.monotonic()
        answer = gather([server for _, server in pairs], 3.0)
        assert answer == [b"all", b"all"], f"two said b'all', you have {answer!r}"
        assert time.monotonic() - start < 2, "all had ended, and you did not come back at once"
    with ExitStack() as stack:
        talker, server = pair(stack)
        talker.setblocking(False)
        talker.send(bytes(10_000))
        endless = stack.enter_context(Endless(fileno=server.detach()))
        start = time.monotonic()
        endless.talker, endless.over = talker, start + 1.5
        gather([endless], 0.4)
        assert time.monotonic() - start < 1, (
            "one never paused, and you stayed longer than you were allowed to"
        )


def finish(
    talker: socket.socket, broken: socket.socket, waiting: socket.socket, dripping: socket.socket
) -> None:
    select.select([], [], [], 0.1)
    talker.sendall(b"end")
    talker.close()
    reset(broken)
    drip(dripping, 0.35)
    waiting.sendall(b"late")
    drip(dripping, 0.35)  # the silence after it must not make the wait longer


@exercise(
    "select",
    seconds=12,
    hint="For each direction: either bytes wait to be sent, or you want to read. Its end is passed"
    " on with shutdown(SHUT_WR).",
)
def pass_on(relay: Callable[[socket.socket, socket.socket], object]) -> None:
    for talk in (question_first, answer_first, late_reader, no_reader):
        with ExitStack() as stack:
            client, left = pair(stack)
            right, server = pair(stack)
            use = Use()
            left, right = (stack.enter_context(count(end, use)) for end in (left, right))
            for end in (client, server):
                end.settimeout(2)
            failure = None
            with background(to_the_end, talk, client, server) as peers:
                try:
                    relay(left, right)
                except OSError as error:
                    failure = error
                often = use.calls
                open_still = -1 not in (left.fileno(), right.fileno())
            assert not peers.result, peers.result
            if failure:
                raise failure
            assert len(use.threads) <= 1, "more than one thread worked; do it in one"
            assert open_still, "you have closed a socket; that is left to the caller"
            assert talk is not question_first or often < MANY, SPINS


def to_the_end(
    talk: Callable[[socket.socket, socket.socket], str],
    client: socket.socket,
    server: socket.socket,
) -> str:
    """Talk; if that goes wrong, let nobody wait."""
    wrong = talk(client, server)
    for end in (client, server) if wrong else ():
        with suppress(OSError):
            reset(end)
    return wrong


def hear(end: socket.socket, length: int | None = None) -> tuple[bytes, str]:
    """What comes until the end, or so many bytes, and in words what prevented the rest."""
    parts, heard = [], 0
    try:
        while heard != length and (data := end.recv(min(1 << 18, (length or 1 << 62) - heard))):
            parts.append(data)
            heard += len(data)
    except TimeoutError:
        return b"".join(parts), ", and no end" if length is None else ", and then nothing"
    except OSError as error:
        return b"".join(parts), f", and then {errno.errorcode[error.errno or 0]}"
    return b"".join(parts), ""


def say(end: socket.socket, data: bytes, who: str, hearer: socket.socket) -> str:
    """Say something, end the direction, and look what the other side hears."""
    listening = "server" if who == "client" else "client"
    try:
        end.sendall(data)
        end.shutdown(socket.SHUT_WR)
    except OSError as error:
        return f"the {who} wanted to say {data!r}, and got {errno.errorcode[error.errno or 0]}"
    heard, wrong = hear(hearer)
    if wrong or heard != data:
        said = f"the {who} said {data!r} and ended its direction"
        return f"{said}; the {listening} heard {heard!r}{wrong}"
    return ""


def question_first(client: socket.socket, server: socket.socket) -> str:
    """The client asks, ends its direction, and gets the answer."""
    wrong = say(client, b"why?", "client", server)
    if not wrong:
        select.select([client], [], [], 0.5)  # the server thinks
        wrong = say(server, b"because", "server", client)
    return wrong


def answer_first(client: socket.socket, server: socket.socket) -> str:
    """The server ends its direction first, and the client talks on."""
    wrong = say(server, b"welcome", "server", client)
    return wrong or say(client, b"thanks", "client", server)


def late_reader(client: socket.socket, server: socket.socket) -> str:
    """Much in both directions; the client reads only when the server has got everything."""
    data = os.urandom(1 << 20) * 12
    with background(quietly, server.sendall, data, patience=8):
        with background(quietly, client.sendall, data, patience=8):
            received, stopped = hear(server, len(data))
        late, late_stopped = hear(client, len(data)) if not stopped else (b"", "")
    for heard, whose in ((received, "client"), (late, "server")):
        if heard != data[: len(heard)]:
            return f"12 MB of the {whose} were to be passed on, and other bytes arrived"
    if stopped:
        words = "the client did not read for a while; of the 12 MB that it sent, "
        return f"{words}{len(received)} bytes arrived{stopped}"
    if late_stopped or len(late) < len(data):
        words = "the client began to read late; of the 12 MB that the server sent, "
        return f"{words}{len(late)} bytes arrived{late_stopped}"
    for end in (client, server):
        end.shutdown(socket.SHUT_WR)
    return ""


def no_reader(client: socket.socket, server: socket.socket) -> str:
    """The server sends, and the client does not read: there is an end to what the relay takes."""
    server.settimeout(0.5)
    taken = 0
    with suppress(TimeoutError):
        while taken < 16 << 20:
            taken += server.send(bytes(1 << 18))
    if taken >= 16 << 20:
        words = "the client did not read, and you took 16 MB for it from the server"
        return f"{words}: read only when what you read before has been sent"
    server.settimeout(2)
    for end in (client, server):
        end.shutdown(socket.SHUT_WR)
    heard, wrong = hear(client)
    if wrong or len(heard) != taken:
        return f"the server sent {taken} bytes, a late reader got {len(heard)}{wrong}"
    heard, wrong = hear(server)
    return f"the client said nothing and ended; the server heard {heard!r}{wrong}" * bool(wrong)


def quietly(call: Callable[..., object], *arguments: object) -> None:
    with suppress(OSError):
        call(*arguments)


def until_the_end(end: socket.socket, length: int | None = None) -> bytes:
    parts, count = [], 0
    most = 1 << 62 if length is None else length
    while count < most and (data := end.recv(min(1 << 18, most - count))):
        parts.append(data)
        count += len(data)
    return b"".join(parts)


@exercise(
    "select",
    seconds=12,
    hint="Keep the bytes for each client that wait to be sent. Ask for writability only where some"
    " do. recv() and send() may raise: that client has left.",
)
def room(chat: Callable[[socket.socket, int], object]) -> None:
    with ExitStack() as stack:
        use = Use()
        server = stack.enter_context(count(listener(stack), use))
        server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        before = held()
        address = server.getsockname()
        with background(visit, address, use, patience=10) as visitors, unclosed(address) as left:
            chat(server, 4)
            early = visitors.result is None and not wait_until(lambda: gone(server), 1)
        assert not visitors.result, visitors.result
        assert not early, "you came back, and somebody was still there"
        assert not held() - before, "all have left, and you have not closed all connections"
        assert not left, "you left it to Python to close a connection"


@contextmanager
def unclosed(address: tuple[str, int]) -> Iterator[list[str]]:
    """The warnings of Python about sockets with this address that it had to close itself."""
    found: list[str] = []
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", ResourceWarning)
        yield found
    words = f"laddr={address!r}"
    found += [str(one.message) for one in said if words in str(one.message)]


def gone(server: socket.socket) -> bool:
    """Whether the clients of this listener have all left, as far as the kernel knows."""
    rows = sockets(port=server.getsockname()[1])
    return not any(row.state in ("ESTAB", "SYN-RECV") for row in rows)


def visit(address: tuple[str, int], use: Use) -> str:
    with ExitStack() as stack:
        clients = []
        for who in range(4):
            client = stack.enter_context(socket.socket())
            if who == 2:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 18)
            client.settimeout(2)
            client.connect(address)
            clients.append(client)
        return talk_with(address, use, *clients)


def talk_with(
    address: tuple[str, int],
    use: Use,
    ann: socket.socket,
    bob: socket.socket,
    deaf: socket.socket,
    rude: socket.socket,
) -> str:
    if not wait_until(lambda: not queue(address), 3):
        return "4 clients have connected, and you have not accepted all of them"
    waited = "all four were there, and read"
    try:
        ann.sendall(b"hello")
        heard = {"the second": bob.recv(100), "the fourth": rude.recv(100)}
        for who, words in heard.items():
            if words != b"hello":
                return f"the first client said b'hello', {who} heard {words!r}"
        rude.sendall(b"bye")
        for end, who in ((ann, "first"), (bob, "second")):
            if (words := end.recv(100)) != b"bye":
                return f"the fourth client said b'bye', then the {who} heard {words!r}"
        waited = "one had reset its connection"
        reset(rude)
        bob.sendall(b"still there?")
        if (words := ann.recv(100)) != b"still there?":
            return f"after a client's reset one said b'still there?', another heard {words!r}"
        waited = "one does not read"
        data = os.urandom(1 << 20) * 4
        with background(quietly, ann.sendall, data, patience=6):
            words = until_the_end(bob, len(data))
        if words != data:
            return f"4 MB were said, another client heard {len(words)} bytes of them or others"
        waited = "one had read a part of what waited for it, and stopped"
        heard_late = until_the_end(deaf, 400_000)  # then it is deaf again
        bob.sendall(b"again")
        if (words := ann.recv(100)) != b"again":
            return f"one client said b'again', another heard {words!r}"
        waited = "one that does not read said something"
        deaf.sendall(b"speak up")
        for end, who in ((ann, "first"), (bob, "second")):
            if (words := end.recv(100)) != b"speak up":
                return f"one that does not read said b'speak up', the {who} heard {words!r}"
        ann.setblocking(False)
        with suppress(BlockingIOError):
            return f"a client heard its own words, or too much: {ann.recv(20)!r}…"
        often = use.calls
        if select.select([bob], [], [], 0.4)[0]:
            return "a client was told something that nobody had said"
        if use.calls - often > MANY:
            return SPINS
        waited = "one began to read again"
        due = b"hellobyestill there?" + data + b"again"
        heard_late += until_the_end(deaf, len(due) - len(heard_late))
        if heard_late != due:
            return "one read nothing for a long time, and then other bytes than had been said"
    except TimeoutError:
        for client in (ann, bob):
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        return f"{waited}: a client waited in vain for what another one had said"
    except OSError as error:
        return f"a client got: {error}"
    return ""


def queue(address: tuple[str, int]) -> int:
    rows = [row for row in sockets(port=address[1]) if row.state == "LISTEN"]
    return sum(row.accept_queue or 0 for row in rows)
