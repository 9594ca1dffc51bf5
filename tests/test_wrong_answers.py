"""Wrong answers to the exercises: no check takes one, and each gets the words that help its author.

And right ones that are not the solution's way, where a check was wrong about them once.

As a program: give a lesson's checks these answers, in this process, and print what is amiss.

python tests/test_wrong_answers.py start
"""

import contextlib
import gc
import importlib
import io
import os
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import module_from_spec, spec_from_file_location
from inspect import getsource
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from kernels import PRIVATE, refusal

from sockutils.practice.progress import names, read_lesson
from sockutils.tables.descriptors import held

HERE = Path(__file__).parent / "wrong"
LESSONS = sorted({path.stem for path in HERE.glob("*.py")} & set(names()))
every_lesson = pytest.mark.parametrize("lesson", LESSONS)

Answer = Any  # a function; a check takes whatever a learner wrote
Wrong = tuple[str, Answer, str]  # the check, an answer, what has to be said


def wrong(lesson: str) -> list[Wrong]:
    found: list[Wrong] = answers(lesson).WRONG
    return found


def answers(lesson: str) -> ModuleType:
    """tests/wrong/LESSON.py; a lesson's name may be that of a module of Python's."""
    spec = spec_from_file_location(f"wrong_{lesson}", HERE / f"{lesson}.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def checks(lesson: str) -> ModuleType:
    return importlib.import_module(f"sockutils.lessons.{lesson}")


def own_lines(check: Answer) -> set[str]:
    """The lines of a check's module that nobody would write by chance."""
    lines = getsource(sys.modules[check.__module__]).splitlines()
    return {line.strip() for line in lines if len(line.strip()) > 20}


def amiss(check: Answer, answer: Answer, words: str) -> Iterator[str]:
    sockets, threads = held(), set(threading.enumerate())
    with contextlib.redirect_stdout(io.StringIO()):
        said = repr(check(answer))
    if ": not yet — " not in said:
        yield "this wrong answer is taken"
    if not re.search(words, said):
        yield f"it was not told {words!r}, but: {said}"
    if "in the check" in said or any(line in said for line in own_lines(check)):
        yield "a line of the check's own"
    getattr(answer, "__globals__", {}).get(
        "kept", []
    ).clear()  # what an answer keeps beyond its call
    gc.collect()  # and what it has left open
    if left := [*(held() - sockets), *(set(threading.enumerate()) - threads)]:
        yield f"this is left: {left}"


@every_lesson
def test_every_check_has_three_wrong_answers(lesson: str) -> None:
    count = Counter(check for check, _, _ in wrong(lesson))
    assert set(count) == set(read_lesson(lesson)["exercises"]) - {"step"}  # test_own_programs.py
    assert min(count.values()) >= 3, count


def run(lesson: str, home: Path) -> subprocess.CompletedProcess[str]:
    command = [*PRIVATE, sys.executable, __file__, lesson]
    environment = {**os.environ, "XDG_DATA_HOME": str(home)}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=380, check=False
    )


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Some lessons at a time, each in a private network: what they do is mostly wait."""
    if why := refusal():  # some answers listen on every address
        pytest.skip(why)
    home = tmp_path_factory.mktemp("done")
    tests = [item for item in request.session.items if "runs" in getattr(item, "fixturenames", ())]
    with ThreadPoolExecutor(6) as pool:
        lessons = [item.callspec.params["lesson"] for item in tests]
        yield {lesson: pool.submit(run, lesson, home) for lesson in lessons}


@pytest.mark.timeout(600)
@every_lesson
def test_a_wrong_answer_is_not_taken_and_its_author_is_helped(lesson: str, runs: Any) -> None:
    done = runs[lesson].result()
    assert done.returncode == 0, done.stderr
    assert not done.stdout, done.stdout


if __name__ == "__main__":
    for name, answer, words in wrong(sys.argv[1]):
        check = getattr(checks(sys.argv[1]), name)
        for problem in amiss(check, answer, words):
            print(f"{name}, {getattr(answer, '__name__', answer)}: {problem}")
        if "-v" in sys.argv:
            print(repr(check(answer)))
    for name, answer in getattr(answers(sys.argv[1]), "RIGHT", ()):
        if str(said := getattr(checks(sys.argv[1]), name)(answer)) != f"{name}: passed":
            print(f"{name}, {answer.__name__}: {said}, and it is right")
