import linecache
import socket
from itertools import count

import pytest

from sockutils.practice.exercise import Result, exercise


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
    assert not (home / "done").exists()
    assert (home / "tried/listen/waiting_room").exists()


def test_a_page_has_a_sign_for_each_outcome():
    for answer, sign in ((cell("def answer(places): ..."), "○"), (str, "✗"), (int, "✓")):
        assert f">{sign}</span> waiting_room: " in waiting_room(answer)._repr_html_()
    assert "callers &lt; 1" in Result("x", "not yet — callers < 1")._repr_html_()


def test_an_assertion_without_text_shows_no_line_of_the_check():
    check = cell("def check(answer):\n    assert answer() == 3", name="check")
    assert repr(exercise("listen", hint="look")(check)(int)) == (
        "check: not yet — AssertionError\nhint: look"
    )


def test_an_assertion_from_the_learners_error_has_the_learners_line():
    @exercise("listen", hint="look")
    def check(answer):
        try:
            answer()
        except OSError as error:
            raise AssertionError(f"it failed: {error}") from error

    answer = cell("def answer():\n    raise OSError(98, 'in use')")
    assert repr(check(answer)).splitlines()[0] == (
        "check: not yet — it failed: [Errno 98] in use, in your line 2: raise OSError(98, 'in use')"
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


def outcome(source, **names):
    return repr(knock_back(cell(source, socket=socket, **names))).splitlines()[0]


@exercise("listen", hint="look", seconds=0.5)
def knock_back(answer):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = answer(listener)
        client.getpeername()
        listener.accept()[0].close()


NOT_YET = "knock_back: not yet — "
AFTER = ", after your function had returned"


def test_what_is_no_function_is_said_to_be_none():
    assert repr(waiting_room(4)) == (
        "waiting_room: not yet — 4 is no function\nhint: give the check its name, without ()"
    )


def test_wrong_arguments_are_told_as_such():
    assert outcome("def answer(): return 1") == (
        f"{NOT_YET}the check calls it with other arguments: "
        "answer() takes 0 positional arguments but 1 was given"
    )


@pytest.mark.parametrize("value", ["None, 1", "4", "{}"])
def test_what_cannot_be_used_is_told_without_a_line_of_the_check(value):
    said = outcome(f"def answer(listener): return {value}")
    assert said.startswith(f"{NOT_YET}what it returned cannot be used (AttributeError: ")
    assert "getpeername()" not in said


def test_a_socket_closed_too_early_is_told_as_such():
    source = (
        "def answer(listener):\n"
        "    with socket.create_connection(listener.getsockname()) as mine: return mine"
    )
    assert outcome(source) == f"{NOT_YET}a socket that is still needed is closed{AFTER}"


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("def answer(): return 1", "leave the line with `def` as it was"),
        ("def answer(listener): return 4", "compare what the task asks for"),
        ("def answer(listener): return sokket.socket()", "has the lesson's first cell been run?"),
        (
            "def answer(listener):\n"
            "    with socket.create_connection(listener.getsockname()) as mine: return mine",
            "`with` closes what is returned",
        ),
    ],
)
def test_the_hint_answers_what_happened(source, hint):
    said = repr(knock_back(cell(source, socket=socket))).splitlines()
    assert said[1].startswith(f"hint: {hint}")


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_another_error_in_the_check_is_told_without_its_line():
    said = outcome("def answer(listener): mine = socket.socket(); return mine")
    assert said == f"{NOT_YET}OSError: [Errno 107] Transport endpoint is not connected{AFTER}"


def test_a_check_that_waits_for_the_answer_says_when():
    @exercise("listen", hint="look", seconds=0.2)
    def wait(answer):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            answer()
            listener.accept()

    assert repr(wait(int)).splitlines()[0] == f"wait: not yet — still busy after 0.2 s{AFTER}"
    source = "def answer(): return 1\n\ndef run(): return wait(answer)"  # a cell has both
    assert repr(cell(source, "run", wait=wait)()) == repr(wait(int))


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
