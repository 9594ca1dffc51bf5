"""What the exercises with bind() ask of the learner's functions, in the lesson and in depth."""

import errno
import os
import socket
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

from sockutils.practice.exercise import exercise

Address = tuple[str, int]
ANY = ("127.0.0.1", 0)
FAMILY = socket.AF_INET.to_bytes(2, sys.byteorder)
TOOK = "returned a socket"


@exercise("bind", hint='struct.pack: "=" is this machine\'s byte order, "!" the network\'s.')
def sixteen_bytes(make: Callable[[str, int], Any]) -> None:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    for host in ("127.0.0.2", "127.1.2.3"):
        with socket.socket() as other, socket.socket() as server:
            port = free_port(other)
            made = as_bytes(make(host, port))
            assert len(made) == 16, f"it returned {len(made)} bytes, not 16"
            same(made[:2], FAMILY, f"the family, AF_INET in this machine's order ({sys.byteorder})")
            same(made[2:4], port.to_bytes(2, "big"), f"the port {port} in network order")
            same(made[4:8], socket.inet_aton(host), f"the address {host} in network order")
            same(made[8:], bytes(8), "sin_zero, all zeros")
            failed = libc.bind(server.fileno(), made, 16)
            assert not failed, f"bind() says: {os.strerror(ctypes.get_errno())}"
            found = server.getsockname()
            assert found == (host, port), f"asked for {(host, port)}, the kernel read {found}"


def as_bytes(made: Any) -> bytes:
    try:
        return bytes(memoryview(made))
    except TypeError:
        raise AssertionError(f"it returned {made!r:.80}, not bytes") from None


def same(found: bytes, right: bytes, what: str) -> None:
    turned = ": they are in the other order" if found == right[::-1] else ""
    assert found == right, f"{what}, is {right.hex(' ')}, you have {found.hex(' ')}{turned}"


def free_port(other: socket.socket) -> int:
    """Bind `other`; its port is free elsewhere, and another one when its bytes change places."""
    while True:
        with socket.socket() as trial:
            trial.bind(ANY)
            port: int = trial.getsockname()[1]
        if port >> 8 != port & 0xFF:
            other.bind(("127.0.0.9", port))
            return port


@exercise(
    "bind", hint='The rows "gone" of the grid: which option works there, but not with a listener?'
)
def same_port_again(open_server: Callable[[Address], socket.socket]) -> None:
    names = open_server.__code__.co_names if hasattr(open_server, "__code__") else ()
    assert "create_server" not in names, "write out what create_server() does"
    with listening(open_server(ANY)) as server:
        address = server.getsockname()
        assert address[0] == ANY[0], f"asked to listen on 127.0.0.1, it listens on {address}"
        leave_time_wait(server)
    try:
        again = open_server(address)
    except OSError as error:
        raise AssertionError(
            f"the second start failed ({error}): the first has left a connection in TIME_WAIT, "
            "which an option allows, set before bind()"
        ) from error
    with listening(again, "the second time "):
        assert again.getsockname() == address, (
            f"the second start was to listen on {address}, it listens on {again.getsockname()}"
        )
        said = refusal(open_server, address)
        assert said, (
            "two living servers have one port, the clients go to either: SO_REUSEPORT allows that"
        )
        assert said == "raised EADDRINUSE", f"while the server lives, a second start {said}"


def listening(server: Any, when: str = "") -> socket.socket:
    """Return it, if it is an open socket that listens; close it, if not."""
    assert isinstance(server, socket.socket), f"{when}it returned {server!r}, not a socket"
    assert server.fileno() != -1, f"{when}it returned a socket that is closed already"
    stream = server.type == socket.SOCK_STREAM
    if stream and server.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return server
    server.close()
    what = "socket that does not listen" if stream else f"{server.type.name} socket, no stream"
    raise AssertionError(f"{when}it returned a {what}")


def leave_time_wait(listener: socket.socket) -> None:
    """Serve one client and end: the server's side closes first."""
    with socket.create_connection(listener.getsockname()) as client:
        listener.setblocking(True)
        listener.accept()[0].close()
        listener.close()
        try:
            client.recv(1)
        except ConnectionResetError:
            reset = "the server's close() reset the connection: a client may lose its last bytes"
            raise AssertionError(reset) from None


@exercise(
    "bind", hint="Dead: connect(), non-blocking, says ECONNREFUSED, and the file is a socket."
)
def path_again(claim: Callable[[str], socket.socket]) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        path = os.path.join(folder, "door")
        claimed(claim, path, "at a new path").close()
        with claimed(claim, path, "at the path of a dead server"):
            taken(claim, path, socket.SOCK_STREAM, "a server lives at this path")
        kept_apart(claim, folder)
        datagrams = os.path.join(folder, "datagrams")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
            server.bind(datagrams)
            taken(claim, datagrams, socket.SOCK_DGRAM, "a server lives at this path, for datagrams")
        busy = os.path.join(folder, "busy")
        with socket.socket(socket.AF_UNIX) as server, ExitStack() as clients:
            server.bind(busy)
            server.listen(0)
            for _ in range(2):
                client = clients.enter_context(socket.socket(socket.AF_UNIX))
                client.setblocking(False)
                client.connect_ex(busy)
            said = refusal(claim, busy)
            assert said, "a server lives at this path, too busy to answer, and you took it away"
            assert said == "raised EADDRINUSE", (
                f"a server lives at this path, too busy to answer, and your function {said}"
            )


def taken(claim: Callable[[str], socket.socket], path: str, kind: int, why: str) -> None:
    said = refusal(claim, path)
    assert said, f"{why}, and you took it away"
    assert said == "raised EADDRINUSE", f"{why}, and your function {said}"
    with socket.socket(socket.AF_UNIX, kind) as client:
        assert not client.connect_ex(path), f"{why}, and cannot be reached any more"


def kept_apart(claim: Callable[[str], socket.socket], folder: str) -> None:
    """A file that is no socket has to stay, and another error than EADDRINUSE, too."""
    data = os.path.join(folder, "data")
    with open(data, "w") as file:
        file.write("data")
    said = refusal(claim, data)
    with suppress(OSError), open(data) as file:
        assert file.read() == "data", "at this path was a file with data, and you wrote to it"
    assert os.path.isfile(data), "at this path was a file with data, and you deleted it"
    assert said == "raised EADDRINUSE", f"at the path of a file with data it {said or TOOK}"
    said = refusal(claim, os.path.join(folder, "missing", "door"))
    assert said == "raised ENOENT", f"in a folder that is missing it {said or TOOK}"


def refusal(function: Callable[..., socket.socket], *arguments: Any) -> str:
    """What it did in place of returning a socket: "raised EADDRINUSE"."""
    try:
        server = function(*arguments)
    except OSError as error:
        return f"raised {errno.errorcode.get(error.errno or 0, repr(error))}"
    if not isinstance(server, socket.socket):
        return f"returned {server!r}: raise the OSError of bind()"
    server.close()
    return ""


def claimed(claim: Callable[[str], socket.socket], path: str, where: str) -> socket.socket:
    try:
        server = claim(path)
    except OSError as error:
        raise AssertionError(f"{where} it failed: {error}") from error
    server = listening(server, f"{where} ")
    with ExitStack() as stack:
        stack.enter_context(server)
        assert server.getsockname() == path, f"{where} it is bound to {server.getsockname()!r}"
        stack.pop_all()
    return server
