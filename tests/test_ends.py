"""Two ends of a connection, and what waits at them."""

import os
import socket

from sockutils.peers.ends import accept_queue, connected, dangling, link, unread


def test_what_waits_at_an_end() -> None:
    client, server = connected()
    with client, server:
        assert client.getpeername() == server.getsockname()
        client.sendall(b"hello")
        server.recv(1, socket.MSG_PEEK)
        assert unread(server) == 5
        assert unread(client) == 0


def test_what_waits_in_a_pipe() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"abc")
    assert unread(reader) == 3
    os.close(reader)
    os.close(writer)


def test_a_number_that_was_closed_without_its_object() -> None:
    near, far = socket.socketpair()
    with near, far:
        name = link(near)
        assert not dangling(near, name)
        number = near.fileno()
        os.close(number)
        assert dangling(near, name)
        assert near.fileno() == -1
        assert not dangling(near, name)
        other, name = far.dup(), link(far)
        assert other.fileno() == number
        assert dangling(other, "socket:[0]")
        os.close(number)
        assert not dangling(far, name)


def test_who_waits_in_a_listeners_queue() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert accept_queue(listener) == 0
        with socket.create_connection(listener.getsockname()):
            assert accept_queue(listener) == 1
            listener.accept()[0].close()
            assert accept_queue(listener) == 0
