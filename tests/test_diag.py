import contextlib
import errno
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kernels import PATIENCE

from sockutils.calls.trace import trace
from sockutils.tables import diag as tables
from sockutils.tables import netlink, rows
from sockutils.tables.diag import sockets
from sockutils.tables.rows import Row

if not hasattr(socket, "AF_NETLINK"):
    pytest.skip("no AF_NETLINK on this system: sock_diag is Linux's", allow_module_level=True)

STREAM, DGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM
Opener = Callable[..., socket.socket]
Connect = Callable[[], tuple[socket.socket, socket.socket]]
Lines = list[tuple[object, ...]]
needs_ss = pytest.mark.skipif(not shutil.which("ss"), reason="no ss here (package iproute2)")


@pytest.fixture
def opened() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def make(opened: contextlib.ExitStack) -> Opener:
    return lambda *kind: opened.enter_context(socket.socket(*kind))


def bound(sock: socket.socket) -> socket.socket:
    sock.bind(("127.0.0.1" if sock.family == socket.AF_INET else "::1", 0))
    return sock


@pytest.fixture
def listener(make: Opener, family: socket.AddressFamily) -> socket.socket:
    # a client of another test may still be in TIME-WAIT to the port that this one is given
    while True:
        sock = bound(make(family))
        sock.listen(5)
        if states(sock) == ["LISTEN"]:
            return sock


@pytest.fixture
def connect(make: Opener, opened: contextlib.ExitStack, listener: socket.socket) -> Connect:
    def pair() -> tuple[socket.socket, socket.socket]:
        client = make(listener.family)
        client.connect(listener.getsockname())
        return client, opened.enter_context(listener.accept()[0])

    return pair


@pytest.fixture(params=["path", "abstract"])
def name(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    path = str(tmp_path / "s")
    return path if request.param == "path" else f"\0{path}"


def shown(name: str) -> str:
    return name.replace("\0", "@")


def end(sock: socket.socket) -> tuple[str, int]:
    host, port, *_ = sock.getsockname()
    return host, port


def inode_of(sock: socket.socket) -> int:
    return os.fstat(sock.fileno()).st_ino


def row_of(sock: socket.socket) -> Row:
    table = sockets() if sock.family == socket.AF_UNIX else sockets(end(sock)[1])
    (row,) = (row for row in table if row.inode == inode_of(sock))
    return row


def states(listener: socket.socket) -> list[str]:
    # a stranger may have the same port at another address
    table = sockets(end(listener)[1])
    return [row.state for row in table if end(listener) in (row.local, row.remote)]


def until(condition: Callable[[], bool]) -> None:
    # loopback delivers at once, unless the machine is busy; an ACK may wait 40 ms by design
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never came true"


def in_ss_form(row: Row) -> tuple[object, ...]:
    protocol, state, local, remote, _ = tables._cells(row, None, range(0))
    queues = (row.receive_queue, row.send_queue)
    if row.state == "LISTEN":
        queues = (row.accept_queue or 0, row.backlog or 0)
    return protocol, state, *queues, local, remote


def ss(*arguments: str) -> list[list[str]]:
    done = subprocess.run(["ss", "-Han", *arguments], capture_output=True, text=True, check=True)
    return [line.split() for line in done.stdout.splitlines()]


def ss_inet(port: int) -> Lines:
    lines = ss("-tu", f"sport = :{port} or dport = :{port}")
    return sorted((a, b, int(c), int(d), *rest) for a, b, c, d, *rest in lines)


def ss_unix(path: str) -> Lines:
    names = {"u_str": "unix stream", "u_dgr": "unix dgram", "u_seq": "unix seqpacket"}
    rows = [(names[a], b, int(c), int(d), local) for a, b, c, d, local, *_ in ss("-x")]
    return sorted(row for row in rows if row[-1] == path)


def agree(ours: Callable[[], Lines], theirs: Callable[[], Lines]) -> None:
    # what changes while ss looks (a late ACK) proves nothing: then look again
    for _ in range(100):
        before, seen, after = ours(), theirs(), ours()
        if before == after:
            assert seen == before
            return
    pytest.fail("the table never stood still")


def agree_on(port: int) -> None:
    agree(lambda: sorted(map(in_ss_form, sockets(port))), lambda: ss_inet(port))


def test_a_listener_shows_its_accept_queue_and_backlog(
    listener: socket.socket, make: Opener
) -> None:
    for _ in range(6):
        make(listener.family).connect(listener.getsockname())
    until(lambda: row_of(listener).accept_queue == 6)

    nowhere = ("0.0.0.0" if listener.family == socket.AF_INET else "::", 0)
    ends, inode = (end(listener), nowhere), inode_of(listener)
    assert row_of(listener) == Row("tcp", "LISTEN", *ends, 0, 0, 6, 5, inode)


def test_unread_bytes_are_counted_exactly(connect: Connect) -> None:
    client, server = connect()
    client.send(b"x" * 1000)
    until(lambda: row_of(client).send_queue == 0)
    assert row_of(server).receive_queue == 1000
    server.recv(300)
    assert row_of(server)[4:8] == (700, 0, None, None)


def test_states_of_a_connection(listener: socket.socket, connect: Connect) -> None:
    client, server = connect()
    until(lambda: states(listener) == ["LISTEN", "ESTAB", "ESTAB"])
    client.close()
    until(lambda: states(listener) == ["LISTEN", "FIN-WAIT-2", "CLOSE-WAIT"])
    assert row_of(server).receive_queue == 1  # the FIN, which nobody can read
    server.close()
    until(lambda: states(listener) == ["LISTEN", "TIME-WAIT"])
    assert {row.inode for row in sockets(end(listener)[1]) if row.state == "TIME-WAIT"} == {0}


def test_half_open_requests_are_shown(listener: socket.socket, make: Opener) -> None:
    # the client believes it is connected, the server waits for data before it does
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 30)
    make(listener.family).connect(listener.getsockname())
    until(lambda: states(listener) == ["LISTEN", "SYN-RECV", "ESTAB"])


@needs_ss
def test_tcp_agrees_with_ss(listener: socket.socket, make: Opener, connect: Connect) -> None:
    closing, reading, gone = connect(), connect(), connect()
    reading[0].send(b"hello")
    for sock in (closing[0], *gone):
        sock.close()
    for _ in range(6):
        make(listener.family).connect(listener.getsockname())
    late = make(listener.family)
    late.setblocking(False)
    late.connect_ex(listener.getsockname())
    expected = {"LISTEN", "SYN-SENT", "ESTAB", "FIN-WAIT-2", "CLOSE-WAIT", "TIME-WAIT"}
    until(lambda: set(states(listener)) == expected)
    agree_on(end(listener)[1])


@needs_ss
def test_udp_agrees_with_ss(make: Opener, family: socket.AddressFamily) -> None:
    server, client = bound(make(family, DGRAM)), make(family, DGRAM)
    client.connect(server.getsockname())
    client.send(b"hello")
    until(lambda: row_of(server).receive_queue > 0)
    agree_on(end(server)[1])


@needs_ss
@pytest.mark.parametrize("kind", [STREAM, socket.SOCK_SEQPACKET, DGRAM])
def test_unix_agrees_with_ss(make: Opener, name: str, kind: int) -> None:
    server, clients = make(socket.AF_UNIX, kind), [make(socket.AF_UNIX, kind) for _ in range(3)]
    server.bind(name)
    if kind != DGRAM:
        server.listen(2)
    for client in clients:
        client.connect(name)
        client.send(b"hello")
    agree(
        lambda: sorted(in_ss_form(row)[:5] for row in sockets(path=shown(name))),
        lambda: ss_unix(shown(name)),
    )


def test_port_finds_exactly_the_sockets_that_have_it(make: Opener) -> None:
    ours = {}
    for kind in [STREAM, DGRAM] * 20:
        server, client = bound(make(socket.AF_INET, kind)), make(socket.AF_INET, kind)
        if kind == STREAM:
            server.listen()
        client.connect(server.getsockname())
        ours[inode_of(server)] = {end(server)[1]}
        ours[inode_of(client)] = {end(server)[1], end(client)[1]}

    assert {row.inode for row in sockets()} >= set(ours)
    for port in set().union(*ours.values()):
        found = {row.inode for row in sockets(port)}
        assert found & set(ours) == {inode for inode, ports in ours.items() if port in ports}


def test_the_kernel_itself_filters_by_port(make: Opener) -> None:
    servers = [bound(make(socket.AF_INET, STREAM)) for _ in range(20)]
    for server in servers:
        server.listen()
    with contextlib.closing(netlink.open_netlink()) as kernel:
        found = [row.inode for row in rows.tcp_rows(kernel, end(servers[0])[1])]
    assert [inode_of(server) in found for server in servers] == [True] + [False] * 19


def test_first_and_last_port(private: Callable[[str], str]) -> None:
    code = """
import socket
from sockutils.tables.diag import sockets
open("/proc/sys/net/ipv4/ip_unprivileged_port_start", "w").write("0")
made = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(4)]
for sock, port in zip(made, (1, 2, 65534, 65535)):
    sock.bind(("127.0.0.1", port))
print([[row.local[1] for row in sockets(port)] for port in (1, 2, 3, 256, 65534, 65535)])
for sock in made:
    sock.close()
"""
    assert private(code) == "[[1], [2], [], [], [65534], [65535]]\n"


def test_a_large_table_comes_whole(make: Opener) -> None:
    made = [bound(make(socket.AF_INET, DGRAM)) for _ in range(700)]  # some 80 KiB of rows
    inodes = [inode_of(sock) for sock in made]
    assert sorted(row.inode for row in sockets() if row.inode in inodes) == sorted(inodes)


@pytest.mark.parametrize("kind", [STREAM, socket.SOCK_SEQPACKET])
def test_a_full_unix_listener(make: Opener, name: str, kind: int) -> None:
    listener, clients = make(socket.AF_UNIX, kind), [make(socket.AF_UNIX, kind) for _ in range(4)]
    listener.bind(name)
    listener.listen(2)
    for client in clients:
        client.setblocking(False)
    assert [client.connect_ex(name) for client in clients] == [0, 0, 0, errno.EAGAIN]
    (row,) = sockets(path=shown(name))
    assert row[1:9] == ("LISTEN", shown(name), "", 0, 0, 3, 2, inode_of(listener))


def test_both_ends_of_a_unix_connection(
    make: Opener, opened: contextlib.ExitStack, name: str
) -> None:
    listener, client = make(socket.AF_UNIX), make(socket.AF_UNIX)
    listener.bind(name)
    listener.listen()
    client.connect(name)
    server = opened.enter_context(listener.accept()[0])
    client.send(b"hello")
    assert row_of(client)[:4] == ("unix stream", "ESTAB", "", shown(name))
    assert row_of(server)[:5] == ("unix stream", "ESTAB", shown(name), "", 5)
    inodes = [row.inode for row in sockets(path=shown(name))]
    assert inodes == [inode_of(sock) for sock in (listener, server)]


def test_the_whole_text(private: Callable[[str], str]) -> None:
    code = """
import contextlib, socket
from sockutils.tables.diag import sockets
with contextlib.ExitStack() as opened:
    def make(*kind):
        return opened.enter_context(socket.socket(*kind))
    listener, udp, unix = make(), make(socket.AF_INET6, socket.SOCK_DGRAM), make(socket.AF_UNIX)
    print(sockets(path="@six"), sockets(5000), sep="\\n")
    listener.bind(("127.0.0.1", 5000))
    listener.listen(5)
    udp.bind(("::1", 5000))
    unix.bind("\\0five")
    unix.listen(3)
    make(socket.AF_UNIX).connect("\\0five")
    for number in (3, 2, 1):
        client = make()
        client.connect(("127.0.0.1", 5000))
        opened.enter_context(listener.accept()[0])
        client.send(b"x" * number)
        while any(row.send_queue for row in sockets(5000)):
            pass
    make().connect(("127.0.0.1", 5000))
    print(sockets(5000), sockets(path="@five"), sep="\\n")
"""
    assert (
        private(code)
        == """\
no sockets bound to @six
no sockets on port 5000
protocol  state   local                remote               queues
tcp       LISTEN  127.0.0.1:5000       0.0.0.0:*            accept queue 1, backlog 5
tcp       ESTAB   127.0.0.1:5000       127.0.0.1:ephemeral  receive 0, send 0
tcp       ESTAB   127.0.0.1:5000       127.0.0.1:ephemeral  receive 1, send 0
tcp       ESTAB   127.0.0.1:5000       127.0.0.1:ephemeral  receive 2, send 0
tcp       ESTAB   127.0.0.1:5000       127.0.0.1:ephemeral  receive 3, send 0
tcp       ESTAB   127.0.0.1:ephemeral  127.0.0.1:5000       receive 0, send 0
tcp       ESTAB   127.0.0.1:ephemeral  127.0.0.1:5000       receive 0, send 0
tcp       ESTAB   127.0.0.1:ephemeral  127.0.0.1:5000       receive 0, send 0
tcp       ESTAB   127.0.0.1:ephemeral  127.0.0.1:5000       receive 0, send 0
udp       UNCONN  [::1]:5000           [::]:*               receive 0, send 0
protocol     state   local  remote  queues
unix stream  LISTEN  @five  *       accept queue 1, backlog 3
"""
    )


def test_an_ephemeral_port_is_shown_only_if_asked_for(private: Callable[[str], str]) -> None:
    code = """
import contextlib, socket
from sockutils.tables.diag import sockets
print(sockets())
open("/proc/sys/net/ipv4/ip_local_port_range", "w").write("40000 40003")
with contextlib.ExitStack() as opened:
    for port in (40004, 40003, 40000, 39999):
        sock = opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sock.bind(("127.0.0.1", port))
    for table in (sockets(), sockets(40000)):
        print(*[line.split()[2] for line in repr(table).splitlines()])
"""
    assert (
        private(code)
        == """\
no sockets
local 127.0.0.1:39999 127.0.0.1:40004 127.0.0.1:ephemeral 127.0.0.1:ephemeral
local 127.0.0.1:40000
"""
    )


def test_a_port_and_a_path_together_are_refused() -> None:
    with pytest.raises(ValueError, match="port or for a path"):
        sockets(5000, "/tmp/s")


@pytest.mark.parametrize("port", [0, 65536])
def test_what_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(ValueError, match=f"not {port}"):
        sockets(port)


@pytest.mark.parametrize(
    ("protocol", "condition", "number", "line"),
    [
        (99, b"", errno.ENOENT, "this kernel cannot list tcp sockets: it has no module tcp_diag"),
        (
            socket.IPPROTO_TCP,
            b"\x08\0\x01\0\xff\4\4\0",
            errno.EINVAL,
            "Invalid argument: the kernel's table of tcp sockets",
        ),
    ],
    ids=["no-such-table", "bad-filter"],
)
def test_an_error_of_the_kernels_is_raised_in_one_line(
    protocol: int, condition: bytes, number: int, line: str
) -> None:
    request = rows.INET_REQUEST.pack(socket.AF_INET, protocol, rows.WANTED) + condition
    with (
        contextlib.closing(netlink.open_netlink()) as kernel,
        pytest.raises(OSError, match=line) as raised,
    ):
        netlink.ask(kernel, request, "tcp")
    assert raised.value.errno == number
    assert raised.value.__dict__["_render_traceback_"]() == [line]


def message(kind: int, flags: int, body: bytes) -> bytes:
    return netlink.HEADER.pack(netlink.HEADER.size + len(body), kind, flags) + body


def test_an_interrupted_answer_is_asked_for_again() -> None:
    done = message(netlink.NLMSG_DONE, 0, bytes(4))
    kernel, us = socket.socketpair(socket.AF_UNIX, DGRAM)
    with kernel, us:
        kernel.send(message(20, 0, b"half") + message(20, netlink.NLM_F_DUMP_INTR, b"torn"))
        kernel.send(done)
        kernel.send(message(20, 0, b"one.") + message(20, 0, b"two."))
        kernel.send(done)
        assert netlink.ask(us, b"", "tcp") == [b"one.", b"two."]
        assert kernel.recv(100) == kernel.recv(100)


def test_a_trace_does_not_note_it() -> None:
    with trace() as calls:
        sockets(5000)
    assert not calls


def test_a_system_without_netlink() -> None:
    code = (
        "import socket; del socket.AF_NETLINK; from sockutils.tables.diag import sockets; sockets()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f"\nOSError: [Errno {errno.EAFNOSUPPORT}] " in done.stderr
