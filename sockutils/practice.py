"""Checks that drive the learner's function with a real peer, and questions that answer back."""

import dis
import functools
import gc
import html
import linecache
import re
import signal
import sys
import textwrap
import threading
import traceback
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from socket import SHUT_RDWR, socket
from string import ascii_lowercase
from types import FrameType
from typing import TYPE_CHECKING, Any

from sockutils.progress import load, read_lesson, record

if TYPE_CHECKING:
    from sockutils.panel import View

Check = Callable[[Any], object]
AGAIN = 0.2  # seconds until code that swallowed the first interruption gets another

# ipywidgets makes an answer 300 pixels wide and one line high, and puts its button after the text.
WRAP = """<style>
.sockutils-quiz .widget-radio { width: auto; height: auto }
.sockutils-quiz .widget-radio-box label {
  display: flex; flex-direction: row-reverse; justify-content: flex-end; align-items: flex-start;
  height: auto; line-height: 1.5; white-space: normal }
.sockutils-quiz .widget-radio-box input { flex: none }
</style>"""


@dataclass(frozen=True, repr=False)
class Result:
    """What a check found: "passed", "not attempted", or "not yet" with what happened."""

    name: str
    outcome: str
    note: str = ""

    @property
    def passed(self) -> bool:
        return self.outcome == "passed"

    def __repr__(self) -> str:
        return f"{self.name}: {self.outcome}" + (f"\n{self.note}" if self.note else "")


def exercise(
    lesson: str, hint: str = "", seconds: float = 5
) -> Callable[[Check], Callable[[Any], Result]]:
    """Turn a function that drives the learner's answer, and asserts, into a check of that name.

    The check returns a Result and raises nothing: a failed assertion, an exception of the learner's
    code and code that is still busy after so many seconds are all "not yet". The bound needs the
    main thread and setitimer(2); without them there is none. Sockets left open are closed.
    """

    def decorate(check: Check) -> Callable[[Any], Result]:
        @functools.wraps(check)
        def examine(answer: Any) -> Result:
            outcome = "not attempted" if is_empty(answer) else attempt(check, answer, seconds)
            note = f"hint: {hint}" if hint and outcome.startswith("not yet") else ""
            if outcome == "passed":
                note = record(lesson, check.__name__)
            return Result(check.__name__, outcome, note)

        return examine

    return decorate


def is_empty(answer: Any) -> bool:
    if answer is None or answer is ...:
        return True
    if not hasattr(answer, "__code__"):
        return False
    does_nothing = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}
    return all(
        step.opname in does_nothing and (step.opcode not in dis.hasconst or step.argval is None)
        for step in dis.get_instructions(answer.__code__)
    )


def attempt(check: Check, answer: Any, seconds: float) -> str:
    outcome = "passed"
    before = weakref.WeakSet(open_sockets())
    bound = Bound(check, answer, seconds)
    bound.start()
    try:
        try:
            check(answer)
        finally:
            bound.over = True  # no call stands between: signals are handled at calls
    except Busy:
        pass
    except NotImplementedError:
        outcome = "not attempted"
    except (Exception, SystemExit) as error:
        outcome = f"not yet — {told(error, check, answer)}"
    finally:
        bound.stop()
        for left in open_sockets():
            if left not in before:
                close(left)
    # Code that swallowed the interruption may have ended in any other way.
    return f"not yet — still busy after {seconds:g} s{bound.place}" if bound.fired else outcome


def open_sockets() -> list[socket]:
    objects = [each for each in gc.get_objects() if issubclass(type(each), socket)]
    return [each for each in objects if each.fileno() != -1]


def close(left: socket) -> None:
    with suppress(OSError):
        left.shutdown(SHUT_RDWR)  # wakes a thread that still waits on it; close() does not
    left.close()


def told(error: BaseException, check: Check, answer: Any) -> str:
    steps = list(traceback.walk_tb(error.__traceback__))[::-1]
    text = str(error).partition("\n")[0]
    what = f"{type(error).__name__}: {text}".removesuffix(": ")
    if place := learners_line(steps, check, answer):
        return f"your code raised {what},{place}"
    if isinstance(error, AssertionError) and text:
        return text
    return f"{what},{checks_line(steps, check)}"


Steps = Iterable[tuple[FrameType, int]]  # frames with their lines, innermost first


def learners_line(steps: Steps, check: Check, answer: Any) -> str:
    home = answer.__code__.co_filename if hasattr(answer, "__code__") else None
    for frame, number in takewhile(lambda step: step[0].f_code is not check.__code__, steps):
        if frame.f_code.co_filename == home:
            return f" at line {number}: {linecache.getline(home, number).strip()}"
    return ""


def checks_line(steps: Steps, check: Check) -> str:
    home = check.__code__
    for frame, number in steps:
        if frame.f_code is home:
            return f" in the check: {linecache.getline(home.co_filename, number).strip()}"
    return ""


class Busy(BaseException):
    """Time is over. Not an Exception, so that `except Exception` lets it through."""

    def __init__(self, bound: "Bound") -> None:
        self.bound = bound

    def __del__(self) -> None:
        # Dropped while the check still runs: a bare `except:` has swallowed it.
        if not self.bound.over:
            self.bound.insist(sys._getframe(1))


class Bound:
    """Interrupts a check that takes too long, and does not give in to a bare `except:`."""

    def __init__(self, check: Check, answer: Any, seconds: float) -> None:
        self.check, self.answer, self.seconds = check, answer, seconds
        self.over = self.fired = False
        self.place = ""
        main = threading.current_thread() is threading.main_thread()
        self.possible = main and hasattr(signal, "setitimer")

    def start(self) -> None:
        self.tracer = sys.gettrace()
        if self.possible:
            self.handler = signal.signal(signal.SIGALRM, self.fire)
            self.timer = signal.setitimer(signal.ITIMER_REAL, self.seconds, AGAIN)

    def stop(self) -> None:
        if self.possible:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self.handler)
            signal.setitimer(signal.ITIMER_REAL, *self.timer)
        if self.fired:
            sys.settrace(self.tracer)

    def fire(self, number: int, frame: FrameType | None) -> None:
        if self.over:
            return
        if self.fired:
            self.insist(frame)
        else:
            self.fired, self.place = True, self.where(frame)
        raise Busy(self)

    def where(self, frame: FrameType | None) -> str:
        # The learner's code may be what a thread of the check is stuck in.
        for top in (frame, *sys._current_frames().values()):
            if place := learners_line(traceback.walk_stack(top), self.check, self.answer):
                return place
        return checks_line(traceback.walk_stack(frame), self.check)

    def insist(self, frame: FrameType | None) -> None:
        # A signal alone always lands in the blocked call, so inside the try; lines come after it.
        while frame is not None and frame.f_code is not self.check.__code__:
            frame.f_trace = self.again
            frame = frame.f_back
        sys.settrace(lambda *_: None)

    def again(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "line":
            raise Busy(self)  # which ends the tracing; swallowed, it begins anew
        return self.again


def quiz(lesson: str, number: int) -> "View":
    """Ask question `number`, counted from 1, of sockutils/lessons/<lesson>.toml.

    Every answer is answered at once; a right one counts in progress(). As text it is the question
    and its answers without the solution. KeyError where the lesson has no such question.
    """
    from ipywidgets import HTML, RadioButtons, VBox  # type: ignore[import-untyped]

    from sockutils.panel import View

    asked = dict(enumerate(read_lesson(lesson)["quiz"], 1))[number]
    answers = sorted([asked["right"], *asked["wrong"]])
    labels = [f"{ascii_lowercase[place]}) {each}" for place, each in enumerate(answers)]
    choice = RadioButtons(options=[label.replace("`", "") for label in labels], value=None)
    before = f"quiz {number}" in load()[0].get(lesson, [])
    feedback = HTML(said("You have answered this one before." if before else ""))

    def answered(change: dict[str, Any]) -> None:
        chosen = answers[change["new"]]
        if chosen == asked["right"]:
            feedback.value = said(f"Right: {asked['because']}", record(lesson, f"quiz {number}"))
        else:
            feedback.value = said(f"Not yet: {asked['wrong'][chosen]}")

    choice.observe(answered, "index")
    box = VBox([HTML(f"{WRAP}<p>{marked(asked['question'])}</p>"), choice, feedback])
    box.add_class("sockutils-quiz")
    indented = (textwrap.fill(label, 88, subsequent_indent="   ") for label in labels)
    return View(box, {"text/plain": "\n".join([textwrap.fill(asked["question"], 88), *indented])})


def said(*lines: str) -> str:
    text = "".join(f"<p>{marked(line)}</p>" for line in lines if line)
    return f'<div role="status" aria-live="polite">{text}</div>'


def marked(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
