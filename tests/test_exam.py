"""The exam of 14: what its newer checks say to servers with the bugs that they are there for."""

import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from sockutils.lessons.server.careful import Guest
from sockutils.lessons.server.designs import Shout
from sockutils.lessons.server.exam import outcome
from sockutils.lessons.server.slow import a_slow_reader, with_a_long_answer
from sockutils.peers.ends import connected, unread


def reads_slowly(send: Callable[[socket.socket, bytes], None]) -> str:
    """What the check with 100 MB says to a server of one client that sends in this way."""
    copied: list[int] = []

    def serve(listener: socket.socket, protocol: Any) -> None:
        connection, talk = listener.accept()[0], protocol()
        connection.settimeout(10)  # so that send() returns when a part of it is sent
        with connection, suppress(OSError):  # who has seen enough is gone
            send(connection, talk.hear(connection.recv(100)))
            connection.recv(100)

    return outcome(partial(a_slow_reader, copied), serve, with_a_long_answer(Shout, copied))


def cut(connection: socket.socket, answer: bytes) -> None:
    while answer:
        answer = answer[connection.send(answer) :]


def cut_a_view(connection: socket.socket, answer: bytes) -> None:
    view = memoryview(answer)
    while view:
        view = view[connection.send(view) :]


def test_whoever_copies_the_rest_at_each_send_is_told() -> None:
    assert reads_slowly(cut) == "it copies the rest at each send()"


def test_whoever_does_not_copy_passes() -> None:
    assert reads_slowly(socket.socket.sendall) == "works"
    assert reads_slowly(cut_a_view) == "works"


def test_no_guest_leaves_while_questions_wait_in_the_kernel() -> None:
    client, connection = connected()
    with client, connection:
        guest = Guest(connection, Shout(), 5.0)
        client.send((b"x" * 63 + b"\n") * 2048, socket.MSG_DONTWAIT)  # a recv() ends with a line
        while not (guest.leave() and guest.talk.over):
            pass
        assert not unread(connection)
