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

from sockutils import tables
from sockutils.tables import Row, Table, sockets
from sockutils.trace import trace

if not hasattr(socket, "AF_NETLINK"):
    pytest.skip("no AF_NETLINK on this system: sock_diag is Linux's", allow_module_level=True)

STREAM, DGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM
Opener = Callable[..., socket.socket]
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
def connect(
    make: Opener, opened: contextlib.ExitStack, listener: socket.socket
) -> Callable[[], tuple[socket.socket, socket.socket]]:
    def pair() -> tuple[socket.socket, socket.socket]:
        client = make(listener.family)
        client.connect(listener.getsockname())
        return client, opened.enter_context(listener.accept()[0])

    return pair


def port_of(sock: socket.socket) -> int:
    port: int = sock.getsockname()[1]
    return port


def end(sock: socket.socket) -> tuple[str, int]:
    host, port, *_ = sock.getsockname()
    return host, port


def inode_of(sock: socket.socket) -> int:
    return os.fstat(sock.fileno()).st_ino


def row_of(sock: socket.socket) -> Row:
    table = sockets() if sock.family == socket.AF_UNIX else sockets(port_of(sock))
    (row,) = (row for row in table if row.inode == inode_of(sock))
    return row


def states(listener: socket.socket) -> list[str]:
    # a stranger may have the same port at another address
    table = sockets(port_of(listener))
    return [row.state for row in table if end(listener) in (row.local, row.remote)]


def until(condition: Callable[[], bool]) -> None:
    # loopback delivers at once, unless the machine is busy; an ACK may wait 40 ms by design
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it never came true"


def in_ss_form(row: Row) -> tuple[object, ...]:
    queues = (row.receive_queue, row.send_queue)
    if row.state == "LISTEN":
        queues = (row.accept_queue or 0, row.backlog or 0)
    return row.protocol, row.state, *queues, tables._written(row.local), tables._written(row.remote)


def ss(*arguments: str) -> list[list[str]]:
    done = subprocess.run(["ss", "-Han", *arguments], capture_output=True, text=True, check=True)
    return [line.split() for line in done.stdout.splitlines()]


def ss_inet(port: int) -> list[tuple[object, ...]]:
    lines = ss("-tu", f"sport = :{port} or dport = :{port}")
    return sorted((a, b, int(c), int(d), *rest) for a, b, c, d, *rest in lines)


def ss_unix(path: str) -> list[tuple[object, ...]]:
    names = {"u_str": "unix stream", "u_dgr": "unix dgram", "u_seq": "unix seqpacket"}
    rows = [(names[a], b, int(c), int(d), local) for a, b, c, d, local, *_ in ss("-x")]
    return sorted(row for row in rows if row[-1] == path)


def agree(
    ours: Callable[[], list[tuple[object, ...]]], theirs: Callable[[], list[tuple[object, ...]]]
) -> None:
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
    assert row_of(listener) == Row(
        "tcp",
        "LISTEN",
        end(listener),
        nowhere,
        0,
        0,
        accept_queue=6,
        backlog=5,
        inode=inode_of(listener),
    )


def test_accept_takes_from_the_queue(
    listener: socket.socket, connect: Callable[[], object]
) -> None:
    connect()
    listener.listen(7)
    assert (row_of(listener).accept_queue, row_of(listener).backlog) == (0, 7)


def test_unread_bytes_are_counted_exactly(connect: Callable[[], list[socket.socket]]) -> None:
    client, server = connect()
    client.send(b"x" * 1000)
    until(lambda: row_of(client).send_queue == 0)
    assert row_of(server).receive_queue == 1000
    server.recv(300)
    assert row_of(server).receive_queue == 700
    assert (row_of(server).accept_queue, row_of(server).backlog) == (None, None)


def test_bytes_on_their_way_are_counted_exactly(
    connect: Callable[[], list[socket.socket]],
) -> None:
    client, server = connect()
    client.setblocking(False)
    sent = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            sent += client.send(b"x" * 65536)
    until(lambda: row_of(server).receive_queue + row_of(client).send_queue == sent)
    assert row_of(client).send_queue > 0


def test_states_of_a_connection(
    listener: socket.socket, connect: Callable[[], list[socket.socket]]
) -> None:
    client, server = connect()
    until(lambda: states(listener) == ["LISTEN", "ESTAB", "ESTAB"])
    client.close()
    until(lambda: states(listener) == ["LISTEN", "FIN-WAIT-2", "CLOSE-WAIT"])
    assert row_of(server).receive_queue == 1  # the FIN, which nobody can read
    server.close()
    until(lambda: states(listener) == ["LISTEN", "TIME-WAIT"])
    assert {row.inode for row in sockets(port_of(listener)) if row.state == "TIME-WAIT"} == {0}


def test_states_of_a_handshake(listener: socket.socket, make: Opener) -> None:
    listener.listen(1)
    for _ in range(2):
        make(listener.family).connect(listener.getsockname())
    late = make(listener.family)
    late.setblocking(False)
    assert late.connect_ex(listener.getsockname()) == errno.EINPROGRESS
    until(lambda: states(listener) == ["LISTEN", "SYN-SENT", *["ESTAB"] * 4])


def test_half_open_requests_are_shown(listener: socket.socket, make: Opener) -> None:
    # the client believes it is connected, the server waits for data before it does
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 30)
    make(listener.family).connect(listener.getsockname())
    until(lambda: states(listener) == ["LISTEN", "SYN-RECV", "ESTAB"])


def test_udp_bound_and_connected(make: Opener, family: socket.AddressFamily) -> None:
    server, client = bound(make(family, DGRAM)), make(family, DGRAM)
    client.connect(server.getsockname())
    nowhere = ("0.0.0.0" if family == socket.AF_INET else "::", 0)
    assert row_of(server)[:4] == ("udp", "UNCONN", end(server), nowhere)
    assert row_of(client)[:4] == ("udp", "ESTAB", end(client), end(server))
    assert {inode_of(client), inode_of(server)} <= {row.inode for row in sockets(end(server)[1])}


@needs_ss
def test_tcp_agrees_with_ss(
    listener: socket.socket, make: Opener, connect: Callable[[], list[socket.socket]]
) -> None:
    closing, reading = connect(), connect()
    reading[0].send(b"hello")
    closing[0].close()
    gone = connect()
    gone[0].close()
    gone[1].close()
    for _ in range(6):
        make(listener.family).connect(listener.getsockname())
    late = make(listener.family)
    late.setblocking(False)
    late.connect_ex(listener.getsockname())
    expected = {"LISTEN", "SYN-SENT", "ESTAB", "FIN-WAIT-2", "CLOSE-WAIT", "TIME-WAIT"}
    until(lambda: set(states(listener)) == expected)
    agree_on(port_of(listener))


@needs_ss
def test_half_open_agrees_with_ss(listener: socket.socket, make: Opener) -> None:
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 30)
    make(listener.family).connect(listener.getsockname())
    until(lambda: "SYN-RECV" in states(listener))
    agree_on(port_of(listener))


@needs_ss
def test_udp_agrees_with_ss(make: Opener, family: socket.AddressFamily) -> None:
    server, client = bound(make(family, DGRAM)), make(family, DGRAM)
    client.connect(server.getsockname())
    client.send(b"hello")
    until(lambda: row_of(server).receive_queue > 0)
    agree_on(port_of(server))


def test_port_finds_exactly_the_sockets_that_have_it(make: Opener) -> None:
    servers = [bound(make(socket.AF_INET, kind)) for kind in [STREAM, DGRAM] * 20]
    ours = {}
    for server in servers:
        if server.type == STREAM:
            server.listen()
        client = make(socket.AF_INET, server.type)
        client.connect(server.getsockname())
        ours[inode_of(server)] = {port_of(server)}
        ours[inode_of(client)] = {port_of(server), port_of(client)}

    assert {row.inode for row in sockets()} >= set(ours)
    for port in set().union(*ours.values()):
        found = {row.inode for row in sockets(port)}
        assert found & set(ours) == {inode for inode, ports in ours.items() if port in ports}
        for near in {port - 1, port + 1, port ^ 0x100, (port & 0xFF) << 8 | port >> 8} - {0, 65536}:
            assert all(near in (row.local[1], row.remote[1]) for row in sockets(near))


def test_the_kernel_itself_filters_by_port(make: Opener) -> None:
    servers = [bound(make(socket.AF_INET, DGRAM)) for _ in range(20)]
    condition = tables._bytecode(port_of(servers[0]))
    request = tables.INET_REQUEST.pack(socket.AF_INET, socket.IPPROTO_UDP, tables.WANTED)
    with contextlib.closing(tables._netlink()) as kernel:
        assert len(tables._ask(kernel, request + condition, "udp")) == 1
        assert len(tables._ask(kernel, request, "udp")) >= 20


def test_first_and_last_port(private: Callable[[str], str]) -> None:
    code = """
import socket
from sockutils.tables import sockets
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
    rows = [row.inode for row in sockets() if row.protocol == "udp"]
    assert sorted(inode for inode in rows if inode in inodes) == sorted(inodes)


@pytest.fixture(params=["path", "abstract"])
def name(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    path = str(tmp_path / "s")
    return path if request.param == "path" else f"\0{path}"


def shown(name: str) -> str:
    return name.replace("\0", "@")


@pytest.mark.parametrize(
    ("kind", "protocol"),
    [(STREAM, "unix stream"), (socket.SOCK_SEQPACKET, "unix seqpacket")],
    ids=["stream", "seqpacket"],
)
def test_a_full_unix_listener(make: Opener, name: str, kind: int, protocol: str) -> None:
    listener = make(socket.AF_UNIX, kind)
    listener.bind(name)
    listener.listen(2)
    clients = [make(socket.AF_UNIX, kind) for _ in range(4)]
    for client in clients:
        client.setblocking(False)
    answers = [client.connect_ex(name) for client in clients]
    assert answers == [0, 0, 0, errno.EAGAIN]

    assert sockets(path=shown(name)) == (
        Row(
            protocol,
            "LISTEN",
            shown(name),
            "",
            0,
            0,
            accept_queue=3,
            backlog=2,
            inode=inode_of(listener),
        ),
    )


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
    assert row_of(server)[:4] == ("unix stream", "ESTAB", shown(name), "")
    assert row_of(server).receive_queue == 5
    inodes = [row.inode for row in sockets(path=shown(name))]
    assert inodes == [inode_of(sock) for sock in (listener, server)]


def test_unix_datagrams(make: Opener, name: str) -> None:
    server, client = make(socket.AF_UNIX, DGRAM), make(socket.AF_UNIX, DGRAM)
    server.bind(name)
    assert row_of(server)[:4] == ("unix dgram", "UNCONN", shown(name), "")
    client.connect(name)
    client.send(b"hello")
    client.send(b"hello, hello")
    assert row_of(server).receive_queue == 5  # the first alone
    assert row_of(client)[:4] == ("unix dgram", "ESTAB", "", shown(name))


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


def test_odd_unix_names(make: Opener, tmp_path: Path) -> None:
    base = str(tmp_path)
    for name in (f"\0{base}\0x", os.fsdecode(os.fsencode(base) + b"/\xff"), base + "/\n"):
        make(socket.AF_UNIX, DGRAM).bind(name)
        assert [row.local for row in sockets(path=shown(name))] == [shown(name)]
        text = repr(sockets(path=shown(name)))
        assert text.count("\n") == 1
        assert text.encode()


def test_the_whole_text(private: Callable[[str], str]) -> None:
    code = """
import contextlib, socket
from sockutils.tables import sockets
with contextlib.ExitStack() as opened:
    def make(*kind):
        return opened.enter_context(socket.socket(*kind))
    listener, udp, unix = make(), make(socket.AF_INET6, socket.SOCK_DGRAM), make(socket.AF_UNIX)
    listener.bind(("127.0.0.1", 5000))
    listener.listen(5)
    udp.bind(("::1", 5000))
    unix.bind("\\0five")
    unix.listen(3)
    make(socket.AF_UNIX).connect("\\0five")
    make(socket.AF_UNIX, socket.SOCK_DGRAM).bind("")
    clients = [make() for _ in range(3)]
    for number, client in enumerate(clients):
        client.connect(("127.0.0.1", 5000))
        opened.enter_context(listener.accept()[0])
        client.send(b"x" * (3 - number))
        while [row.send_queue for row in sockets(5000) if row.send_queue]:
            pass
    make().connect(("127.0.0.1", 5000))
    print(sockets(5000), sockets(path="@five"), sockets(4999), sockets(path="@six"), sep="\\n\\n")
    print(sockets()[-1].local != "@ephemeral", repr(sockets()).splitlines()[-1])
    unix.close()
print(socket.socket().close(), sockets(5001))
"""
    assert (
        private(code)
        == """\
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

no sockets on port 4999

no sockets bound to @six
True unix dgram   UNCONN  @ephemeral           *                    receive 0, send 0
None no sockets on port 5001
"""
    )


def test_an_empty_network_says_so(private: Callable[[str], str]) -> None:
    code = "from sockutils.tables import sockets; print(sockets())"
    assert private(code) == "no sockets\n"


def test_rows_are_sorted_as_they_are_shown() -> None:
    first, second = tables._ephemeral_ports()[:2]

    def row(state: str, port: int, unread: int) -> Row:
        return Row("tcp", state, ("::1", port), ("::1", 80), unread, 0, None, None, 7)

    listener = Row("tcp", "LISTEN", ("::1", 80), ("::", 0), 0, 0, 0, 1, 7)
    ordered = [
        listener,
        row("ESTAB", 9, 0),
        row("ESTAB", 10, 0),
        row("ESTAB", second, 1),
        row("ESTAB", first, 2),
        row("TIME-WAIT", 1, 0),
    ]
    table = Table(reversed(ordered), asked=80)
    assert list(table) == ordered
    swapped = [row._replace(inode=0) for row in ordered]
    swapped[3], swapped[4] = row("ESTAB", first, 1), row("ESTAB", second, 2)
    assert repr(Table(swapped, asked=80)) == repr(table)


def test_an_asked_port_is_shown_though_ephemeral(listener: socket.socket) -> None:
    port = port_of(listener)
    assert port in tables._ephemeral_ports()
    assert f":{port} " in repr(sockets(port))
    assert ":ephemeral " in repr(Table(sockets(port)))


def test_the_range_of_ephemeral_ports_is_this_networks(private: Callable[[str], str]) -> None:
    code = """
import contextlib, socket
from sockutils.tables import sockets
open("/proc/sys/net/ipv4/ip_local_port_range", "w").write("40000 40003")
with contextlib.ExitStack() as opened:
    for port in (40004, 40003, 40000, 39999, 5000):
        sock = opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sock.bind(("127.0.0.1", port))
    print([line.split()[2] for line in repr(sockets()).splitlines()])
"""
    shown = "local 127.0.0.1:5000 127.0.0.1:39999 127.0.0.1:40004 127.0.0.1:ephemeral"
    assert private(code) == f"{[*shown.split(), '127.0.0.1:ephemeral']}\n"


def test_a_network_without_ipv6(private: Callable[[str], str]) -> None:
    code = """
import socket
from pathlib import Path
from sockutils.tables import sockets
for file in Path("/proc/sys/net/ipv6/conf").glob("*/disable_ipv6"):
    file.write_text("1")
with socket.create_server(("127.0.0.1", 5000)):
    print(len(sockets(5000)), len(sockets()))
"""
    assert private(code) == "1 1\n"


def test_a_port_and_a_path_together_are_refused() -> None:
    with pytest.raises(ValueError, match="port or for a path"):
        sockets(5000, "/tmp/s")


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_what_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(ValueError, match=f"not {port}"):
        sockets(port)


def test_a_protocol_the_kernel_has_no_table_of() -> None:
    request = tables.INET_REQUEST.pack(socket.AF_INET, 99, tables.WANTED)
    with (
        contextlib.closing(tables._netlink()) as kernel,
        pytest.raises(FileNotFoundError) as raised,
    ):
        tables._ask(kernel, request, "nosuch")
    assert raised.value.errno == errno.ENOENT
    assert "No such file or directory: nosuch_diag" in str(raised.value)


def test_a_request_the_kernel_refuses() -> None:
    request = tables.INET_REQUEST.pack(socket.AF_INET, socket.IPPROTO_TCP, tables.WANTED)
    # GE that jumps into the middle of itself
    broken = tables._bytecode(5000).replace(b"\x02\x08\x14\x00", b"\x02\x08\x02\x00")
    with (
        contextlib.closing(tables._netlink()) as kernel,
        pytest.raises(OSError, match="tcp_diag") as raised,
    ):
        tables._ask(kernel, request + broken, "tcp")
    assert raised.value.errno == errno.EINVAL


def message(kind: int, flags: int, body: bytes) -> bytes:
    return tables.HEADER.pack(tables.HEADER.size + len(body), kind, flags) + body


def test_an_interrupted_answer_is_asked_for_again() -> None:
    done = message(tables.NLMSG_DONE, 0, bytes(4))
    kernel, us = socket.socketpair(socket.AF_UNIX, DGRAM)
    with kernel, us:
        kernel.send(message(20, 0, b"half") + message(20, tables.NLM_F_DUMP_INTR, b"torn"))
        kernel.send(done)
        kernel.send(message(20, 0, b"one.") + message(20, 0, b"two."))
        kernel.send(done)
        assert tables._ask(us, b"", "tcp") == [b"one.", b"two."]
        assert kernel.recv(100) == kernel.recv(100)


def test_an_answer_cut_off_is_an_error() -> None:
    kernel, us = socket.socketpair(socket.AF_UNIX, DGRAM)
    with kernel, us:
        kernel.send(message(20, 0, bytes(tables.BUFFER)))
        with pytest.raises(OSError, match="cut off") as raised:
            tables._ask(us, b"", "tcp")
    assert raised.value.errno == errno.EMSGSIZE


def test_a_trace_does_not_note_it() -> None:
    with trace() as calls:
        sockets(5000)
    assert not calls


def test_a_system_without_netlink() -> None:
    code = "import socket; del socket.AF_NETLINK; from sockutils.tables import sockets; sockets()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"OSError: [Errno {errno.EAFNOSUPPORT}] ")
    assert "netlink" in last
