"""Peers of a learner's loop: how connections, pipes and UDP sockets end."""

import fcntl
import os
import select
import socket
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from sockutils.lessons.poll.flags import says
from sockutils.peers.ends import reset, unread
from sockutils.peers.waits import wait_until
from sockutils.tables.descriptors import links

ANY = ("127.0.0.1", 0)
SILENCE = 1.2  # seconds; who takes that for the end has a limit of a second, or less


def shut(_: socket.socket, end: socket.socket) -> None:
    end.shutdown(socket.SHUT_WR)


def shut_own(end: socket.socket, _: socket.socket) -> None:
    end.shutdown(socket.SHUT_WR)


def shut_both(*ends: socket.socket) -> None:
    for end in ends:
        end.shutdown(socket.SHUT_WR)


def talk_and_close(_: socket.socket, end: socket.socket) -> None:
    end.send(b"abc")
    end.close()


def talk_and_reset(_: socket.socket, end: socket.socket) -> None:
    end.send(b"abc")
    reset(end)


def udp() -> tuple[socket.socket, socket.socket]:
    """Two UDP sockets, each connected to the other."""
    end, other = (socket.socket(type=socket.SOCK_DGRAM) for _ in range(2))
    other.bind(ANY)
    end.connect(other.getsockname())
    other.connect(end.getsockname())
    return end, other


def refused_udp() -> socket.socket:
    """A UDP socket whose peer is gone: it has an error to tell."""
    end, other = udp()
    other.close()
    end.send(b"anybody?")
    says(end, 0)
    return end


def said_and_gone(words: bytes) -> tuple[int, bytes]:
    """A pipe with bytes in it whose writer is gone: POLLIN and POLLHUP at once. And the bytes."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(PermissionError):  # pipe(7): whose pipes have many pages gets no more
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 1 << 17)
    written = os.write(writer, words)
    os.close(writer)
    return reader, words[:written]


def tell_all(
    writer: int,
    pipe: str,
    datagrams: tuple[socket.socket, socket.socket],
    peers: Sequence[socket.socket],
    words: Sequence[bytes],
    said: set[str],
) -> tuple[int, bool]:
    """Send the words, one after the other, and end in four ways; note in `said` when all is said.

    Returns how many events that were, and whether the pipe had to wait for the others: not if
    `said` has it that the loop has returned.
    """
    gone, slow, last = peers
    slow.sendall(words[3][:1])
    select.select([], [], [], 0.1)
    with suppress(BrokenPipeError):  # the loop has closed it already
        os.write(writer, words[0])
    held_up = not wait_until(lambda: not unread(writer) or pipe not in links() or bool(said), 2)
    os.close(writer)
    reset(gone)
    refuse(*datagrams, said)
    wait_until(lambda: bool(said), SILENCE)
    with suppress(ConnectionError):  # as above
        for place in range(1, len(words[3])):
            slow.sendall(words[3][place : place + 1])
            select.select([], [], [], 0.03)
        slow.shutdown(socket.SHUT_WR)
    select.select([], [], [], 0.1)
    said.add("all")
    with suppress(ConnectionError):
        last.sendall(words[4])
    last.close()
    return len(words[3]) + 10, held_up


def refuse(end: socket.socket, other: socket.socket, said: set[str]) -> None:
    """When its datagram is read, the UDP socket gets an error; before, that would be told first."""
    wait_until(lambda: not unread(end) or bool(said), 2)
    other.close()
    with end:
        end.send(b"anybody?")


def read_in_turn(
    peers: Sequence[socket.socket], data: bytes, calls: Counter[str]
) -> tuple[list[bytes | None], str]:
    """The second one resets at once; the third reads all before the first reads anything.

    The last one resets in between. Returns what two have read (None: other bytes than `data`),
    and why one of them has waited in vain, or nothing.
    """
    first, second, third, fourth = peers
    reset(second)
    received: list[bytes | None] = []
    late = ""
    try:
        received.append(read(third, data))
        fourth.recv(1)
        reset(fourth)
        received.append(read(first, data))
    except TimeoutError:
        late = "a client that does not read held up the one that does"
        if calls["returned"]:
            late = (
                "you returned, and a client waits for the rest: send() may take a part, and says so"
            )
    if None in received or len(received) < 2:  # so that those who send come to an end
        for end in (first, third, fourth):
            if end.fileno() != -1:
                reset(end)
    return received, late


def read(end: socket.socket, due: bytes) -> bytes | None:
    """What has come, at most as much as is due; None as soon as it is something else."""
    found = 0
    while found < len(due):
        data = end.recv(1 << 16)
        if not data:
            break
        if data != due[found : found + len(data)]:
            return None
        found += len(data)
    return due[:found]
