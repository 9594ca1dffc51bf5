"""What the exercises with bind() ask of the learner's functions, in the lesson and in depth."""

import errno
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

from sockutils.practice.exercise import exercise

Address = tuple[str, int]
ANY = ("127.0.0.1", 0)
FAMILY = socket.AF_INET.to_bytes(2, sys.byteorder)


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
    "bind",
    hint={
        "TIME_WAIT": 'The rows "gone" of the grid: which option works there, and on which sockets?',
        "SO_REUSEPORT": 'The row "listens" of the grid: which option does not share there?',
        "raise the OSError": "an `except` that is left with `raise` hands the error on",
        "closed already": "`with` closes what is returned from its block",
    },
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
            "the first start left a connection in TIME_WAIT, which an option allows that is set "
            f"before bind(); the second start failed ({error})"
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
        assert not again.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT), (
            "it has SO_REUSEPORT: two that start at the same moment share the port"
        )


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
