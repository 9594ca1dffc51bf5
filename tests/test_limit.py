import signal
import socket
import sys
import time

import pytest

from sockutils.practice.limit import bounded


def endless():
    while True:
        pass


def blocked():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.accept()


def swallows_exceptions():
    while True:
        try:
            time.sleep(60)
        except Exception:
            continue


def swallows_everything_and_returns():
    try:
        time.sleep(60)
    except:  # noqa: E722
        return


def swallows_everything_forever(listener):
    while True:
        try:
            listener.accept()
        except:  # noqa: E722
            continue


def drives(function):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        function(listener)


@pytest.mark.parametrize(
    "function", [endless, blocked, swallows_exceptions, swallows_everything_and_returns]
)
def test_it_is_stopped_and_the_place_is_told(function):
    stuck = bounded(0.1, function)
    assert function.__code__ in [code for code, _ in stuck]


def test_the_innermost_place_comes_first():
    assert [code.co_name for code, _ in bounded(0.1, blocked)][:2] == ["accept", "blocked"]


def test_even_a_bare_except_in_a_loop_ends():
    stuck = bounded(0.1, drives, swallows_everything_forever)
    assert swallows_everything_forever.__code__ in [code for code, _ in stuck]


def test_in_time_nothing_is_told():
    assert bounded(5, int, "4") == []


def test_exceptions_are_passed_on():
    with pytest.raises(ValueError, match="four"):
        bounded(5, int, "four")


def test_handler_timer_and_tracer_are_as_before():
    handler = signal.signal(signal.SIGALRM, signal.SIG_IGN)
    timer = signal.setitimer(signal.ITIMER_REAL, 60, 7)
    tracer = sys.gettrace()
    try:
        assert bounded(0.1, drives, swallows_everything_forever)
        assert sys.gettrace() is tracer
        assert signal.getsignal(signal.SIGALRM) is signal.SIG_IGN
        assert signal.getitimer(signal.ITIMER_REAL) == (pytest.approx(60, abs=30), 7)
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)
