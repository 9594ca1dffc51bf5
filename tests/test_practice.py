import importlib
import json
import linecache
import signal
import socket
import subprocess
import sys
import threading
import tomllib
from itertools import count

import pytest

from sockutils.practice import Result, exercise, quiz
from sockutils.progress import LESSONS, progress, reset_progress

LISTEN = """
title = "listen()"
notebook = "03_listen.ipynb"
minutes = 45
exercises = ["waiting_room", "knock"]

[[quiz]]
question = "What does `listen(0)` return, & when?"
right = "`None`, at once"
because = "it < blocks > `never`"
[quiz.wrong]
"the number of callers" = "nobody is <counted> by `listen()`"
"a new socket" = "that is accept()"

[[quiz]]
question = "Which call blocks?"
right = "accept()"
because = "it waits"
wrong = { "bind()" = "it does not" }
"""
SOCKET = 'title = "socket()"\nnotebook = "01_socket.ipynb"\nminutes = 30\n'


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path / "sockutils"


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    shelf = tmp_path / "lessons"
    shelf.mkdir()
    (shelf / "listen.toml").write_text(LISTEN)
    (shelf / "a_later_name.toml").write_text(SOCKET)
    monkeypatch.setattr(importlib.import_module("sockutils.progress"), "LESSONS", shelf)
    return shelf


cells = count()


def cell(source, name="answer", **names):
    file = f"<test cell {next(cells)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    exec(compile(source, file, "exec"), names)
    return names[name]


@exercise("listen", hint="count them")
def waiting_room(answer):
    held = answer(3)
    assert held == 3, f"{held} callers fit, not 3"


@exercise("listen", seconds=0.5)
def never_waits(answer):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        answer(listener)


@pytest.mark.parametrize(
    "source",
    [
        "def answer(places): ...",
        "def answer(places):\n    pass",
        'def answer(places):\n    """Open it."""',
        'def answer(places):\n    """Open it."""\n    ...',
        "def answer(places):\n    # your code\n    return",
        "def answer(places):\n    raise NotImplementedError",
        "def answer(places):\n    places += 1\n    raise NotImplementedError('later')",
        "answer = ...",
        "answer = None",
    ],
)
def test_an_untouched_answer_is_not_attempted(source):
    assert repr(waiting_room(cell(source))) == "waiting_room: not attempted"
    assert progress_file_is_absent()


def progress_file_is_absent():
    return not importlib.import_module("sockutils.progress").store().exists()


def test_a_constant_is_an_attempt():
    assert repr(waiting_room(cell("def answer(places): return 4"))) == (
        "waiting_room: not yet — 4 callers fit, not 3\nhint: count them"
    )


def test_a_right_answer_passes_and_is_kept(home):
    result = waiting_room(cell("def answer(places): return places"))
    assert repr(result) == "waiting_room: passed"
    assert result.passed
    assert json.loads((home / "progress.json").read_text())["done"] == {"listen": ["waiting_room"]}


def test_a_wrong_answer_is_not_kept():
    assert not waiting_room(len).passed
    assert progress_file_is_absent()


def test_an_assertion_without_text_shows_its_line():
    check = cell("def knock(answer):\n    assert answer() == 3", name="knock")
    assert repr(exercise("listen")(check)(lambda: 4)) == (
        "knock: not yet — AssertionError, in the check: assert answer() == 3"
    )


def test_an_exception_of_the_learner_is_told_with_its_line():
    answer = cell(
        "def answer(listener):\n"
        "    address = listener.getsockname()\n"
        "    with socket.socket() as second:\n"
        "        second.bind(address)\n",
        socket=socket,
    )
    assert repr(never_waits(answer)) == (
        "never_waits: not yet — your code raised OSError: [Errno 98] Address already in use,"
        " at line 4: second.bind(address)"
    )


def test_an_exception_in_the_check_shows_what_the_check_did():
    check = cell("def knock(answer):\n    with answer() as door:\n        pass", name="knock")
    assert "TypeError" in repr(exercise("listen")(check)(lambda: 4))
    assert repr(exercise("listen")(check)(lambda: 4)).endswith(
        ", in the check: with answer() as door:"
    )


def test_an_assertion_of_the_learner_is_the_learners():
    answer = cell("def answer(places):\n    assert places == 4, 'four'")
    told = "your code raised AssertionError: four, at line 2: assert places == 4, 'four'"
    assert told in repr(waiting_room(answer))


def test_leaving_the_interpreter_is_not_passing():
    assert "your code raised SystemExit: 1, at line 1" in repr(
        waiting_room(cell("def answer(places): raise SystemExit(1)"))
    )


BUSY = {
    "endless loop": "def answer(listener):\n    while True: 1",
    "blocked call": "def answer(listener):\n    listener.accept()",
    "swallows Exception": (
        "def answer(listener):\n"
        "    while True:\n"
        "        try:\n"
        "            listener.accept()\n"
        "        except Exception: pass"
    ),
    "swallows everything": (
        "def answer(listener):\n"
        "    while True:\n"
        "        try:\n"
        "            listener.accept()\n"
        "        except: pass"
    ),
    "swallows everything twice": (
        "def answer(listener):\n"
        "    while True:\n"
        "        try:\n"
        "            try:\n"
        "                listener.accept()\n"
        "            except: continue\n"
        "        except: continue"
    ),
    "keeps what it swallows": (
        "def answer(listener):\n"
        "    kept = []\n"
        "    while True:\n"
        "        try:\n"
        "            listener.accept()\n"
        "        except BaseException as error:\n"
        "            kept.append(error)"
    ),
    "swallows and returns": (
        "def answer(listener):\n    try:\n        listener.accept()\n    except:\n        return"
    ),
    "raises something else": (
        "def answer(listener):\n"
        "    try:\n"
        "        listener.accept()\n"
        "    except:\n"
        "        raise ValueError from None"
    ),
}


@pytest.mark.parametrize("source", BUSY.values(), ids=BUSY)
def test_busy_code_is_reported_not_endured(source):
    number, line = next(
        (number, line.strip())
        for number, line in enumerate(source.splitlines(), 1)
        if "accept()" in line or "while True: 1" in line
    )
    result = never_waits(cell(source))
    assert repr(result) == f"never_waits: not yet — still busy after 0.5 s at line {number}: {line}"


def test_the_thread_of_a_check_is_found_busy_and_released():
    threads = []

    @exercise("listen", seconds=0.5)
    def served(answer):
        listener = socket.create_server(("127.0.0.1", 0))
        threads.append(threading.Thread(target=answer, args=(listener,)))
        threads[0].start()
        # Not join(): interrupted, it believes (3.11, 3.12) that the thread has ended.
        threading.Event().wait()

    source = "def answer(listener):\n    try:\n        listener.accept()\n    except OSError: pass"
    result = served(cell(source))
    threads[0].join(10)
    assert repr(result).endswith("still busy after 0.5 s at line 3: listener.accept()")


def test_a_check_that_waits_for_nobody_says_where():
    check = cell("def knock(answer):\n    while answer() == 4: pass", name="knock")
    assert repr(exercise("listen", seconds=0.5)(check)(len)).startswith("knock: not yet — TypeErr")
    assert repr(exercise("listen", seconds=0.1)(check)({4: 4}.copy)) == "knock: passed"
    stuck = cell("def knock(answer):\n    while True: 1", name="knock")
    assert repr(exercise("listen", seconds=0.1)(stuck)(len)) == (
        "knock: not yet — still busy after 0.1 s in the check: while True: 1"
    )


def test_signal_timer_and_trace_are_as_before():
    seen = []
    before = signal.signal(signal.SIGALRM, lambda *_: seen.append("alarm"))
    timer = signal.setitimer(signal.ITIMER_REAL, 60, 7)
    tracer = sys.gettrace()
    try:
        assert "still busy" in repr(never_waits(cell(BUSY["swallows everything twice"])))
        assert sys.gettrace() is tracer
        assert signal.getitimer(signal.ITIMER_REAL) == (pytest.approx(60, abs=30), 7)
        signal.raise_signal(signal.SIGALRM)
        assert seen == ["alarm"]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *timer)


def test_an_interrupt_of_the_learner_goes_through():
    handler = signal.getsignal(signal.SIGALRM)
    with pytest.raises(KeyboardInterrupt):
        waiting_room(cell("def answer(places): raise KeyboardInterrupt"))
    assert signal.getsignal(signal.SIGALRM) is handler


def test_without_main_thread_or_timer_a_check_runs_unbounded(monkeypatch):
    results = []
    thread = threading.Thread(target=lambda: results.append(waiting_room(int)))
    thread.start()
    thread.join()
    monkeypatch.delattr(signal, "setitimer")
    assert [repr(result) for result in [*results, waiting_room(int)]] == [
        "waiting_room: passed"
    ] * 2


def test_sockets_left_open_do_not_spoil_the_next_try():
    with socket.socket() as probe, socket.create_server(("127.0.0.1", 0)) as ours:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        left = []
        opened = exercise("listen")(cell("def opened(answer): assert answer() == 3", name="opened"))
        answer = cell(
            f"def answer():\n    left.append(socket.create_server(('127.0.0.1', {port})))",
            socket=socket,
            left=left,
        )
        first, second = repr(opened(answer)), repr(opened(answer))
        assert first == second
        assert "in the check: def opened(answer): assert answer() == 3" in first
        assert [each.fileno() for each in left] == [-1, -1]
        assert ours.fileno() != -1


def test_two_kernels_lose_nothing(home):
    code = (
        "import sys; from sockutils.progress import record\n"
        "for number in range(100): assert record('listen', f'{sys.argv[1]} {number}') == ''"
    )
    kernels = [subprocess.Popen([sys.executable, "-c", code, name]) for name in ("one", "two")]
    assert [kernel.wait() for kernel in kernels] == [0, 0]
    done = json.loads((home / "progress.json").read_text())["done"]["listen"]
    assert sorted(done) == sorted(f"{name} {n}" for name in ("one", "two") for n in range(100))


@pytest.mark.parametrize("text", ["{", "[1, 2]", '{"done": {"listen": 7}}', "\0", "\xff"])
@pytest.mark.usefixtures("shelf")
def test_a_broken_file_is_kept_under_another_name(home, text):
    home.mkdir()
    for kept in ("progress.json.broken", "progress.json.broken2"):
        (home / "progress.json").write_bytes(text.encode("latin-1"))
        lines = repr(progress()).splitlines()
        assert lines[-1].startswith("progress.json cannot be understood (")
        assert lines[-1].endswith(f"); it is kept as {kept}")
        assert (home / kept).read_bytes() == text.encode("latin-1")
        assert len(repr(progress()).splitlines()) == len(lines) - 1


def test_a_broken_file_does_not_stop_an_exercise(home):
    home.mkdir()
    (home / "progress.json").write_text("{")
    assert repr(waiting_room(int)).startswith("waiting_room: passed\nprogress.json cannot be under")
    assert repr(waiting_room(int)) == "waiting_room: passed"
    assert (home / "progress.json.broken").read_text() == "{"


@pytest.mark.usefixtures("shelf")
def test_where_nothing_can_be_written_everything_still_shows(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    assert repr(waiting_room(int)).startswith(
        "waiting_room: passed\nprogress cannot be saved: [Errno 20] Not a directory"
    )
    assert "\nprogress cannot be read: [Errno 20] Not a directory" in repr(progress())
    question = quiz("listen", 2)
    question.widget.children[1].index = 0
    assert "progress cannot be saved" in question.widget.children[2].value
    reset_progress()
    assert capsys.readouterr().out.startswith("progress cannot be reset: [Errno 20]")


def test_what_another_version_keeps_stays(home):
    home.mkdir()
    other = {"later": [1, {"a": None}], "done": {"unheard": ["of"]}}
    (home / "progress.json").write_text(json.dumps(other))
    assert waiting_room(int).passed
    other["done"]["listen"] = ["waiting_room"]
    assert json.loads((home / "progress.json").read_text()) == other


@pytest.mark.usefixtures("shelf")
def test_reset_keeps_the_old_file(home, capsys):
    reset_progress()
    for _ in range(2):
        waiting_room(int)
        reset_progress()
    assert capsys.readouterr().out.splitlines() == [
        "Nothing is done yet: there is nothing to reset.",
        "Nothing is done any more. What was is kept as progress.json.old.",
        "Nothing is done any more. What was is kept as progress.json.old2.",
    ]
    assert "0/2" in repr(progress())
    assert json.loads((home / "progress.json.old2").read_text())["done"]


@pytest.mark.usefixtures("shelf")
def test_progress_shows_the_lessons_in_order():
    waiting_room(int)
    assert repr(progress()) == (
        "lesson    minutes  exercises  quiz  notebook\n"
        "socket()  30       0/0        0/0   01_socket.ipynb\n"
        "listen()  45       1/2        0/2   03_listen.ipynb"
    )
    assert '<th scope="row"><a href="03_listen.ipynb">listen()</a></th><td>45</td><td>1/2</td>' in (
        progress()._repr_html_()
    )


@pytest.mark.usefixtures("shelf")
def test_progress_of_one_lesson_says_what_is_open():
    waiting_room(int)
    assert repr(progress("listen")).splitlines()[-1] == "open: knock, quiz 1, quiz 2"
    assert repr(progress("a_later_name")).splitlines()[-1] == "open: nothing"
    with pytest.raises(FileNotFoundError):
        progress("nonsense")


@pytest.mark.usefixtures("shelf")
def test_a_question_as_text_does_not_tell_the_solution():
    assert repr(quiz("listen", 1)) == (
        "What does `listen(0)` return, & when?\n"
        "a) `None`, at once\n"
        "b) a new socket\n"
        "c) the number of callers"
    )
    with pytest.raises(KeyError):
        quiz("listen", 3)


@pytest.mark.usefixtures("shelf")
def test_every_answer_is_answered(home):
    asked, choice, feedback = quiz("listen", 1).widget.children
    assert "What does <code>listen(0)</code> return, &amp; when?" in asked.value
    assert choice.options == ("a) None, at once", "b) a new socket", "c) the number of callers")
    assert choice.value is None
    assert feedback.value == '<div role="status" aria-live="polite"></div>'

    choice.value = "c) the number of callers"
    assert "<p>Not yet: nobody is &lt;counted&gt; by <code>listen()</code></p>" in feedback.value
    assert progress_file_is_absent()

    choice.value = "a) None, at once"
    assert "<p>Right: it &lt; blocks &gt; <code>never</code></p>" in feedback.value
    assert json.loads((home / "progress.json").read_text())["done"] == {"listen": ["quiz 1"]}

    choice.value = "b) a new socket"
    assert "that is accept()" in feedback.value


@pytest.mark.usefixtures("shelf")
def test_a_question_answered_before_is_asked_again():
    quiz("listen", 1).widget.children[1].index = 0
    again, other = quiz("listen", 1), quiz("listen", 2)
    assert again.widget.children[1].value is None
    assert "answered this one before" in again.widget.children[2].value
    assert "before" not in other.widget.children[2].value
    assert repr(again) == repr(quiz("listen", 1))


@pytest.mark.usefixtures("shelf")
def test_a_long_answer_wraps_in_the_text(shelf):
    (shelf / "listen.toml").write_text(LISTEN.replace("a new socket", "a new socket " * 20))
    assert max(map(len, repr(quiz("listen", 1)).splitlines())) <= 88


@pytest.mark.parametrize("path", sorted(LESSONS.glob("*.toml")), ids=lambda path: path.stem)
def test_a_lesson_is_complete(path):
    about = tomllib.loads(path.read_text(encoding="utf-8"))
    assert {"title", "notebook", "minutes"} <= about.keys()
    assert (LESSONS.parent.parent / "notebooks" / about["notebook"]).exists()
    checks = (
        importlib.import_module(f"sockutils.lessons.{path.stem}") if about["exercises"] else None
    )
    assert all(callable(getattr(checks, name)) for name in about["exercises"])
    for asked in about["quiz"]:
        assert asked.keys() == {"question", "right", "because", "wrong"}
        assert asked["right"] not in asked["wrong"]


def test_where_there_is_no_fcntl_progress_is_kept_without_a_lock(home):
    code = (
        "import runpy, sys; sys.modules['fcntl'] = None\n"
        "assert runpy.run_path(sys.argv[1])['record']('listen', 'knock') == ''"
    )
    module = importlib.import_module("sockutils.progress").__file__
    subprocess.run([sys.executable, "-c", code, module], check=True)
    assert "knock" in (home / "progress.json").read_text()


def test_importing_is_cheap():
    code = "import sys, sockutils.practice, sockutils.panel; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"ipywidgets", "IPython", "platformdirs", "asyncio"} & set(done.stdout.split())


def test_results_compare():
    assert Result("knock", "passed") == Result("knock", "passed")
