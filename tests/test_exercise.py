import linecache
import socket
from itertools import count

import pytest

from sockutils.practice.exercise import exercise


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path / "sockutils"


cells = count()


def cell(source, name="answer", **names):
    file = f"<test cell {next(cells)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    exec(compile(source, file, "exec"), names)
    return names[name]


WAITING_ROOM = """
def waiting_room(answer):
    held = answer(3)
    assert held == 3, f"{held} callers fit, not 3"
"""
waiting_room = exercise("listen", hint="count them")(cell(WAITING_ROOM, "waiting_room"))


def knock(answer):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        answer(listener)


patient = exercise("listen", hint="look", seconds=600)(knock)  # however busy the machine is
knock = exercise("listen", hint="look", seconds=0.5)(knock)


@pytest.mark.parametrize(
    "source",
    [
        "def answer(places): ...",
        "def answer(places):\n    pass",
        'def answer(places):\n    """Open it."""',
        'def answer(places):\n    """Open it."""\n    ...',
        "def answer(places):\n    # your code\n    return",
    ],
)
def test_an_untouched_answer_is_not_attempted(home, source):
    assert repr(waiting_room(cell(source))) == "waiting_room: not attempted"
    assert not home.exists()


@pytest.mark.parametrize("value", [0, 4, "''", "[]"])
def test_a_constant_is_an_attempt(value):
    answer = cell(f"def answer(places): return {value}")
    assert repr(waiting_room(answer)).startswith("waiting_room: not yet")


def test_a_right_answer_passes_and_is_kept(home):
    assert repr(waiting_room(int)) == "waiting_room: passed"
    assert (home / "done/listen/waiting_room").exists()


def test_a_wrong_answer_gets_the_hint_and_is_not_kept(home):
    assert repr(waiting_room(str)) == (
        "waiting_room: not yet — 3 callers fit, not 3\nhint: count them"
    )
    assert not home.exists()


def test_an_assertion_without_text_shows_its_line():
    check = cell("def check(answer):\n    assert answer() == 3", name="check")
    assert repr(exercise("listen", hint="look")(check)(int)) == (
        "check: not yet — AssertionError, in the check: assert answer() == 3\nhint: look"
    )


def test_an_exception_of_the_learner_is_told_with_its_line():
    answer = cell(
        "def answer(listener):\n"
        "    with socket.socket() as second:\n"
        "        second.bind(listener.getsockname())\n",
        socket=socket,
    )
    assert repr(patient(answer)).splitlines()[0] == (
        "knock: not yet — OSError: [Errno 98] Address already in use,"
        " in your line 3: second.bind(listener.getsockname())"
    )


def test_an_exception_in_the_check_shows_what_the_check_did():
    assert repr(waiting_room(4)).splitlines()[0] == (
        "waiting_room: not yet — TypeError: 'int' object is not callable,"
        " in the check: held = answer(3)"
    )


@pytest.mark.parametrize("stuck", ["listener.accept()", "while True: 1"])
def test_busy_code_is_reported_not_endured(stuck):
    assert repr(knock(cell(f"def answer(listener):\n    {stuck}"))) == (
        f"knock: not yet — still busy after 0.5 s, in your line 2: {stuck}\nhint: look"
    )


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_sockets_left_open_do_not_survive():
    source = "def answer(listener):\n    mine = socket.create_server(('127.0.0.1', 0))\n    mine."
    assert "AttributeError" in repr(patient(cell(source + "call()", socket=socket)))
    assert "still busy" in repr(knock(cell(source + "accept()", socket=socket)))


def test_an_interrupt_of_the_learner_goes_through():
    with pytest.raises(KeyboardInterrupt):
        waiting_room(cell("def answer(places): raise KeyboardInterrupt"))


def test_where_nothing_can_be_written_it_passes_and_says_so(home):
    home.touch()
    assert repr(waiting_room(int)).startswith(
        "waiting_room: passed\nprogress cannot be saved: [Errno 20] Not a directory"
    )
