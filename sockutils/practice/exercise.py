"""Checks that drive the learner's function with a real peer."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from sockutils.practice.limit import Step, bounded
from sockutils.practice.progress import record

Check = Callable[[Any], object]
DOES_NOTHING = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}


class Result(NamedTuple):
    """What a check found: "passed", "not attempted", or "not yet" with what happened."""

    name: str
    outcome: str
    note: str = ""

    def __repr__(self) -> str:
        return f"{self.name}: {self.outcome}\n{self.note}".rstrip()


def exercise(
    lesson: str, hint: str, seconds: float = 5
) -> Callable[[Check], Callable[[Any], Result]]:
    """Turn a function that drives the learner's answer, and asserts, into a check of that name.

    The check returns a Result: a failed assertion, an exception of the learner's code and code that
    is still busy after so many seconds are all "not yet". The bound needs the main thread.
    """

    def decorate(check: Check) -> Callable[[Any], Result]:
        @functools.wraps(check)
        def examine(answer: Any) -> Result:
            if is_empty(answer):
                return Result(check.__name__, "not attempted")
            if failure := attempt(check, answer, seconds):
                return Result(check.__name__, f"not yet — {failure}", f"hint: {hint}")
            return Result(check.__name__, "passed", record(lesson, check.__name__))

        return examine

    return decorate


def is_empty(answer: Any) -> bool:
    import dis

    return hasattr(answer, "__code__") and all(
        step.opname in DOES_NOTHING and step.argrepr in ("", "None")
        for step in dis.get_instructions(answer)
    )


def attempt(check: Check, answer: Any, seconds: float) -> str:
    try:
        stuck = bounded(seconds, check, answer)
    except AssertionError as error:
        if str(error):
            return str(error)
        return f"AssertionError{place(steps(error), check, answer)}"
    except Exception as error:
        return f"{type(error).__name__}: {error}{place(steps(error), check, answer)}"
    return f"still busy after {seconds:g} s{place(stuck, check, answer)}" if stuck else ""


def steps(error: Exception) -> list[Step]:
    import traceback

    return [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__)][::-1]


def place(steps: list[Step], check: Check, answer: Any) -> str:
    import linecache

    home = answer.__code__.co_filename if hasattr(answer, "__code__") else None
    for code, number in steps:
        line = linecache.getline(code.co_filename, number).strip()
        if code is check.__code__:
            return f", in the check: {line}"
        if code.co_filename == home:
            return f", in your line {number}: {line}"
    return ""
