"""14_server.ipynb: clients that try a server out, its pictures, its exercises' checks."""

import ast
import inspect
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from sockutils.figures.picture import KERNEL, SERVER, SIZE, Picture, canvas
from sockutils.peers.peer import Peer, background
from sockutils.peers.waits import wait_until
from sockutils.practice.exercise import exercise
from sockutils.tables.descriptors import held, no_descriptor_left
from sockutils.tables.diag import sockets

__all__ = ["no_descriptor_left", "wait_until"]  # for the notebook

Address = tuple[str, int]
Numbers = Mapping[str, float]  # of each design
Design = Callable[..., object]  # takes a listener and a protocol
PATIENCE = 2.0  # seconds: who has no answer by then is not served
BUFFER = 1 << 18  # bytes, of each end of a connection in the checks
LINES = (b"read me " * 127 + b"please\n") * (1 << 12)  # more than a connection's buffers hold


class Tested(NamedTuple):
    listener: socket.socket
    server: Peer
    clients: ExitStack

    def call(self) -> socket.socket:
        address = self.listener.getsockname()
        return self.clients.enter_context(socket.create_connection(address, PATIENCE))

    def returns(self) -> bool:
        return wait_until(lambda: "running" not in repr(self.server), 0.05)


@contextmanager
def running(design: Design, protocol: Any, port: int = 0) -> Iterator[Address]:
    """The address of a server that serves while the block runs; the clients have to leave first."""
    with started(design, port, protocol) as tested:
        yield tested.listener.getsockname()


@contextmanager
def started(design: Design, port: int, *protocol: Any) -> Iterator[Tested]:
    with (
        socket.create_server(("127.0.0.1", port)) as listener,
        background(design, listener, *protocol) as server,
    ):
        try:
            with ExitStack() as clients:
                yield Tested(listener, server, clients)
        finally:
            with suppress(OSError):  # a check has done so
                listener.shutdown(socket.SHUT_RDWR)


def hear(client: socket.socket, length: int = sys.maxsize) -> bytes:
    """Read so many bytes, or to the end."""
    heard = bytearray()
    while len(heard) < length and (data := client.recv(65536)):
        heard += data
    return bytes(heard)


def expect(client: socket.socket, answer: bytes) -> None:
    heard = hear(client, len(answer))
    assert heard == answer, f"{answer!r} to come, {heard!r} came"


def ask(client: socket.socket, *lines: bytes) -> None:
    for line in lines:
        client.sendall(line + b"\n")
        expect(client, line.upper() + b"\n")


def byte_by_byte(tested: Tested) -> None:
    client = tested.call()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    drip(client, b"one byte at a time\n", 0.002)
    expect(client, b"ONE BYTE AT A TIME\n")


def half_close(tested: Tested) -> None:
    client = tested.call()
    client.sendall(b"one\ntwo\nthree\n")
    client.shutdown(socket.SHUT_WR)
    expect(client, b"ONE\nTWO\nTHREE\n")
    over = select.select([client], [], [], PATIENCE)[0] and not client.recv(1)
    assert over, "it has answered all of a client that sends no more, and does not close"


def after_three_resets(tested: Tested) -> None:
    for line in (b"", b"half a line", b"a line\n"):
        client = tested.call()
        client.sendall(line)
        reset(client)
    ask(tested.call(), b"served?")


def ten_at_once(tested: Tested) -> None:
    for number, client in enumerate([tested.call() for _ in range(10)]):
        ask(client, b"client %d" % number)


def beside_a_silent_one(tested: Tested) -> None:
    tested.call()
    ask(tested.call(), b"served?")


def beside_one_that_reads_nothing(tested: Tested) -> None:
    greedy, rest = tested.call(), memoryview(LINES)
    limit_buffers(greedy)
    while rest and select.select([], [greedy], [], 0.25)[1]:
        rest = rest[greedy.send(rest) :]
    assert rest, "it takes all that it is sent, and would run out of memory"
    ask(tested.call(), b"served?")
    with background(say_the_rest, greedy, rest):
        heard = hear(greedy)
    assert heard == LINES.upper(), f"{len(LINES)} bytes to come in capitals, {len(heard)} came"


def say_the_rest(client: socket.socket, rest: memoryview) -> None:
    while rest:
        rest = rest[client.send(rest) :]
    client.shutdown(socket.SHUT_WR)


def stops(tested: Tested) -> None:
    client = tested.call()
    ask(client, b"before")
    client.sendall(b"half of it before, ")
    port = tested.listener.getsockname()[1]
    wait_until(lambda: all_read(port))
    tested.listener.shutdown(socket.SHUT_RDWR)
    client.sendall(b"half of it after\n")
    expect(client, b"HALF OF IT BEFORE, HALF OF IT AFTER\n")
    with suppress(ConnectionRefusedError):
        tested.call()
        raise AssertionError("the listener was shut down, and listens again")
    assert not tested.returns(), "it returned while a client was still there"


CHECKS: Mapping[str, Callable[[Tested], None]] = {
    "one client": lambda tested: ask(tested.call(), b"one", b"two"),
    "byte by byte": byte_by_byte,
    "half-close": half_close,
    "after three resets": after_three_resets,
    "ten at once": ten_at_once,
    "beside a silent one": beside_a_silent_one,
    "beside one that reads nothing": beside_one_that_reads_nothing,
    "stops": stops,
}


def examine(name: str, design: Design, protocol: Any) -> dict[tuple[str, str], str]:
    """Drive servers with real clients: (check, name) → "works" or what happened, for matrix().

    All checks at the same time, each with a server of its own.
    """
    with ThreadPoolExecutor(len(CHECKS)) as pool:
        found = pool.map(lambda trial: outcome(trial, design, protocol), CHECKS.values())
        return {(check, name): one for check, one in zip(CHECKS, found, strict=True)}


def outcome(trial: Callable[[Tested], None], design: Design, *protocol: Any) -> str:
    with started(design, 0, *protocol) as tested:
        limit_buffers(tested.listener)  # and those of its connections
        try:
            trial(tested)
        except TimeoutError:
            return "no answer"
        except OSError as error:
            return f"a client was cut off: {error}"
        except AssertionError as error:
            return str(error)
    return "works"


def limit_buffers(end: socket.socket) -> None:
    """So that LINES are more than they hold, whatever the system's settings are."""
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        end.setsockopt(socket.SOL_SOCKET, option, BUFFER)


def served(address: Address) -> bool:
    """Whether a new client gets an answer to a line."""
    with suppress(TimeoutError), socket.create_connection(address, PATIENCE) as client:
        ask(client, b"served?")
        return True
    return False


def blocked_by(designs: Mapping[str, Design], protocol: Any, most: int) -> dict[str, str]:
    """How many clients that never end their line it takes until a new one is not served."""
    with ThreadPoolExecutor(2) as pool:  # while one waits for its answer, the others are examined
        found = pool.map(lambda design: blocking(design, protocol, most), designs.values())
        return dict(zip(designs, found, strict=True))


def blocking(design: Design, protocol: Any, most: int) -> str:
    with started(design, 0, protocol) as tested:
        for count in range(1, most + 1):
            tested.call().sendall(b"GET / HT")
            if not served(tested.listener.getsockname()):
                return f"{count}"
    return f"more than {most}"


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def servers_end(port: int) -> str:
    """The state of the server's only connection, and whether a descriptor holds it."""
    for row in sockets(port=port):
        if row.local[-1] == port and row.state != "LISTEN":
            return f"{row.state}, {'held' if row.inode else 'no descriptor'}"
    return "gone"


def all_read(port: int) -> bool:
    """Whether all that was sent to this port has come there and has been read."""
    rows = [row for row in sockets(port=port) if row.state != "LISTEN"]
    return not any(r.receive_queue if r.local[-1] == port else r.send_queue for r in rows)


def drip(client: socket.socket, data: bytes, pause: float) -> None:
    """Send byte by byte, with a pause between two, until the other end has closed."""
    with suppress(OSError):
        for number in data:
            client.sendall(bytes([number]))
            select.select([], [], [], pause)


class Visit(NamedTuple):
    seconds: float  # until all are served
    together: bool  # whether one was served before another had left


def visit(address: Address, clients: int, think: float) -> Visit:
    """So many clients with three lines each, and a pause between two."""
    talks: list[tuple[float, float]] = []  # of each client, from the first answer to the last
    here = threading.Barrier(clients, timeout=10)

    def client() -> None:
        with socket.create_connection(address, 10) as end:
            here.wait()
            ask(end, b"one")
            begin = time.monotonic()
            for line in (b"two", b"three"):
                select.select([], [], [], think)
                ask(end, line)
            talks.append((begin, time.monotonic()))

    start = time.monotonic()
    with ExitStack() as stack:
        for _ in range(clients):
            stack.enter_context(background(client, patience=10))
    seconds = time.monotonic() - start
    return Visit(seconds, any(two[0] < one[1] for one, two in pairwise(sorted(talks))))


def draw_waiting(visits: Mapping[str, Visit], clients: int, think: int) -> Picture:
    """Draw how long it took each design to serve all; the text says who waited for whom."""

    def order(together: bool) -> str:
        if clients == 1 or not think:
            return "nobody waits for another's thoughts"
        return "all at once" if together else "one after the other"

    many = f"{clients} clients" if clients > 1 else "1 client"
    title = f"{many}, 3 lines each, {think} ms to think between two"
    seconds = {name: found.seconds for name, found in visits.items()}
    orders = {name: order(found.together) for name, found in visits.items()}
    unit = "seconds until all are served (dashed: all that is thought, added up)"
    return bars(title, seconds, orders, " {:.2f} s", unit, clients * 2 * think / 1000)


def draw_rates(rates: Numbers) -> Picture:
    """Draw how many requests a second each design has answered."""
    title = "8 clients, each asks again when it has its answer"
    words = {name: f"{rate:,.0f}" for name, rate in rates.items()}
    return bars(title, rates, words, " {:,.0f}", "requests per second")


def bars(
    title: str, values: Numbers, words: Mapping[str, str], end: str, unit: str, line: float = 0
) -> Picture:
    figure, axes = canvas(height=1.6 + 0.6 * len(values))
    drawn = axes.barh([*values], [*values.values()], color=KERNEL, height=0.62)
    axes.bar_label(drawn, fmt=end, fontsize=SIZE)
    axes.invert_yaxis()
    if line:
        axes.axvline(line, color=SERVER, linestyle="--", linewidth=2, zorder=0)
    axes.set(xlim=(0, max(line, *values.values()) * 1.25), xlabel=unit)
    axes.set_title(title, fontsize=SIZE, loc="left", color=SERVER)
    return Picture(figure, "\n".join([title, *map(": ".join, words.items())]))


# Requests per second: the servers in processes of their own, the clients in this one

PROGRAM = """
import asyncio, errno, os, re, select, socket, sys, threading, time
from contextlib import suppress
from email.utils import formatdate
{source}
# it ends as soon as the other process closes the pipe, or is no more
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    {design}(listener, {protocol})
"""
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def cells(*defined: Any) -> list[str]:
    """The source of the cells that these functions and classes are defined in, each once."""
    functions = [next(filter(inspect.isfunction, vars(one).values()), one) for one in defined]
    return [*dict.fromkeys("".join(inspect.findsource(one)[0]) for one in functions)]


def definitions(cells: Iterable[str]) -> str:
    """What the cells define: their functions, classes and CONSTANTS, without what they run."""
    nodes = [node for cell in cells for node in ast.parse(cell).body]
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    sources = [(isinstance(node, kinds), ast.unparse(node)) for node in nodes]
    return "\n".join(one for kept, one in sources if kept or one.split()[0].isupper())


@contextmanager
def process(source: str, design: str, protocol: str) -> Iterator[Address]:
    """The address of a server in a process of its own, which ends with the block."""
    program = PROGRAM.format(source=source, design=design, protocol=protocol)
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout
        yield "127.0.0.1", int(server.stdout.readline())


def load(address: Address, clients: int = 8, requests: int = 300) -> float:
    """Requests per second: each client asks again as soon as it has the answer, or it raises."""
    with socket.create_connection(address, 5) as first:
        first.sendall(REQUEST)
        first.shutdown(socket.SHUT_WR)
        answer = hear(first)
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    with ExitStack() as stack, select.epoll() as epoll:
        asking, missing = {}, {}
        start = time.perf_counter()
        for _ in range(clients):
            client = stack.enter_context(socket.create_connection(address, 5))
            epoll.register(client, select.EPOLLIN)
            asking[client.fileno()], missing[client.fileno()] = client, len(answer) * requests
            client.sendall(REQUEST)
        while missing:
            ready = epoll.poll(5)
            assert ready, f"{len(missing)} clients wait for an answer"
            for number, _ in ready:
                data = asking[number].recv(65536)
                assert data, "the server has closed before the end of its answer"
                missing[number] -= len(data)
                if not missing[number]:
                    del missing[number]
                    asking[number].close()
                elif missing[number] % len(answer) == 0:
                    asking[number].sendall(REQUEST)
        return clients * requests / (time.perf_counter() - start)


@exercise(
    "server",
    seconds=25,
    hint="A thread for each client may wait as long as it likes. In a loop no call may wait.",
)
def nobody_waits(shout: Callable[[socket.socket], object]) -> None:
    threads, descriptors = threading.active_count(), held()
    for check, trial in CHECKS.items():
        try:
            found = outcome(trial, shout)
        except TimeoutError as error:  # of background()
            found = f"its clients have left, the listener was shut down, and {error}"
        assert found == "works", f"{check}: {found}"
    assert wait_until(lambda: threading.active_count() == threads), "it left a thread running"
    assert not held() - descriptors, "it left a socket open"


BODY = b"Content-Length: 9\r\n\r\nGET /no HTTP/1.1\r\n\r\n"
REQUESTS = [  # the first line, the fields, the body
    (b"GET / HTTP/1.1", b"Host: a\r\n", b""),
    (b"POST /x HTTP/1.1", b"Host: a\r\ncontent-LENGTH:%d\r\n" % len(BODY), BODY),
    (b"POST /y HTTP/1.1", b"X-Content-Length: 7\r\nContent-Length: 0\r\n", b""),
    (b"PUT /z HTTP/1.1", b"Content-Length: 3\r\nX: Content-Length: 5\r\n", b"\r\n\r"),
    (b"GET /end HTTP/1.1", b"", b""),
]
WIRE = [line + b"\r\n" + fields + b"\r\n" + body for line, fields, body in REQUESTS]
STREAM = b"".join(WIRE) + b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhalf"


@exercise(
    "server",
    hint="Keep what has come. While there is a whole head in it, look how long the body is.",
)
def any_pieces(requests: Callable[[Iterable[bytes]], Iterable[tuple[bytes, bytes]]]) -> None:
    for size in (1, len(STREAM), 2, 7, 40):
        waiting = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
        given = iter(requests(map(waiting.pop, [0] * len(waiting))))
        for (line, _, body), end in zip(REQUESTS, accumulate(map(len, WIRE)), strict=True):
            found = tuple(next(given, ()))
            wanted = f"in pieces of {size}: the next request is {(line, body)}"
            assert found == (line, body), f"{wanted}, you gave {found or 'no more'}"
            taken = len(STREAM) - len(b"".join(waiting))
            assert taken < end + size, f"{wanted}, whole after {end} bytes, you took {taken}"
        assert not next(given, ()), f"{len(REQUESTS)} whole requests, you gave one more"


@exercise(
    "server",
    seconds=20,
    hint="Watch both sockets. Once you have to stop: accept until EAGAIN, on a nonblocking socket.",
)
def nobody_turned_away(last_orders: Callable[[socket.socket, socket.socket], object]) -> None:
    for told in (False, True):
        with ExitStack() as stack:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            stop, stopper = map(stack.enter_context, socket.socketpair())
            tested = Tested(listener, background(last_orders, listener, stop), stack)
            clients = [tested.call() for _ in range(4)]
            reset(clients.pop(1))
            if told:
                stopper.send(b"!")
            with tested.server:
                for client in clients:
                    found = in_queue(client)
                    if ") raised" in repr(tested.server):
                        break  # leaving the block raises it, too
                    assert found == "works", found
                else:
                    if not told:
                        assert not tested.returns(), "you returned, and nobody has told you to"
                        stopper.send(b"!")
            assert listener.fileno() == -1, "you returned, and the listener is still open"


def in_queue(client: socket.socket) -> str:
    """Ask as one who was in the queue, beside one that has reset."""
    try:
        client.sendall(b"please\n")
        heard = hear(client)
    except TimeoutError:
        return f"no answer, or no end after it, in {PATIENCE:g} s: do you close the connection?"
    except OSError as error:
        return f"a client that was in the queue was cut off: {error}"
    return "works" if heard == b"PLEASE\n" else f"b'PLEASE\\n' to come, {heard!r} came"
