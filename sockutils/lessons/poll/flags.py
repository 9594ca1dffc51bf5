"""Flags by name, and what brings them about."""

import errno
import fcntl
import select
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sockutils.peers.ends import reset
from sockutils.peers.waits import wait_until

ASKED = ("POLLIN", "POLLPRI", "POLLOUT", "POLLRDHUP")
UNASKED = ("POLLERR", "POLLHUP", "POLLNVAL")
# Equivalents on Linux, left out of the pictures
OTHERS = ("POLLRDNORM", "POLLRDBAND", "POLLWRNORM", "POLLWRBAND", "POLLMSG")
ALL = select.POLLIN | select.POLLPRI | select.POLLOUT | select.POLLRDHUP
HIGH = 200  # descriptors that no other thread of the notebook gets


def names(flags: int) -> str:
    """The names of the flags: "POLLIN POLLHUP"; "-" if there is none."""
    known = [*ASKED, *UNASKED, *OTHERS]
    return " ".join(name for name in known if flags & getattr(select, name)) or "-"


def says(end: socket.socket, event: int | None = None) -> int:
    """The flags of a socket, once they have this one; with 0, once there is one unasked."""
    poller = select.poll()
    if event is not None:
        poller.register(end, event)
        poller.poll(5000)
    poller.register(end, ALL)
    return dict(poller.poll(0)).get(end.fileno(), 0)


def drain(end: socket.socket, number: int) -> None:
    """Read so many bytes."""
    while number:
        number -= len(end.recv(min(number, 1 << 20)))


def move_up(end: socket.socket) -> socket.socket:
    """The same socket with the lowest free number from 200 on; the old number is closed."""
    with end:
        return socket.socket(fileno=fcntl.fcntl(end.fileno(), fcntl.F_DUPFD_CLOEXEC, HIGH))


def closed_number() -> int:
    """A number that was a descriptor's and is none any more."""
    with move_up(socket.socket()) as end:
        return end.fileno()


# poll(), select() and their newer forms, as the first word of /proc/PID/syscall (proc(5)): of
# x86-64 and of arm64 and its like. A thread that waits for something else is in futex(), 202 or 98.
WAITS = {"7", "23", "270", "271", "72", "73"}


def until_it_waits(peer: object) -> None:
    """Return when the thread of this `background()` waits in select() or poll().

    Where the kernel does not tell: OSError (ENOSYS), as from `wait_for_threads()`.
    """
    if not Path("/proc/self/syscall").exists():
        raise OSError(errno.ENOSYS, "/proc/self/task/*/syscall tells nothing on this kernel")
    wait_until(lambda: any(call in WAITS for call in calls_of(getattr(peer, "name", ""))))


def calls_of(name: str) -> list[str]:
    """The numbers of the calls that the threads of this name are in."""
    found = []
    for thread in threading.enumerate():
        if thread.name == name:
            with suppress(OSError):  # it has ended, or this kernel does not tell
                path = Path(f"/proc/self/task/{thread.native_id}/syscall")
                found.append(path.read_text().split()[0])
    return found


@contextmanager
def handler(number: int, call: Callable[[int], object]) -> Iterator[None]:
    """Call `call(number)` when this signal comes; afterwards the usual handler is back."""
    usual = signal.signal(number, lambda which, _: call(which))
    try:
        yield
    finally:
        signal.signal(number, usual)


PEERS = ["sends abc, closes", "sends abc", "sends abc, resets"]
ENDS = {"recv() → b''", "recv() → ECONNRESET"}


def play(part: str, server: socket.socket, client: socket.socket) -> None:
    """Let the server do one of PEERS; return when the client's kernel knows it all."""
    server.send(b"abc")
    if part == PEERS[0]:
        server.close()
    elif part == PEERS[2]:
        reset(server)
    says(client, select.POLLIN if part == PEERS[1] else select.POLLRDHUP)


def read_once(end: socket.socket) -> str:
    try:
        return f"recv() → {end.recv(100)!r}"
    except OSError as error:
        return f"recv() → {errno.errorcode[error.errno or 0]}"
