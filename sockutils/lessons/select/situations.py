"""What can be the matter with a socket: one that this is the matter with, for a block."""

import fcntl
import os
import resource
import select
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from sockutils.peers.ends import accept_queue, connected, fill, reset
from sockutils.peers.waits import wait_until
from sockutils.tables.descriptors import no_descriptor
from sockutils.tables.diag import sockets

ANY = ("127.0.0.1", 0)
Make = Callable[[ExitStack], socket.socket]
Act = Callable[[socket.socket], object]


@contextmanager
def high(end: socket.socket, number: int) -> Iterator[int]:
    """Another descriptor of the socket, with that number or the next free one, for the block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if number >= hard != resource.RLIM_INFINITY:
        raise no_descriptor(number, hard)
    with ExitStack() as stack:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        made = fcntl.fcntl(end.fileno(), fcntl.F_DUPFD_CLOEXEC, number)
        stack.callback(os.close, made)
        yield made


def wait_for_stall(server: socket.socket) -> None:
    """Return when a connection of this listener has bytes to send, and nothing moves any more."""
    port = server.getsockname()[1]

    def full() -> Sequence[object]:
        rows = [row for row in sockets(port=port) if row.local[1] == port]
        return rows if any(row.send_queue for row in rows) else []

    def stands() -> bool:
        before = full()
        select.select([], [], [], 0.2)
        return bool(before) and before == full()

    if not wait_until(stands, 10):
        raise TimeoutError("something still moves on this server's connections")


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
    server = listener(stack, backlog=1)
    address = server.getsockname()
    for _ in range(2):
        stack.enter_context(socket.create_connection(address))
    wait_until(lambda: accept_queue(server) == 2)
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


def wants_many(end: socket.socket) -> None:
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 100)


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


def unix_nearly_full(stack: ExitStack) -> socket.socket:
    """One that has sent until it was not writable: there is still room, but not enough for that.

    What a TCP socket has sent moves on by itself (a late ACK, a window probe), so that it may be
    writable again a moment later. Here it stays until the other end reads.
    """
    one, _ = map(stack.enter_context, socket.socketpair())
    while select.select([], [one], [], 0)[1]:
        one.send(bytes(1000))
    return one


SITUATIONS: Mapping[str, Make] = {
    "TCP, fresh": fresh,
    "TCP, connect() under way": connecting,
    "TCP, connect() refused": refused,
    "listener, nobody waits": listener,
    "listener, a client waits": client_waits,
    "connection, idle": connection(),
    "connection, hello has come": connection(lambda end: end.send(b"hello"), select.POLLIN),
    "connection, hello has come, SO_RCVLOWAT 100": connection(
        lambda end: end.send(b"hello"), select.POLLIN, wants_many
    ),
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
    "Unix stream, send queue nearly full": unix_nearly_full,
}


@contextmanager
def situation(name: str) -> Iterator[socket.socket]:
    """A socket that this is the matter with, for the block; `SITUATIONS` has the names."""
    with ExitStack() as stack:
        yield SITUATIONS[name](stack)


def greeted() -> tuple[socket.socket, socket.socket]:
    """The two ends of a connection, after the client has said hello."""
    client, server = connected()
    client.sendall(b"hello")
    return client, until(server, select.POLLIN)
