"""Checks that drive the learner's function with a real peer."""

import errno
import functools
from collections.abc import Callable
from html import escape
from typing import Any, NamedTuple

from sockutils.practice.feedback import said, style
from sockutils.practice.limit import Step, bounded
from sockutils.practice.progress import record

Check = Callable[[Any], object]
Hint = str | dict[str, str]  # or several, each by words of what went wrong
DOES_NOTHING = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}
AFTER = ", after your function had returned"
# what the check's own code raises for a value of the wrong kind
UNUSABLE = (AttributeError, IndexError, KeyError, TypeError, ValueError)
# Where the exercise's own hint would miss the point, by words of what went wrong.
GENERAL = {
    " is no function": "give the check its name, without ()",
    "the check calls it with other arguments": "leave the line with `def` as it was",
    "a socket that is still needed is closed": "`with` closes what is returned from its block",
    "what it returned cannot be used": "compare what the task asks for with what you `return`",
    "NameError: ": "has the lesson's first cell been run? If so, look for a typing error",
}


class Result(NamedTuple):
    """What a check found: "passed", "not attempted", or "not yet" with what happened."""

    name: str
    outcome: str
    note: str = ""

    def __repr__(self) -> str:
        return f"{self.name}: {self.outcome}\n{self.note}".rstrip()

    def _repr_html_(self) -> str:
        kind, dash, why = self.outcome.partition(" — ")
        first = said(kind, f"{self.name}: {kind}", escape(dash + why), escape(self.note))
        return style() + first


def exercise(
    lesson: str, hint: Hint, seconds: float = 5
) -> Callable[[Check], Callable[[Any], Result]]:
    """Turn a function that drives the learner's answer, and asserts, into a check of that name.

    The check returns a Result: a failed assertion, an exception of the learner's code and code that
    is still busy after so many seconds are all "not yet". The bound needs the main thread.
    An assertion's text answers the mistake: what was seen, and what to try. If it is raised from
    an error of the answer's, the line of that is added. Of several hints the first counts whose
    words are in what went wrong; "" is in all, and an empty one is not shown.
    """

    def decorate(check: Check) -> Callable[[Any], Result]:
        @functools.wraps(check)
        def examine(answer: Any) -> Result:
            if is_empty(answer):
                return Result(check.__name__, "not attempted")
            if failure := attempt(check, answer, seconds):
                record(lesson, check.__name__, passed=False)
                return Result(check.__name__, f"not yet — {failure}", told_by(hint, failure))
            return Result(check.__name__, "passed", record(lesson, check.__name__))

        return examine

    return decorate


def told_by(hint: Hint, failure: str, general: dict[str, str] = GENERAL) -> str:
    """The line with the hint for this failure: the exercise's, by its words, or a general one."""
    hints = {"": hint} if isinstance(hint, str) else hint
    own = {words: each for words, each in hints.items() if words}
    named = own | {words: each for words, each in general.items() if words not in own}
    found = next((each for words, each in named.items() if words in failure), hints.get("", ""))
    return f"hint: {found}" if found else ""


def is_empty(answer: Any) -> bool:
    import dis

    return hasattr(answer, "__code__") and all(
        step.opname in DOES_NOTHING and step.argrepr in ("", "None")
        for step in dis.get_instructions(answer)
    )


def attempt(check: Check, answer: Any, seconds: float) -> str:
    """What went wrong, in words for the author of the answer, or nothing.

    They know their own lines and none of the check's: those are never named.
    """
    try:
        stuck = bounded(seconds, check, answer)
    except AssertionError as error:
        cause = error.__cause__ or error  # "raise … from" an error of the answer
        where = place(steps(cause), check, answer)
        return f"{str(error) or 'AssertionError'}{where}"
    except Exception as error:
        return told(error, check, answer)
    return f"still busy after {seconds:g} s{place(stuck, check, answer) or AFTER}" if stuck else ""


def told(error: Exception, check: Check, answer: Any) -> str:
    what, where = f"{type(error).__name__}: {error}", place(steps(error), check, answer)
    if where:
        return what + where
    if isinstance(error, TypeError) and not callable(answer):
        return f"{answer!r:.80} is no function"
    if isinstance(error, TypeError) and str(error).startswith(f"{name_of(answer)}("):
        return f"the check calls it with other arguments: {error}"
    if isinstance(error, OSError):
        closed = error.errno == errno.EBADF
        return f"a socket that is still needed is closed{AFTER}" if closed else what + AFTER
    if isinstance(error, UNUSABLE):
        return f"what it returned cannot be used ({what})"
    return what + AFTER


def name_of(answer: Any) -> str:
    return str(getattr(answer, "__qualname__", answer))


def steps(error: BaseException) -> list[Step]:
    import traceback

    return [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__)][::-1]


def place(steps: list[Step], check: Check, answer: Any) -> str:
    import linecache

    home = answer.__code__.co_filename if hasattr(answer, "__code__") else None
    for code, number in steps:
        if code is check.__code__:
            break  # who called the check is at home, too
        if code.co_filename == home:
            line = linecache.getline(code.co_filename, number).strip()
            return f", in your line {number}: {line}"
    return ""
