"""What the exercises of 00_start_here.ipynb ask of the learner's functions."""

import socket
from collections.abc import Callable
from contextlib import ExitStack
from errno import EADDRINUSE
from time import monotonic
from typing import Any

from sockutils.calls.trace import trace
from sockutils.peers.peer import background
from sockutils.practice.exercise import exercise

Address = tuple[str, int]
ANY, HELLO = ("127.0.0.1", 0), b"hello"
PATIENCE = 4.0  # seconds that the server waits; on a busy machine nobody is quick
PAIR = "an address is one thing, host and port in their own parentheses: connect((host, port))"
WITH = "`with socket.create_connection(address) as client:` closes it at the end of its block"
READ = "`return client.recv(100)` returns what the server answers, as it comes"


@exercise(
    "start",
    seconds=10,
    hint={
        "nobody connected": "socket.create_connection(address) gives you a connected socket",
        "without a word": 'client.sendall(b"hello"), and then client.recv(100)',
        "not b'hello'": 'client.sendall(b"hello"), these five bytes and no more',
        "bytes-like object": 'b"hello" are bytes, "hello" is text: sockets take and give bytes',
        "its beginning": "recv(100) takes up to 100 bytes",
        "one recv()": "a loop until b'' waits for the server to close, and it waits for you",
        "you returned None": READ,
        "you returned '": "what recv() gives you are bytes: return them without decode()",
        "you returned b": READ,
        "still open": WITH,
        "leave it to Python": WITH,
        "Bad file descriptor": "the socket is closed by then: recv() first, then close()",
        "Address already in use": "bind() is for an address of your own: connect() calls another's",
        "Broken pipe": "connect() comes before sendall()",
        "Connection refused": "nobody listens there: connect to `address`, it differs each time",
        "takes exactly one argument": PAIR,
        "other arguments": "def greet(address):",
        "timed out": "the server says nothing before it has heard b'hello'",
    },
)
def greeting(greet: Callable[[Address], bytes]) -> None:
    for answer in (b"hello, you", b"who is there?"):
        with socket.create_server(ANY) as server, background(answer_once, server, answer) as peer:
            start = monotonic()
            with trace() as calls:
                got = greet(server.getsockname())
            late = monotonic() - start > PATIENCE
        heard, goodbye = peer.result
        assert heard != b"", "you connected, and closed or waited without a word: send b'hello'"
        assert heard, "nobody connected: use the address that you are given"
        assert heard == HELLO, f"the server got {heard!r}, not b'hello'"
        begun = isinstance(got, bytes) and got and answer.startswith(got) and got != answer
        part = ", its beginning: recv() takes no more than you ask for" if begun else ""
        assert got == answer, f"the server answered {answer!r}, you returned {got!r}{part}"
        assert goodbye != "silence" or not late, (
            "you went on reading, and the server waited for you to close: one recv() is enough"
        )
        assert goodbye == "closed", "your socket is still open: close() it, or use `with`"
        mine = [lane for lane in calls.unclosed() if not lane.startswith("server")]
        left = "your code never closes its socket, you leave it to Python"
        assert not mine, f"{left}: close() it, or use `with`"


def answer_once(server: socket.socket, answer: bytes) -> tuple[bytes | None, str]:
    """What the server heard, None if nobody called, and how the conversation ended."""
    server.settimeout(PATIENCE)
    try:
        connection, _ = server.accept()
    except TimeoutError:
        return None, "silence"
    with connection:
        connection.settimeout(PATIENCE)
        heard = b""
        try:
            while heard != HELLO and HELLO.startswith(heard) and (more := connection.recv(100)):
                heard += more  # it may come in pieces
            connection.sendall(answer)
            return heard, "more" if connection.recv(100) else "closed"
        except TimeoutError:
            return heard, "silence"
        except OSError:  # closed before all was read
            return heard, "closed"


@exercise(
    "start",
    hint={
        "let the kernel choose": "bind() one of them to port 0; getsockname() tells what it got",
        "they have the ports": "tcp.getsockname() is an address that udp.bind() takes",
        "is not bound": "bind() one to port 0, the other one to the first one's getsockname()",
        "takes exactly one argument": PAIR.replace("connect", "bind"),
        "'tuple' object": "getsockname() is host and port together: bind(tcp.getsockname())",
        "Address already in use": "two TCP sockets cannot share a port: is the second one UDP, "
        "socket.socket(type=socket.SOCK_DGRAM)?",
        "have the addresses": 'bind() to ("127.0.0.1", …)',
        "TCP, then UDP": "return tcp, udp",
        "not two sockets": "return tcp, udp",
        "closed already": "no `with` here: who gets the sockets will close them",
    },
)
def twins(open_both: Callable[[], tuple[socket.socket, socket.socket]]) -> None:
    with ExitStack() as stack:
        port, chosen = one_pair(open_both, stack)
        try:
            other, _ = one_pair(open_both, stack)
        except OSError as error:
            if error.errno != EADDRINUSE:
                raise
            raise AssertionError(
                f"a second pair fails while the first is open ({error}): let the kernel choose"
            ) from None
        assert port != other, f"both times port {port}: let the kernel choose"
        assert chosen, f"you chose port {port} yourself: let the kernel choose, ask for port 0"


def one_pair(open_both: Callable[[], object], stack: ExitStack) -> tuple[int, bool]:
    """Their port, and whether a bind() has asked for port 0."""
    with trace() as calls:
        both: Any = open_both()
    two = isinstance(both, (tuple, list)) and [isinstance(one, socket.socket) for one in both]
    assert two == [True, True], f"it returned {both!r}, not two sockets"
    for one in both:
        stack.enter_context(one)
        assert one.fileno() != -1, "a socket is closed already: return it open"
    kinds = [one.type for one in both]
    assert kinds == [socket.SOCK_STREAM, socket.SOCK_DGRAM], f"they are {kinds}: TCP, then UDP"
    tcp, udp = (one.getsockname()[:2] for one in both)
    unbound = [name for name, address in (("TCP", tcp), ("UDP", udp)) if not address[-1]]
    assert not unbound, f"the {unbound[0]} socket is not bound to a port: it, too, needs a bind()"
    assert tcp[0] == udp[0] == ANY[0], f"they have the addresses {tcp[0]}, {udp[0]}"
    assert tcp[1] == udp[1], (
        f"they have the ports {tcp[1]} and {udp[1]}: bind the second to the port of the first"
    )
    asked = [call.arguments[0][-1] for call in calls if call.name == "bind" and not call.error]
    return tcp[1], 0 in asked or not asked


FIELDS = ("protocol", "local address", "local port", "remote address", "remote port")


@exercise(
    "start", hint="getsockname() is this end, getpeername() the other; SO_PROTOCOL is an option."
)
def five_tuple(describe: Callable[[socket.socket], tuple[int, str, int, str, int]]) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(ANY))
        client = stack.enter_context(socket.create_connection(server.getsockname()))
        connection = stack.enter_context(server.accept()[0])
        caller = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        caller.bind(("127.0.0.2", 0))
        caller.connect(server.getsockname())
        for end, protocol in ((client, 6), (connection, 6), (caller, 17)):
            expected = (protocol, *end.getsockname(), *end.getpeername())
            got = describe(end)
            assert end.fileno() != -1, "you closed the socket that you were given"
            flat = isinstance(got, tuple) and len(got) == len(FIELDS)
            assert flat, f"you returned {got!r}, not one tuple of five"
            for name, right, found in zip(FIELDS, expected, got, strict=True):
                assert found == right, f"its {name} is {right!r}, you returned {found!r}"
