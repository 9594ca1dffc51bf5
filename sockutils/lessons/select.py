"""10_select.ipynb: what can be the matter with a socket, its panel's picture, its exercises."""

import errno
import fcntl
import os
import resource
import select
import socket
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import groupby
from typing import Any

from sockutils.calls.counted import counted
from sockutils.figures.columns import aligned
from sockutils.figures.picture import KERNEL, OTHER, WIDTH, Picture, sheet, write
from sockutils.peers.ends import fill, reset
from sockutils.peers.peer import background
from sockutils.peers.waits import wait_for_threads, wait_until
from sockutils.practice.exercise import exercise
from sockutils.tables.descriptors import held
from sockutils.tables.diag import sockets

__all__ = ["fill", "reset", "wait_for_threads"]  # for the notebook
ANY = ("127.0.0.1", 0)
FLAGS = ("IN", "PRI", "OUT", "RDHUP", "ERR", "HUP", "NVAL")
SETS = ("readable", "writable", "exceptional")
MANY = 2000  # far more calls than a function needs in a moment of silence, far fewer than a spin
Make = Callable[[ExitStack], socket.socket]
Act = Callable[[socket.socket], object]
Calls = Counter[str]
Ends = Sequence[socket.socket]
Peer = Callable[..., None]


@contextmanager
def high(end: socket.socket, number: int) -> Iterator[int]:
    """Another descriptor of the socket, with that number or the next free one, for the block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if number >= hard != resource.RLIM_INFINITY:
        raise OSError(f"no descriptor {number} here: ulimit -Hn, the hard limit, is {hard}")
    with ExitStack() as stack:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        made = fcntl.fcntl(end.fileno(), fcntl.F_DUPFD_CLOEXEC, number)
        stack.callback(os.close, made)
        yield made


def wait_for_stall(server: socket.socket) -> None:
    """Return when a connection of this listener has bytes to send and to read, and it stands."""
    port = server.getsockname()[1]

    def full() -> list[object]:
        rows = [row for row in sockets(port=port) if row.local[1] == port]
        return [row for row in rows if row.send_queue and row.receive_queue]

    def stands() -> bool:
        before = full()
        select.select([], [], [], 0.2)
        return bool(before) and before == full()

    if not wait_until(stands, 10):
        raise TimeoutError("something still moves on this server's connections")


def names(events: int) -> str:
    """The flags of poll()'s answer by their names, without POLL."""
    return " ".join(name for name in FLAGS if events & getattr(select, f"POLL{name}"))


def spaced(table: Sequence[Sequence[str]]) -> str:
    """The table as text, with an empty line where a row's first word is another one."""
    groups = groupby(aligned(table).splitlines(), key=lambda line: line.split(" ")[0])
    return "\n\n".join("\n".join(lines) for _, lines in groups)


def closed_number() -> int:
    """A number, 200 or more, that has just been closed: select() looks so far in the table."""
    with socket.socket() as made:
        number = fcntl.fcntl(made.fileno(), fcntl.F_DUPFD_CLOEXEC, 200)
    os.close(number)
    return number


def until(end: socket.socket, event: int) -> socket.socket:
    poll = select.poll()
    poll.register(end, event)
    poll.poll(5000 if event else 0)
    return end


def queue(address: tuple[str, int]) -> int:
    rows = [row for row in sockets(port=address[1]) if row.state == "LISTEN"]
    return sum(row.accept_queue or 0 for row in rows)


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


def fresh(stack: ExitStack) -> socket.socket:
    made = stack.enter_context(socket.socket())
    made.setblocking(False)
    return made


def connecting(stack: ExitStack) -> socket.socket:
    address = listener(stack, backlog=1).getsockname()
    for _ in range(2):
        stack.enter_context(socket.create_connection(address))
    wait_until(lambda: queue(address) == 2)
    made = fresh(stack)
    made.connect_ex(address)
    return made


def refused(stack: ExitStack) -> socket.socket:
    made = fresh(stack)
    with socket.socket() as bound:
        bound.bind(ANY)
        made.connect_ex(bound.getsockname())
        return until(made, select.POLLERR)


def client_waits(stack: ExitStack) -> socket.socket:
    server = listener(stack)
    stack.enter_context(socket.create_connection(server.getsockname()))
    return until(server, select.POLLIN)


def connection(client: Act = id, comes: int = 0, server: Act = id) -> Make:
    """The server's end: the client does this, then that comes, then the server does this."""

    def make(stack: ExitStack) -> socket.socket:
        ends = pair(stack)
        client(ends[0])
        server(until(ends[1], comes))
        return ends[1]

    return make


def end_own(end: socket.socket) -> None:
    end.shutdown(socket.SHUT_WR)


def udp(stack: ExitStack) -> socket.socket:
    made = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    made.bind(ANY)
    return made


def empty_datagram(stack: ExitStack) -> socket.socket:
    made = udp(stack)
    udp(stack).sendto(b"", made.getsockname())
    return until(made, select.POLLIN)


def udp_refused(stack: ExitStack) -> socket.socket:
    made, other = udp(stack), udp(stack)
    made.connect(other.getsockname())
    other.close()
    made.send(b"x")
    return until(made, select.POLLERR)


def unix_ended(stack: ExitStack) -> socket.socket:
    one, other = socket.socketpair()
    other.close()
    return stack.enter_context(one)


SITUATIONS: Mapping[str, Make] = {
    "TCP, fresh": fresh,
    "TCP, connect() under way": connecting,
    "TCP, connect() refused": refused,
    "listener, nobody waits": listener,
    "listener, a client waits": client_waits,
    "connection, idle": connection(),
    "connection, hello has come": connection(lambda end: end.send(b"hello"), select.POLLIN),
    "connection, an urgent byte has come": connection(
        lambda end: end.send(b"!", socket.MSG_OOB), select.POLLPRI
    ),
    "connection, send queue full": connection(server=fill),
    "connection, the peer has closed": connection(socket.socket.close, select.POLLIN),
    "connection, own shutdown(SHUT_WR)": connection(server=end_own),
    "connection, both have ended": connection(socket.socket.close, select.POLLIN, end_own),
    "connection, reset": connection(reset, select.POLLERR),
    "connection, reset, SO_ERROR read": connection(
        reset, select.POLLERR, lambda end: end.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    ),
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


def outcomes(name: str) -> list[str]:
    """What becomes of the calls that the sets are about, each on a socket of its own."""
    if name.startswith("listener"):
        return [told(name, "accept()", lambda one: one.accept()[0].close(), "a connection"), "", ""]
    return [
        told(name, "recv(100)", lambda one: one.recv(100)),
        told(name, "send(b'x')", lambda one: one.send(b"x")),
        told(name, "recv(1, MSG_OOB)", lambda one: one.recv(1, socket.MSG_OOB))
        * ("urgent" in name),
    ]


def told(name: str, call: str, make: Act, works: str = "") -> str:
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
    text = [name]
    for line, (words, yes, call) in enumerate(zip(SETS, ready, calls, strict=True)):
        text.append(f"{words:<11}  {'yes' if yes else 'no':<3}  {call}".rstrip())
        y = 1.05 + 0.68 * line
        box = Rectangle((0.4, y - 0.24), 0.48, 0.48, linewidth=2)
        box.set(facecolor=KERNEL if yes else "white", edgecolor=KERNEL if yes else OTHER)
        axes.add_patch(box)
        write(axes, 0.64, y, "✓" if yes else "", "white", weight="bold")
        weight, colour = ("bold", "black") if yes else ("normal", OTHER)
        write(axes, 1.15, y, words, colour, ha="left", weight=weight)
        write(axes, 3.6, y, call, ha="left")
    return Picture(figure, "\n".join(text))


def beside(peer: Peer, ends: Ends, answer: Callable[..., Any], *args: object) -> Any:
    """Call the learner's function while a peer uses the ends; what the peer finds comes first."""
    calls: Calls = Counter()
    failure = None
    try:
        with background(careful, peer, calls, ends, patience=10), counted(calls):
            try:
                result = answer(*args)
            except OSError as error:
                failure = error
        if failure:
            raise failure
    finally:
        del failure  # its traceback holds this frame, and the learner's sockets
    threads = calls["start_new_thread"] + calls["start_joinable_thread"]
    assert not threads, "more than one thread worked; do it in one"
    return result


def careful(peer: Peer, calls: Calls, ends: Ends) -> None:
    """Let the peer talk; if that goes wrong, let nobody wait."""
    for end in ends:
        end.settimeout(2)
    try:
        peer(calls, *ends)
    except (AssertionError, OSError) as error:
        for end in ends:
            with suppress(OSError):
                reset(end)
        raise AssertionError(f"a peer found: {error}") from None


def silence(calls: Calls, *ends: socket.socket) -> None:
    """Say nothing for a moment, and look whether the function rests."""
    before = calls.total()
    readable, _, _ = select.select(ends, [], [], 0.4)
    assert not readable, "a peer was told something that nobody else had said"
    assert calls.total() - before < MANY, "you never rest: something in your sets is always ready"


def tell(who: str, end: socket.socket, data: bytes, *to: socket.socket, last: bool = False) -> None:
    with suppress(OSError):  # the hearers tell
        end.sendall(data)
        if last:
            end.shutdown(socket.SHUT_WR)
    for hearer in to:
        hear(who + " ended its direction, and" * last, hearer, data, last)


def hear(who: str, end: socket.socket, due: bytes, last: bool = False) -> None:
    """Read what is due, and the end if it was the last."""
    heard, wrong = b"", ""
    try:
        while len(heard) < len(due) + last and (data := end.recv(len(due) + last - len(heard))):
            heard += data
    except TimeoutError:
        wrong = ", and no end" if heard == due else ", and then nothing"
    if wrong or heard != due:
        came = f"{heard[:20]!r}, {len(heard)} bytes{wrong}"
        raise AssertionError(f"{who} said {due[:20]!r}; another one heard {came}")


@exercise("select", "Compute when it is over, once. Before each select(), the time that is left.")
def deadline(gather: Callable[[list[socket.socket], float], list[bytes]]) -> None:
    with ExitStack() as stack:
        ends, given = zip(*[pair(stack) for _ in range(4)], strict=True)
        start = time.monotonic()
        answer = beside(four_peers, ends, gather, list(given), 1.0)
        took = time.monotonic() - start
        assert took > 0.9, "you came back before the time was over, and two had not ended"
        assert took < 1.5, "you stayed longer than you were allowed to"
        due = [b"", b"12", b"begin, end", b"begin, "]
        assert answer in (due, [b"", b"123", *due[2:]]), f"due was {due}, you return {answer!r}"
        closed = -1 in [end.fileno() for end in given]
        assert not closed, "you have closed a connection; that is left to the caller"
        start = time.monotonic()
        gather(list(given[2:]), 2.0)
        assert time.monotonic() - start < 1.5, "all had ended, and you did not come back at once"


def four_peers(calls: Calls, *ends: socket.socket) -> None:
    _, dripping, talking, broken = ends
    for end in (talking, broken):
        end.sendall(b"begin, ")
    select.select([], [], [], 0.1)
    talking.sendall(b"end")
    talking.close()
    reset(broken)
    dripping.sendall(b"1")
    silence(calls, dripping)
    dripping.sendall(b"2")
    select.select([], [], [], 0.3)
    dripping.sendall(b"3")  # it must not make the wait longer


@exercise(
    "select",
    seconds=12,
    hint="For each direction: either bytes wait to be sent, or you want to read. Its end is passed"
    " on with shutdown(SHUT_WR).",
)
def pass_on(relay: Callable[[socket.socket, socket.socket], object]) -> None:
    for talk, order in ((turns, 1), (turns, -1), (late_reader, 1)):
        with ExitStack() as stack:
            client, left = pair(stack)
            right, server = pair(stack)
            beside(talk, (client, server)[::order], relay, left, right)
            closed = -1 in (left.fileno(), right.fileno())
            assert not closed, "you have closed a socket; that is left to the caller"


def turns(calls: Calls, one: socket.socket, other: socket.socket) -> None:
    """One side asks, ends its direction, and gets the answer."""
    tell("one side", one, b"why?", other, last=True)
    silence(calls)
    tell("the side that had heard the end", other, b"because", one, last=True)


def late_reader(calls: Calls, one: socket.socket, other: socket.socket) -> None:
    """One side says as much as it can; the other one talks before it reads."""
    data = b"".join(b"%d " % number for number in range(10**6))
    one.settimeout(0.5)
    taken = 0
    with suppress(TimeoutError):
        while taken < len(data):
            taken += one.send(data[taken : taken + (1 << 18)])
    one.settimeout(2)
    assert taken < len(data), "you read on, though what you had read was not yet sent"
    tell("a side that did not read", other, b"wait!", one, last=True)
    one.shutdown(socket.SHUT_WR)
    hear("one side", other, data[:taken], last=True)


@exercise(
    "select",
    seconds=12,
    hint="Keep the bytes for each client that wait to be sent. Ask for writability only where some"
    " do. recv() and send() may raise: that client has left.",
)
def room(chat: Callable[[socket.socket, int], object]) -> None:
    with ExitStack() as stack:
        server = listener(stack)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        address = server.getsockname()
        ends = [stack.enter_context(socket.create_connection(address)) for _ in range(4)]
        before = held()
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always", ResourceWarning)
            beside(visit, ends, chat, server, 4)
        assert not held() - before, "all have left, and you have not closed all connections"
        left = [one for one in said if f"laddr={address!r}" in str(one.message)]
        assert not left, "you left it to Python to close a connection"


def visit(calls: Calls, *ends: socket.socket) -> None:
    ann, bob, deaf, rude = ends
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    data = b"".join(b"%d " % number for number in range(300_000))
    everyone = wait_until(lambda: not queue(ann.getpeername()), 3)
    assert everyone, "4 clients have connected, and you have not accepted all of them"
    tell("the first client", ann, b"hello", bob, rude)
    tell("the fourth client", rude, b"bye", ann, bob)
    reset(rude)
    tell("after a client's reset, one", bob, b"still there?", ann)
    with background(ann.sendall, data):
        hear("while a client did not read, one", bob, data)
    due = b"hellobyestill there?" + data + b"again"
    hear("while a client did not read, others", deaf, due[:400_000])
    tell("after a client read a part of what waits, one", bob, b"again", ann)
    silence(calls, ann, bob)
    hear("while a client did not read, others", deaf, due[400_000:])
    for end in (ann, bob, deaf):
        end.close()
