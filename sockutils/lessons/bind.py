"""02_bind.ipynb: its exercises' checks, its pictures, a read-only folder and one more address."""

import errno
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from sockutils.figures.picture import (
    CLIENT,
    KERNEL,
    OTHER,
    SERVER,
    SIZE,
    WIDTH,
    Picture,
    sheet,
    write,
)
from sockutils.link.tun import tentative
from sockutils.peers.waits import wait_until
from sockutils.practice.exercise import exercise
from sockutils.tables.diag import sockets

Address = tuple[str, int]
ANY = ("127.0.0.1", 0)

# <linux/sockios.h>, <linux/if_addr.h>
SIOCSIFADDR, SIOCDIFADDR = 0x8916, 0x8936
DISABLED = "/proc/sys/net/ipv6/conf/lo/disable_ipv6"

# A mount namespace of its own, a read-only tmpfs (1 is MS_RDONLY) on /tmp, which nobody else sees;
# CLONE_NEWUSER | CLONE_NEWNS. The descriptor keeps the file system when this process has ended.
MOUNT = """
import ctypes, os, socket, sys
libc = ctypes.CDLL(None)
if libc.unshare(0x10000000 | 0x00020000) or libc.mount(b"tmpfs", b"/tmp", b"tmpfs", 1, None):
    sys.exit("no read-only file system to be had")
folder = os.open("/tmp", os.O_DIRECTORY)
socket.send_fds(socket.socket(fileno=int(sys.argv[1])), [b"!"], [folder])
"""


@contextmanager
def read_only_folder() -> Iterator[str]:
    """The name of a folder on a read-only file system, made for this block. It needs namespaces."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        command = [sys.executable, "-I", "-S", "-c", MOUNT, str(theirs.fileno())]
        subprocess.run(command, pass_fds=[theirs.fileno()], check=True)
        _, (folder, *_), _, _ = socket.recv_fds(ours, 1, 1)
    try:
        yield f"/proc/self/fd/{folder}"
    finally:
        os.close(folder)


@contextmanager
def address_on_lo(host: str) -> Iterator[None]:
    """Give `lo` one more IPv6 address for this block, with IPv6 switched on.

    It needs a private network that may write DISABLED.
    """
    import fcntl
    import struct

    packed = socket.inet_pton(socket.AF_INET6, host)
    entry = packed + struct.pack("=Ii", 64, socket.if_nametoindex("lo"))
    with open(DISABLED) as file:
        usual = file.read()
    put(DISABLED, "0")
    try:
        with socket.socket(socket.AF_INET6) as control:
            fcntl.ioctl(control, SIOCSIFADDR, entry)
            try:
                wait_until(lambda: not tentative(packed))
                yield
            finally:
                fcntl.ioctl(control, SIOCDIFADDR, entry)
    finally:
        put(DISABLED, usual)


def put(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def leave_time_wait(listener: socket.socket) -> None:
    """Serve one client and end: the server's side closes first."""
    with socket.create_connection(listener.getsockname()) as client:
        listener.accept()[0].close()
        listener.close()
        try:
            client.recv(1)
        except ConnectionResetError:
            reset = "the server's close() reset the connection: a client may lose its last bytes"
            raise AssertionError(reset) from None


@exercise("bind", hint='struct.pack: "=" is this machine\'s byte order, "!" the network\'s.')
def sixteen_bytes(make: Callable[[str, int], Any]) -> None:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    for host in ("127.0.0.2", "127.1.2.3"):
        with socket.socket() as other, socket.socket() as server:
            port = free_port(other)
            made = as_bytes(make(host, port))
            assert len(made) == 16, f"it returned {len(made)} bytes, not 16"
            assert made[8:] == bytes(8), "the last eight bytes, sin_zero, have to be zero"
            failed = libc.bind(server.fileno(), made, 16)
            assert not failed, f"bind() says: {os.strerror(ctypes.get_errno())}"
            found = server.getsockname()
            assert found == (host, port), f"asked for {(host, port)}, the kernel read {found}"


def as_bytes(made: Any) -> bytes:
    try:
        return bytes(memoryview(made))
    except TypeError:
        raise AssertionError(f"it returned {made!r}, not bytes") from None


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
    "bind", hint='The rows "dead" of the grid: which option works there, but not with a listener?'
)
def same_port_again(open_server: Callable[[Address], socket.socket]) -> None:
    names = open_server.__code__.co_names if hasattr(open_server, "__code__") else ()
    assert "create_server" not in names, "write out what create_server() does"
    server = open_server(ANY)
    assert isinstance(server, socket.socket), f"it returned {server!r}, not a socket"
    with server:
        accepting = server.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        assert accepting, "the socket does not listen"
        address = server.getsockname()
        assert address[0] == ANY[0], f"asked to listen on 127.0.0.1, it listens on {address}"
        leave_time_wait(server)
    try:
        again = open_server(address)
    except OSError as error:
        raise AssertionError(f"the second start failed: {error}") from None
    with again:
        assert again.getsockname() == address, f"the second start got {again.getsockname()}"
        said = refusal(open_server, address)
        assert said, "two living servers have one port: the clients go to either"
        assert said == "EADDRINUSE", f"while the server lives, a second start raised {said}"


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
            assert said == "EADDRINUSE", (
                f"a server lives there, and is busy: {said or 'you took it'}"
            )


def taken(claim: Callable[[str], socket.socket], path: str, kind: int, why: str) -> None:
    said = refusal(claim, path)
    assert said, f"{why}, and you took it away"
    assert said == "EADDRINUSE", f"{why}, and you raised {said}"
    with socket.socket(socket.AF_UNIX, kind) as client:
        assert not client.connect_ex(path), f"{why}, and cannot be reached any more"


def kept_apart(claim: Callable[[str], socket.socket], folder: str) -> None:
    """A file that is no socket has to stay, and another error than EADDRINUSE, too."""
    data = os.path.join(folder, "data")
    put(data, "data")
    said = refusal(claim, data)
    with suppress(OSError), open(data) as file:
        assert file.read() == "data", "at this path was a file with data, and you wrote to it"
    assert os.path.isfile(data), "at this path was a file with data, and you deleted it"
    assert said == "EADDRINUSE", f"at the path of a file with data you raised {said or 'nothing'}"
    said = refusal(claim, os.path.join(folder, "missing", "door"))
    assert said == "ENOENT", f"in a folder that is missing you raised {said or 'nothing'}"


def refusal(function: Callable[..., socket.socket], *arguments: Any) -> str:
    """The errno's name of the OSError that the function raises, or nothing if it returns."""
    try:
        function(*arguments).close()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return ""


def claimed(claim: Callable[[str], socket.socket], path: str, where: str) -> socket.socket:
    try:
        server = claim(path)
    except OSError as error:
        raise AssertionError(f"{where} it failed: {error}") from None
    assert isinstance(server, socket.socket), f"{where} it returned {server!r}, not a socket"
    with ExitStack() as stack:
        stack.enter_context(server)
        assert server.getsockname() == path, f"{where} it is bound to {server.getsockname()!r}"
        assert server.type == socket.SOCK_STREAM, f"{where} it is no stream socket"
        accepting = server.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        assert accepting, f"{where} the socket does not listen"
        stack.pop_all()
    return server


def settled(port: int) -> list[str]:
    """The states of the sockets whose own port this is, once all packets to it have arrived."""
    moving = {"FIN-WAIT-1", "FIN-WAIT-2", "CLOSING", "LAST-ACK"}
    wait_until(lambda: not moving & {row.state for row in sockets(port=port)}, 2)
    return [row.state for row in sockets(port=port) if row.local[1] == port]


def draw_address(raw: bytes, fields: Sequence[tuple[str, Any]]) -> Picture:
    """Draw the bytes of a sockaddr_in, and below them what each of cffi's `fields` says."""
    step, left = 0.56, 0.5
    figure, axes = sheet(3.6)
    lines = []
    for level, (name, field) in enumerate(fields):
        part = raw[field.offset :][: size_of(field, raw, fields)]
        meaning = read(name, part)
        lines.append(f"{name:<10}  {part.hex(' '):<23}  {meaning}")
        colour = (SERVER, CLIENT, KERNEL, OTHER)[level % 4]
        for place, byte in enumerate(part, field.offset):
            box(axes, (left + place * step, 0.5), (step, 0.55), colour)
            middle = left + (place + 0.5) * step
            write(axes, middle, 0.28, str(place), OTHER)
            write(axes, middle, 0.78, f"{byte:02x}", "white", weight="bold")
        x, y = left + field.offset * step + 0.06, 1.5 + 0.5 * (len(fields) - 1 - level)
        axes.plot([x, x], [1.05, y + 0.15], color=colour, linewidth=2.5)
        write(axes, x + 0.12, y, f"{name}: {meaning}", colour, ha="left", weight="bold")
    return Picture(figure, "\n".join(lines))


def size_of(field: Any, raw: bytes, fields: Sequence[tuple[str, Any]]) -> int:
    later = [other.offset for _, other in fields if other.offset > field.offset]
    return int(min(later, default=len(raw)) - field.offset)


def read(name: str, part: bytes) -> str:
    if name == "sin_family":
        number = int.from_bytes(part, sys.byteorder)
        return f"{socket.AddressFamily(number).name} ({number})"
    if name == "sin_port":
        return str(int.from_bytes(part, "big"))
    return socket.inet_ntoa(part) if name == "sin_addr" else "unused"


def draw_conflict(first: Sequence[str], second: Sequence[str], verdict: str) -> Picture:
    """Draw two sockets with what is known of each, and what the second one's bind() said."""
    figure, axes = sheet(3.4)
    works = verdict == "works"
    for x, role, facts, colour in (
        (0.2, "first", first, SERVER),
        (5.2, "second", second, CLIENT),
    ):
        box(axes, (x, 0.2), (4.6, 2.0), colour)
        write(axes, x + 2.3, 0.5, f"{role} socket", "white", weight="bold")
        for line, fact in enumerate(facts):
            write(axes, x + 2.3, 0.98 + 0.42 * line, fact, "white")
    said = "second bind() to the same port "
    said = f"✓ {said}works" if works else f"✗ {said}→ {verdict}"
    write(axes, WIDTH / 2, 2.8, said, KERNEL if works else SERVER, weight="bold", fontsize=SIZE + 6)
    text = [f"first: {', '.join(first)}", f"second: {', '.join(second)}", said]
    return Picture(figure, "\n".join(text))


def box(axes: Any, corner: tuple[float, float], size: tuple[float, float], colour: str) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle(corner, *size, facecolor=colour, edgecolor="white", linewidth=2))
