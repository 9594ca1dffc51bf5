"""Run a function for at most so many seconds, in the main thread, where signals arrive."""

import signal
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

AGAIN = 1.0  # seconds until code that swallowed the interruption gets another

Step = tuple[CodeType, int]  # with its line; a frame would keep the sockets in it open


class Busy(BaseException):
    """Time is over. Not an Exception, so that `except Exception` lets it through."""


def bounded(seconds: float, function: Callable[..., object], *args: Any) -> list[Step]:
    """Run `function(*args)` and return [], or where it was when time was over, innermost first."""
    stuck: list[Step] = []
    over = False

    def fire(number: int, frame: FrameType | None) -> None:
        if over:
            return
        if stuck:
            insist(frame, function)
        else:
            while frame is not None:
                stuck.append((frame.f_code, frame.f_lineno))
                frame = frame.f_back
        raise Busy

    tracer = sys.gettrace()
    handler = signal.signal(signal.SIGALRM, fire)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        function(*args)
    except Busy:
        pass
    except RuntimeError:  # Thread.join() of Python up to 3.12 makes one of what interrupts it
        if not stuck:
            raise
    finally:
        over = True  # before any call, since Python handles signals at calls
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)
        sys.settrace(tracer)
    return stuck


def insist(frame: FrameType | None, function: Callable[..., object]) -> None:
    # A signal always arrives in the blocked call, so inside the `try`; a tracer, on the line after.
    while frame is not None and frame.f_code is not function.__code__:
        frame.f_trace = interrupt
        frame = frame.f_back
    sys.settrace(lambda *_: None)  # in those frames only


def interrupt(frame: FrameType, event: str, argument: object) -> Any:
    if event == "line":
        raise Busy  # and Python stops tracing
    return interrupt
