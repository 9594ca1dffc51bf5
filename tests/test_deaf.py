"""A socket that hears nothing for a while."""

import select
import socket

import pytest

from sockutils.link.deaf import deaf


def readable(end: socket.socket, seconds: float) -> bool:
    return bool(select.select([end], [], [], seconds)[0])


def test_a_datagram_is_lost_and_the_next_is_not(family: socket.AddressFamily) -> None:
    host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
    with (
        socket.socket(family, socket.SOCK_DGRAM) as end,
        socket.socket(end.family, end.type) as peer,
    ):
        end.bind((host, 0))
        with deaf(end):
            peer.sendto(b"lost", end.getsockname())
        peer.sendto(b"heard", end.getsockname())
        assert end.recv(10) == b"heard"


def test_a_handshake_waits_until_it_hears_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        client.setblocking(False)
        with deaf(client):
            client.connect_ex(listener.getsockname())
            assert not readable(listener, 0.2)
        assert readable(listener, 10)


def test_an_exception_and_a_closed_socket() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as end:
        end.bind(("127.0.0.1", 0))
        with pytest.raises(ZeroDivisionError), deaf(end):
            raise ZeroDivisionError
        end.sendto(b"heard", end.getsockname())
        assert end.recv(10) == b"heard"
    with socket.socket() as end, deaf(end):
        end.close()
    with pytest.raises(OSError, match="Bad file descriptor"), deaf(end):
        raise AssertionError
