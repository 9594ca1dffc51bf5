import contextlib
import os
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest
from kernels import PATIENCE

from sockutils.calls.trace import trace
from sockutils.tables import holders
from sockutils.tables.busy import who_holds
from sockutils.tables.diag import Row, sockets
from sockutils.tables.holders import Holder, holders_of, told

if not hasattr(socket, "AF_NETLINK"):
    pytest.skip("no AF_NETLINK on this system: sock_diag is Linux's", allow_module_level=True)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    # An address of its own: a client of another test may be in TIME-WAIT to 127.0.0.1 and the
    # port that this one is given, and is a row of the table then.
    host = ".".join(["127", *(str(random.randint(1, 254)) for _ in range(3))])
    with socket.create_server((host, 0)) as sock:
        yield sock


def port_of(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


def inode_of(sock: socket.socket) -> int:
    return os.fstat(sock.fileno()).st_ino


def address_of(sock: socket.socket) -> tuple[str, int]:
    host, port, *_ = sock.getsockname()
    return host, port


def rows(address: tuple[str, int]) -> list[Row]:
    """The sockets with this address; a stranger may have the port at another one."""
    table = sockets(address[1], holders=True)
    return [row for row in table if address in (row.local, row.remote)]


def texts(address: tuple[str, int]) -> dict[str, str]:
    return {row.state: told(row.holders or ()) for row in rows(address)}


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never came true"


@contextlib.contextmanager
def inheriting(sock: socket.socket, script: str) -> Iterator[subprocess.Popen[str]]:
    """A shell that runs the script with the socket inherited, until its standard input ends."""
    command = ["sh", "-c", script]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, pass_fds=[0, sock.fileno()])
    with child:
        yield child


def test_this_process_holds_what_it_made(listener: socket.socket) -> None:
    (row,) = rows(address_of(listener))
    (holder,) = row.holders or ()
    assert (holder.pid, holder.child, str(holder)) == (os.getpid(), False, "this process")
    with open("/proc/self/comm") as file:
        assert holder.program == file.read().rstrip("\n")


def test_nobody_is_looked_for_unless_asked(listener: socket.socket) -> None:
    table = sockets(port_of(listener))
    assert {row.holders for row in table} == {None}
    assert "held by" not in repr(table)


def test_a_child_that_inherits_holds_it_too(listener: socket.socket) -> None:
    address, inode = address_of(listener), inode_of(listener)
    with inheriting(listener, "exec cat") as child:
        until(lambda: "cat" in texts(address)["LISTEN"])
        assert texts(address)["LISTEN"] == "this process, cat (a child of this process)"
        assert {holder.pid for holder in holders_of([inode])[inode]} == {os.getpid(), child.pid}
        listener.close()
        assert texts(address)["LISTEN"] == "cat (a child of this process)"


def test_a_childs_child_is_a_child(listener: socket.socket) -> None:
    address = address_of(listener)
    with inheriting(listener, "cat; cat; true"):  # the shell has to stay
        until(lambda: "cat" in texts(address)["LISTEN"])
        inside = [f"{program} (a child of this process)" for program in ("cat", "sh")]
        assert texts(address)["LISTEN"] == ", ".join(["this process", *inside])


def test_a_stranger_is_told_with_its_pid(listener: socket.socket) -> None:
    address, inode = address_of(listener), inode_of(listener)
    reader, end = os.pipe()  # it lives as long as the pipe is open
    script = ["sh", "-c", "exec 3<&0; cat <&3 >/dev/null & echo $!"]
    started = subprocess.run(
        script, stdin=reader, pass_fds=[listener.fileno()], stdout=subprocess.PIPE, check=True
    )
    os.close(reader)
    pid = int(started.stdout)
    try:
        until(lambda: "cat" in texts(address)["LISTEN"])
        assert texts(address)["LISTEN"] == f"this process, cat (pid {pid})"
    finally:
        os.close(end)
    until(lambda: len(holders_of([inode])[inode]) == 1)


def test_the_text_is_the_same_on_every_run() -> None:
    ours, first, second = (Holder(number, "worker", True) for number in (9, 3, 12))
    stranger, me = Holder(1, "init", False), Holder(os.getpid(), "python", False)
    assert told([stranger, ours, first, me, second]) == (
        "this process, worker (a child of this process) \N{MULTIPLICATION SIGN}3, init (pid 1)"
    )


def test_a_notebook_calls_itself_one(private: Callable[[str], str]) -> None:
    code = """
import os
from IPython.core.interactiveshell import InteractiveShell
from sockutils.tables.holders import Holder, told
shell = InteractiveShell.instance()
found = [Holder(os.getpid(), "python", False), Holder(1, "cat", True)]
print(told(found))  # IPython in a terminal
shell.kernel = None
print(told(found))
"""
    assert private(code) == (
        "this process, cat (a child of this process)\n"
        "this notebook, cat (a child of this notebook)\n"
    )


def test_what_no_process_holds(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()) as client:
        until(lambda: len(rows(address_of(listener))) == 3)
        table = sockets(port_of(listener), holders=True)
        waiting = [row for row in table if row.remote == client.getsockname()]
        assert [row.holders for row in waiting] == [()]
        assert repr(table).count("the kernel") == 1


def test_whoever_may_not_look_sees_a_question_mark(private: Callable[[str], str]) -> None:
    # PR_SET_DUMPABLE, prctl(2): the child is closed even to its own user
    code = """
import ctypes, os, socket
from sockutils.tables.diag import sockets
listener = socket.create_server(("127.0.0.1", 5000))
closed, tell = os.pipe()
wait, end = os.pipe()
if not os.fork():
    ctypes.CDLL(None).prctl(4, 0)
    os.write(tell, b"x")
    os.close(end)
    os.read(wait, 1)
    os._exit(0)
os.read(closed, 1)
listener.close()
print(sockets(5000, holders=True))
os.close(end)
os.wait()
"""
    assert private(code) == (
        "protocol  state   local           remote     queues"
        "                       held by\n"
        "tcp       LISTEN  127.0.0.1:5000  0.0.0.0:*  accept queue 0, backlog 128  ?\n"
    )


def test_processes_that_end_meanwhile_are_passed_over(listener: socket.socket) -> None:
    inode = inode_of(listener)
    done = subprocess.Popen(["true"])
    done.wait()
    assert holders.descriptors(done.pid) == {}
    assert holders._status(done.pid) == ("", 0)
    assert list(holders._known([done.pid])) == []
    with inheriting(listener, "for i in $(seq 100); do cat </dev/null; done") as child:
        while child.poll() is None:
            assert os.getpid() in [holder.pid for holder in holders_of([inode])[inode]]


@pytest.mark.skipif(not shutil.which("ss"), reason="no ss here (package iproute2)")
def test_holders_agree_with_ss(listener: socket.socket) -> None:
    with inheriting(listener, "exec cat") as child:
        until(lambda: "cat" in texts(address_of(listener))["LISTEN"])
        host, port = address_of(listener)
        command = ["ss", "-Hltnp", f"src {host}:{port}"]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        (row,) = rows(address_of(listener))
        assert {child.pid, os.getpid()} == {holder.pid for holder in row.holders or ()}
        for holder in row.holders or ():
            assert f'("{holder.program}",pid={holder.pid},' in shown


def test_a_path_has_holders_too(tmp_path: object) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(f"{tmp_path}/s")
        (row,) = sockets(path=f"{tmp_path}/s", holders=True)
    assert told(row.holders or ()) == "this process"


# who_holds()


def test_who_holds_a_listener_and_what_it_accepted(listener: socket.socket) -> None:
    address = address_of(listener)
    with socket.create_connection(address), listener.accept()[0]:
        table = who_holds(port_of(listener))
    mine = [row for row in table if row.local == address]
    assert [row.state for row in mine] == ["LISTEN", "ESTAB"]
    assert {told(row.holders or ()) for row in mine} == {"this process"}
    assert "this process" in repr(table)


@pytest.mark.parametrize("kernel_lists_it", [True, False])
def test_who_holds_what_is_only_bound(
    family: socket.AddressFamily, kernel_lists_it: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not kernel_lists_it:  # as before Linux 6.8
        monkeypatch.setattr("sockutils.tables.diag.BOUND", 0)
    before = os.listdir("/proc/self/fd")
    with socket.socket(family) as sock:
        sock.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        (row,) = (row for row in who_holds(port_of(sock)) if row.local == address_of(sock))
        assert (row.state, row.local) == ("UNCONN", address_of(sock))
        assert (row.inode, told(row.holders or ())) == (inode_of(sock), "this process")
    assert os.listdir("/proc/self/fd") == before


def test_who_holds_nothing(private: Callable[[str], str]) -> None:
    code = "from sockutils.tables.busy import who_holds; print(who_holds(5000))"
    assert private(code) == "no sockets on port 5000\n"


@pytest.mark.parametrize(
    ("mine", "asked", "collide"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("127.0.0.1", "0.0.0.0", True),
        ("0.0.0.0", "127.0.0.1", True),
        ("::", "127.0.0.1", True),
        ("0.0.0.0", "::", True),
        ("0.0.0.0", "::1", False),
        ("::1", "0.0.0.0", False),
        ("::1", "::", True),
        ("fe80::1", "fe80::1%lo", True),
    ],
)
def test_which_addressescollide(
    mine: str, asked: str, collide: bool, private: Callable[[str], str]
) -> None:
    code = f"""
import errno, socket
from sockutils.tables.busy import who_holds
from sockutils.kernel.network import has_ipv6
def bound(host):
    family, _, _, _, address = socket.getaddrinfo(host, 5000, type=socket.SOCK_STREAM)[0]
    sock = socket.socket(family)
    try:
        sock.bind(address)
    except OSError as error:
        sock.close()
        return errno.errorcode[error.errno]
    return sock
if ":" in {mine + asked!r} and not has_ipv6():
    print({collide})
elif {mine!r} == "fe80::1":
    from sockutils.tables.busy import collide
    print(collide({asked!r}, {mine!r}))
else:
    with bound({mine!r}):
        found = bool(who_holds(5000, {asked!r}))
        other = bound({asked!r})
        assert found == (other == "EADDRINUSE"), other
        print(found)
        if not found:
            other.close()
"""
    assert private(code) == f"{collide}\n"


def test_udp_is_another_port() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        found = who_holds(port_of(sock), "127.0.0.1", "udp")
        assert inode_of(sock) in [row.inode for row in found]
        assert inode_of(sock) not in [row.inode for row in who_holds(port_of(sock))]


def test_a_trace_does_not_note_the_look(listener: socket.socket) -> None:
    with trace() as calls:
        who_holds(port_of(listener))
    assert calls == []
