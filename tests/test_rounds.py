"""The rounds of a loop around select(): whose are noted, and as what."""

import select
import socket

import pytest

from sockutils.lessons.select.rounds import callers
from sockutils.peers.ends import reset
from sockutils.peers.peer import background


def test_each_round_says_who_was_asked_and_why_one_was_ready() -> None:
    with callers("a", "b", "c") as (rounds, listener, a, b, c), listener.accept()[0] as first:
        select.select([listener], [], [])
        with listener.accept()[0] as second, listener.accept()[0] as third:
            a.sendall(b"hello")
            b.close()
            reset(c)
            for _ in range(2):
                select.select([listener, first, second, third], [], [])
            select.select([], [first], [])
            assert first.recv(100) == b"hello"
            with pytest.raises(ConnectionResetError):
                third.recv(100)
    assert repr(rounds).splitlines() == [
        "round  listener  a      b        c",
        "1      a client",
        "2      -         hello  the end  reset",
        "3                room",
    ]


def test_what_another_thread_asks_is_not_noted() -> None:
    with callers("a") as (rounds, listener, _):
        with background(select.select, [listener], [], []):
            pass
        select.select([], [], [], 0)
    assert rounds == []


def test_select_is_itself_again_after_an_error() -> None:
    usual = select.select
    with pytest.raises(KeyError), callers("a"):
        raise KeyError
    assert select.select is usual
    with socket.socket() as one:
        assert usual([], [one], [], 0)[1] == [one]
