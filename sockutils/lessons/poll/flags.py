"""Flags by name, and what brings them about."""

import errno
import fcntl
import select
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sockutils.peers.ends import accept_queue, reset
from sockutils.peers.waits import wait_until

ASKED = ("POLLIN", "POLLPRI", "POLLOUT", "POLLRDHUP")
UNASKED = ("POLLERR", "POLLHUP", "POLLNVAL")
# Equivalents on Linux, left out of the pictures
OTHERS = ("POLLRDNORM", "POLLRDBAND", "POLLWRNORM", "POLLWRBAND", "POLLMSG")
ALL = select.POLLIN | select.POLLPRI | select.POLLOUT | select.POLLRDHUP
HIGH = 500  # descriptors that no other thread of the notebook gets


def names(flags: int) -> str:
    """The names of the flags: "POLLIN POLLHUP"; "-" if there is none."""
    known = [*ASKED, *UNASKED, *OTHERS]
    return " ".join(name for name in known if flags & getattr(select, name)) or "-"


def says(end: socket.socket, event: int) -> int:
    """The flags of a socket, once they have this one; with 0, once there is one unasked."""
    poller = select.poll()
    poller.register(end, event)
    poller.poll(2000)
    poller.register(end, ALL)
    return dict(poller.poll(0)).get(end.fileno(), 0)


def drain(end: socket.socket, number: int) -> None:
    """Read so many bytes."""
    while number:
        number -= len(end.recv(min(number, 1 << 20)))


def move_up(end: socket.socket) -> socket.socket:
    """The same socket with the lowest free number from 500 on; the old number is closed."""
    with end:
        return socket.socket(fileno=fcntl.fcntl(end.fileno(), fcntl.F_DUPFD_CLOEXEC, HIGH))


def wait_for_queue(listener: socket.socket, number: int) -> None:
    """Wait until so many clients are in the listener's queue."""

    there = wait_until(lambda: accept_queue(listener) == number)
    assert there, f"{number} clients should wait in the queue"


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
