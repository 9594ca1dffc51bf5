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
from contextlib import ExitStack, contextmanager, suppress
from types import FunctionType
from typing import Any

from sockutils.errors import name_of
from sockutils.lessons.looking import held, no_descriptor_left, wait_until
from sockutils.peers import background
from sockutils.picture import KERNEL, SERVER, SIZE, Picture, canvas
from sockutils.practice import exercise
from sockutils.tables import sockets

__all__ = ["no_descriptor_left", "wait_until"]  # for the notebook

Address = tuple[str, int]
Design = Callable[[socket.socket, Any], object]  # a listener, a protocol
ANY = ("127.0.0.1", 0)
RESET = struct.pack("ii", 1, 0)
PATIENCE = 1.5  # seconds: who has no answer by then is not served
LINE = b"read me " * 127 + b"please\n"  # 1 KiB
MANY = 1 << 15  # such lines are more than the buffers of a connection hold


@contextmanager
def running(design: Design, protocol: Any, port: int = 0) -> Iterator[Address]:
    """The address of a server that serves while the block runs, and then has to stop.

    Its listener is shut down, which wakes it; the clients have to leave before that.
    """
    with (
        socket.create_server(("127.0.0.1", port)) as listener,
        background(design, listener, protocol),
    ):
        try:
            yield listener.getsockname()
        finally:
            listener.shutdown(socket.SHUT_RDWR)


# The checks


def ask(client: socket.socket, line: bytes) -> None:
    client.sendall(line + b"\n")
    expect(client, line.upper() + b"\n")


def expect(client: socket.socket, answer: bytes) -> None:
    """Read the answer; AssertionError if it is another one, TimeoutError if there is none."""
    heard = b""
    while len(heard) < len(answer) and (data := client.recv(65536)):
        heard += data
    assert heard == answer, f"{len(answer)} bytes to come, {len(heard)} came"


def call(stack: ExitStack, address: Address) -> socket.socket:
    client = stack.enter_context(socket.socket())
    client.settimeout(PATIENCE)
    client.connect(address)
    return client


def one_client(address: Address, stack: ExitStack) -> None:
    client = call(stack, address)
    ask(client, b"one")
    ask(client, b"two")


def ten_at_once(address: Address, stack: ExitStack) -> None:
    clients = [call(stack, address) for _ in range(10)]
    for number, client in enumerate(clients):
        client.sendall(b"client %d\n" % number)
    for number, client in enumerate(clients):
        expect(client, b"CLIENT %d\n" % number)


def after_a_silent_one(address: Address, stack: ExitStack) -> None:
    call(stack, address)
    ask(call(stack, address), b"served?")


def byte_by_byte(address: Address, stack: ExitStack) -> None:
    client = call(stack, address)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for number in b"one byte at a time\n":
        client.sendall(bytes([number]))
        wait_until(lambda: not unread(client), 0.1)
    expect(client, b"ONE BYTE AT A TIME\n")


def unread(client: socket.socket) -> int:
    here = client.getsockname()
    return sum(row.receive_queue for row in sockets(port=here[1]) if row.remote == here)


def expect_end(client: socket.socket, rest: bytes) -> None:
    client.shutdown(socket.SHUT_WR)
    heard = b""
    while data := client.recv(65536):
        heard += data
    assert heard == rest, f"{heard!r} came before the end"


def half_close(address: Address, stack: ExitStack) -> None:
    client = call(stack, address)
    client.sendall(b"one\ntwo\nthree\n")
    expect_end(client, b"ONE\nTWO\nTHREE\n")


def after_a_reset(address: Address, stack: ExitStack) -> None:
    for line in (b"", b"half a line", b"a line\n"):
        client = call(stack, address)
        client.sendall(line)
        reset(client)
    ask(call(stack, address), b"served?")


def beside_one_that_reads_nothing(address: Address, stack: ExitStack) -> None:
    greedy = call(stack, address)
    greedy.setblocking(False)
    lines = memoryview(LINE * MANY)
    sent = 0
    with suppress(BlockingIOError):
        while sent < len(lines) and select.select([], [greedy], [], 0.1)[1]:
            sent += greedy.send(lines[sent:])
    assert sent < len(lines), "it takes all that it is sent, and would run out of memory"
    ask(call(stack, address), b"served?")
    heard = bytearray()
    while len(heard) < len(lines):
        readable, writable, _ = select.select([greedy], [greedy], [], PATIENCE)
        if writable and sent < len(lines):
            sent += greedy.send(lines[sent:])
        if readable:
            data = greedy.recv(1 << 20)
            assert data, f"{len(lines)} bytes to come, {len(heard)} came"
            heard += data
        elif sent == len(lines):
            assert select.select([greedy], [], [], PATIENCE)[0], "an answer is missing"
    assert heard == LINE.upper() * MANY, "not what was sent, in capitals"


CHECKS: Mapping[str, Callable[[Address, ExitStack], None]] = {
    "one client": one_client,
    "byte by byte": byte_by_byte,
    "half-close": half_close,
    "after three resets": after_a_reset,
    "ten at once": ten_at_once,
    "beside a silent one": after_a_silent_one,
    "beside one that reads nothing": beside_one_that_reads_nothing,
}


def examine(name: str, design: Design, protocol: Any) -> dict[tuple[str, str], str]:
    """Drive a server with real clients: (check, name) → "works" or what happened, for matrix()."""
    outcomes = {check: outcome(trial, design, protocol) for check, trial in CHECKS.items()}
    outcomes["stops"] = stops(design, protocol)
    return {(check, name): said for check, said in outcomes.items()}


def outcome(
    trial: Callable[[Address, ExitStack], None], design: Design, protocol: Any = None
) -> str:
    with running(design, protocol) as address, ExitStack() as stack:
        try:
            trial(address, stack)
        except TimeoutError:
            return "no answer"
        except AssertionError as error:
            return str(error)
        except OSError as error:
            return name_of(error)
    return "works"


def stops(design: Design, protocol: Any) -> str:
    """Shut the listener down while a client talks: it is served to its end, others are refused."""
    with socket.create_server(ANY) as listener, background(design, listener, protocol) as server:
        address = listener.getsockname()
        with ExitStack() as stack:
            client = call(stack, address)
            ask(client, b"before")
            listener.shutdown(socket.SHUT_RDWR)
            try:
                ask(client, b"after")
            except (AssertionError, OSError):
                return "cut off"
            if wait_until(lambda: "running" not in repr(server), 0.05):
                return "leaves early"
            with suppress(ConnectionRefusedError):
                call(stack, address)
                return "goes on"
        if not wait_until(lambda: "running" not in repr(server)):
            return "goes on"
    return "works"


def served(address: Address, line: bytes = b"served?") -> bool:
    """Whether a new client gets an answer to a line."""
    with ExitStack() as stack, suppress(TimeoutError):
        ask(call(stack, address), line)
        return True
    return False


def blocked_by(design: Design, protocol: Any, most: int) -> str:
    """How many clients that never end their line it takes until a new one is not served."""
    with running(design, protocol) as address, ExitStack() as stack:
        for count in range(1, most + 1):
            call(stack, address).sendall(b"GET / HT")
            if not served(address):
                return f"{count}"
    return f"more than {most}"


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.close()


def servers_end(port: int) -> str:
    """The state of the server's only connection, and whether a descriptor holds it."""
    for row in sockets(port=port):
        if row.local[-1] == port and row.state != "LISTEN":
            return f"{row.state}, {'held' if row.inode else 'no descriptor'}"
    return "gone"


def all_read(port: int) -> bool:
    """Whether all that has come to the ends at this port has been read, also where none accepts."""
    return not any(row.receive_queue for row in sockets(port=port))


def drip(client: socket.socket, data: bytes, pause: float) -> None:
    """Send byte by byte, with a pause between two, until the other end has closed."""
    with suppress(OSError):
        for number in data:
            client.sendall(bytes([number]))
            select.select([], [], [], pause)


# The panel


def visit(address: Address, clients: int, think: float) -> float:
    """So many clients with three lines each, and a pause between two; the seconds it takes."""

    def client() -> None:
        with ExitStack() as stack:
            end = stack.enter_context(socket.create_connection(address, 10))
            for line in (b"one", b"two", b"three"):
                ask(end, line)
                select.select([], [], [], 0 if line == b"three" else think)

    start = time.monotonic()
    with ExitStack() as stack:
        for _ in range(clients):
            stack.enter_context(background(client))
    return time.monotonic() - start


def draw_waiting(seconds: Mapping[str, float], clients: int, think: int) -> Picture:
    """Draw how long it took each design to serve all; the text says who waited for whom."""
    one = 2 * think / 1000
    many = f"{clients} clients" if clients > 1 else "1 client"
    lines = [f"{many}, 3 lines each, {think} ms to think between two"]
    for name, taken in seconds.items():
        if clients == 1 or not think:
            order = "nobody waits for another's thoughts"
        else:
            order = "one after the other" if taken >= one * clients else "all at once"
        lines.append(f"{name}: {order}")
    ends = [f" {taken:.2f} s" for taken in seconds.values()]
    return bars(seconds, ends, lines, "seconds until all are served")


def bars(
    values: Mapping[str, float], ends: Iterable[str], lines: Iterable[str], unit: str
) -> Picture:
    title, *others = lines
    figure, axes = canvas(height=1.6 + 0.6 * len(values))
    drawn = axes.barh([*values], [*values.values()], color=KERNEL, height=0.62)
    axes.bar_label(drawn, [*ends], fontsize=SIZE)
    axes.invert_yaxis()
    axes.set_xlim(0, max(values.values()) * 1.25)
    axes.set_xlabel(unit)
    axes.set_title(title, fontsize=SIZE, loc="left", color=SERVER)
    return Picture(figure, "\n".join([title, *others]))


# Requests per second: the servers in processes of their own, the clients in this one

HEADER = """
import asyncio, errno, os, re, select, socket, sys, threading, time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from email.utils import formatdate
"""
STOP = "listener.shutdown(socket.SHUT_RDWR)"
FOOTER = """
with socket.create_server(("127.0.0.1", 0)) as listener:
    def end():  # as soon as the other process closes the pipe, or is no more
        sys.stdin.read()
        {stop}
    threading.Thread(target=end, daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    {design}(listener, {protocol})
"""


def cells(*defined: Any) -> list[str]:
    """The source of the cells that these functions and classes are defined in, each once."""
    found = []
    for one in defined:
        if isinstance(one, type):
            one = next(each for each in vars(one).values() if isinstance(each, FunctionType))
        found.append("".join(inspect.findsource(one)[0]))
    return list(dict.fromkeys(found))


def definitions(cells: Iterable[str]) -> str:
    """What the cells define: their functions, classes and CONSTANTS, without what they run."""
    kept = []
    for cell in cells:
        for node in ast.parse(cell).body:
            constant = (
                isinstance(node, (ast.Assign, ast.AugAssign))
                and ast.unparse(
                    node.targets[0] if isinstance(node, ast.Assign) else node.target
                ).isupper()
            )
            if constant or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                kept.append(ast.unparse(node))
    return "\n".join(kept)


@contextmanager
def process(source: str, design: str, protocol: str, stop: str = STOP) -> Iterator[Address]:
    """The address of a server in a process of its own, which ends with the block."""
    program = HEADER + source + FOOTER.format(design=design, protocol=protocol, stop=stop)
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin
        assert server.stdout
        try:
            yield "127.0.0.1", int(server.stdout.readline())
        finally:
            server.stdin.close()
            try:
                server.wait(5)
            except subprocess.TimeoutExpired:
                server.kill()


REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def whole_answer(client: socket.socket, request: bytes) -> bytes:
    """Ask once, and read as many bytes as the answer says that it has."""
    client.sendall(request)
    data = b""
    while b"\r\n\r\n" not in data:
        data += received(client)
    head, _, body = data.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    while len(body) < int(fields[b"content-length"]):
        body += received(client)
    return head + b"\r\n\r\n" + body


def received(client: socket.socket) -> bytes:
    data = client.recv(65536)
    if not data:
        raise EOFError("the server has closed before the end of its answer")
    return data


def load(address: Address, clients: int = 8, requests: int = 300) -> float:
    """Requests per second: each client asks again as soon as it has the answer, and closes.

    Raises if one answer is not as long as the first one, or does not come.
    """
    with socket.create_connection(address, 5) as first:
        answer = whole_answer(first, REQUEST)
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    with ExitStack() as stack, select.epoll() as epoll:
        missing = {}
        asking = {}
        for _ in range(clients):
            client = stack.enter_context(socket.create_connection(address, 5))
            epoll.register(client, select.EPOLLIN)
            asking[client.fileno()] = client
            missing[client.fileno()] = len(answer) * requests
        start = time.perf_counter()
        for client in asking.values():
            client.sendall(REQUEST)
        while asking:
            ready = epoll.poll(5)
            assert ready, f"{len(asking)} clients wait for an answer"
            for number, _ in ready:
                client = asking[number]
                missing[number] -= len(received(client))
                if missing[number] <= 0:
                    assert not missing[number], "more bytes than asked for"
                    del asking[number]
                    epoll.unregister(client)
                    client.close()
                elif missing[number] % len(answer) == 0:
                    client.sendall(REQUEST)
        return clients * requests / (time.perf_counter() - start)


def draw_rates(rates: Mapping[str, float]) -> Picture:
    """Draw how many requests a second each design has answered."""
    ends = [f" {rate:,.0f}" for rate in rates.values()]
    lines = [
        "8 clients, each asks again when it has its answer",
        *(f"{name}: {rate:,.0f}" for name, rate in rates.items()),
    ]
    return bars(rates, ends, lines, "requests per second")


# The exercises


@exercise(
    "server",
    seconds=25,
    hint="A thread for each client may wait as long as it likes. In a loop no call may wait.",
)
def nobody_waits(shout: Callable[[socket.socket], object]) -> None:
    def design(listener: socket.socket, protocol: object) -> None:
        shout(listener)

    threads = threading.active_count()
    descriptors = held()
    for check, trial in CHECKS.items():
        found = outcome(trial, design)
        assert found == "works", f"{check}: {found}"
    found = stops(design, None)
    assert found != "cut off", "the listener was shut down, and a client that was there is cut off"
    assert found != "leaves early", "you returned while a client was still there"
    assert found == "works", "the listener was shut down, all clients have left, and it goes on"
    assert wait_until(lambda: threading.active_count() == threads, 2), "it left a thread running"
    assert not held() - descriptors, "it left a socket open"


@exercise(
    "server",
    hint="Keep what has come. While there is a whole head in it, look how long the body is.",
)
def any_pieces(requests: Callable[[Iterable[bytes]], Iterable[tuple[bytes, bytes]]]) -> None:
    body = b"Content-Length: 9\r\n\r\nGET /no HTTP/1.1\r\n\r\n"
    right = [
        (b"GET / HTTP/1.1", b"Host: a\r\n", b""),
        (b"POST /x HTTP/1.1", b"Host: a\r\ncontent-LENGTH:%d\r\n" % len(body), body),
        (b"POST /y HTTP/1.1", b"X-Content-Length: 7\r\nContent-Length: 0\r\n", b""),
        (b"PUT /z HTTP/1.1", b"Content-Length: 3\r\nX: Content-Length: 5\r\n", b"\r\n\r"),
        (b"GET /end HTTP/1.1", b"", b""),
    ]
    stream, ends = b"", []
    for line, fields, body in right:
        stream += line + b"\r\n" + fields + b"\r\n" + body
        ends.append(len(stream))
    stream += b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhalf"
    wanted = [(line, body) for line, _, body in right]
    for size in (1, len(stream), 2, 7, 40):
        taken = 0

        def pieces(size: int = size) -> Iterator[bytes]:
            nonlocal taken
            for start in range(0, len(stream), size):
                taken = min(start + size, len(stream))
                yield stream[start : start + size]

        found: list[tuple[bytes, bytes]] = []
        for request in requests(pieces()):
            place = len(found)
            assert place < len(wanted), f"{len(wanted)} whole requests, you gave one more"
            assert tuple(request) == wanted[place], (
                f"in pieces of {size}: request {place + 1} is {wanted[place]}, you gave {request}"
            )
            soon = min(-(-ends[place] // size) * size, len(stream))
            assert taken == soon, (
                f"request {place + 1} was whole after {soon} bytes, you gave it after {taken}"
            )
            found.append(request)
        assert len(found) == len(wanted), (
            f"in pieces of {size}: {len(wanted)} whole requests, you gave {len(found)}"
        )


@exercise(
    "server",
    seconds=15,
    hint="Watch both sockets. Once you have to stop: accept until EAGAIN, on a nonblocking socket.",
)
def nobody_turned_away(last_orders: Callable[[socket.socket, socket.socket], object]) -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(ANY))
        stop, stopper = map(stack.enter_context, socket.socketpair())
        address = listener.getsockname()
        server = stack.enter_context(background(last_orders, listener, stop))
        order(call(stack, address))
        reset(call(stack, address))
        try:
            order(call(stack, address))
        except OSError as error:
            raise AssertionError(
                f"one client has reset, and the next one got {name_of(error)}"
            ) from None
        assert "running" in repr(server), "you returned before you were told to stop"
        stopper.send(b"!")
        assert wait_until(lambda: "running" not in repr(server), 2), "told to stop, you stay"
        assert refused(address), "you returned, and clients can still connect"
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(ANY))
        stop, stopper = map(stack.enter_context, socket.socketpair())
        address = listener.getsockname()
        clients = [call(stack, address) for _ in range(4)]
        reset(clients.pop(1))
        for client in clients:
            client.sendall(b"please\n")
        stopper.send(b"!")
        with background(last_orders, listener, stop):
            for number, client in enumerate(clients, 1):
                try:
                    answered(client)
                except OSError as error:
                    raise AssertionError(
                        f"client {number} of 3 was in the queue when you had to stop, and got"
                        f" {name_of(error)}"
                    ) from None
        assert refused(address), "you returned, and clients can still connect"


def order(client: socket.socket) -> None:
    client.sendall(b"please\n")
    answered(client)


def answered(client: socket.socket) -> None:
    heard = b""
    while data := client.recv(100):
        heard += data
    assert heard == b"PLEASE\n", f"b'please\\n' should come back in capitals, {heard!r} came"


def refused(address: Address) -> bool:
    try:
        socket.create_connection(address, 1).close()
    except OSError:
        return True
    return False
