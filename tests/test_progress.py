import importlib
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sockutils.practice.progress import (
    LESSONS,
    continue_here,
    progress,
    record,
    reset_progress,
    store,
)
from sockutils.practice.score import score

LISTEN = """
title = "listen()"
notebook = "03_listen.ipynb"
minutes = 45
exercises = ["waiting_room", "knock"]
quiz = [{}, {}, {}]
"""
SOCKET = """
title = "socket()"
notebook = "01_socket.ipynb"
minutes = 30
exercises = []
quiz = []
"""


@pytest.fixture(autouse=True)
def shelf(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    (tmp_path / "listen.toml").write_text(LISTEN)
    (tmp_path / "socket.toml").write_text(SOCKET)
    monkeypatch.setattr(importlib.import_module("sockutils.practice.progress"), "LESSONS", tmp_path)


def test_progress_shows_the_lessons_in_order():
    record("listen", "knock")
    record("listen", "quiz 1")
    record("listen", "quiz 3")
    assert repr(progress()) == (
        "continue with listen(): 03_listen.ipynb\n"
        "\n"
        "lesson    minutes  exercises  quiz  notebook\n"
        "socket()  30       0/0        0/0   01_socket.ipynb\n"
        "listen()  45       1/2        2/3   03_listen.ipynb"
    )
    assert '<th scope="row"><a href="03_listen.ipynb">listen()</a></th><td>45</td><td>1/2</td>' in (
        progress()._repr_html_()
    )


def test_a_page_has_a_bar_for_each_lesson():
    record("listen", "knock")
    assert (
        'style="background-size:20% 100%"></span>1&nbsp;of&nbsp;5</td>' in progress()._repr_html_()
    )


def test_the_score_of_a_lesson():
    record("listen", "waiting_room", passed=False)
    record("listen", "knock", passed=False)
    record("listen", "knock")
    assert repr(score("listen")) == (
        "listen(): 1 of 5 passed\n"
        "✗ waiting_room: not yet\n"
        "✓ knock: passed\n"
        "○ question 1: not attempted\n"
        "○ question 2: not attempted\n"
        "○ question 3: not attempted"
    )
    assert ">✗</span> waiting_room: not yet<" in score("listen")._repr_html_()


def done(lesson, item, time):
    record(lesson, item)
    os.utime(store() / lesson / item, (time, time))


def test_where_to_go_on():
    socket = SOCKET.replace("exercises = []", 'exercises = ["identify"]')
    (
        Path(importlib.import_module("sockutils.practice.progress").LESSONS) / "socket.toml"
    ).write_text(socket)
    assert repr(continue_here()) == "begin with socket(): 01_socket.ipynb"
    done("listen", "knock", 1)
    assert repr(continue_here()) == "continue with listen(): 03_listen.ipynb"
    done("socket", "identify", 2)  # complete, and the latest
    assert continue_here()._repr_html_() == (
        '<p>continue with <b><a href="03_listen.ipynb">listen()</a></b></p>'
    )


def test_what_was_passed_over_comes_after_the_last_one():
    socket = SOCKET.replace("exercises = []", 'exercises = ["identify"]')
    (
        Path(importlib.import_module("sockutils.practice.progress").LESSONS) / "socket.toml"
    ).write_text(socket)
    for item in ("waiting_room", "knock", "quiz 1", "quiz 2", "quiz 3"):
        record("listen", item)
    assert repr(continue_here()) == "continue with socket(): 01_socket.ipynb"
    record("socket", "identify")
    assert (
        repr(continue_here()) == "all is done; look things up in the reference: 15_reference.ipynb"
    )


def test_nothing_counts_twice_or_without_its_lesson():
    for item in ("knock", "knock", "an exercise that was renamed"):
        record("listen", item)
    assert "1/2        0/3" in repr(progress())


def test_what_is_in_depth_is_not_counted(tmp_path):
    about = LISTEN.replace("{}]", "{ deeper = true }]").replace("quiz", 'deeper = ["knock"]\nquiz')
    (tmp_path / "listen.toml").write_text(about)
    for item in ("knock", "quiz 1", "quiz 3"):
        record("listen", item)
    assert "0/1        1/2" in repr(progress())


def test_progress_outlives_the_kernel():
    code = "from sockutils.practice.progress import record; record('listen', 'knock')"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert "1/2" in repr(progress())


def test_reset():
    record("listen", "knock")
    record("listen", "waiting_room", passed=False)
    reset_progress()
    reset_progress()
    assert "0/2" in repr(progress())
    assert "not yet" not in repr(score("listen"))


@pytest.mark.parametrize("path", sorted(Path(LESSONS).glob("*.toml")), ids=lambda path: path.stem)
def test_a_lesson_is_complete(path):
    about = tomllib.loads(path.read_text(encoding="utf-8"))
    wanted = {"title", "notebook", "minutes", "exercises", "quiz"}
    assert about.keys() - {"deeper", "guess"} == wanted
    assert set(about.get("deeper", [])) <= set(about["exercises"])
    assert (Path(LESSONS).parent.parent / "notebooks" / about["notebook"]).exists()
    checks = importlib.import_module(f"sockutils.lessons.{path.stem}")
    assert all(callable(getattr(checks, name)) for name in about["exercises"])
    for asked in about["quiz"]:
        assert asked.keys() - {"deeper"} == {"question", "right", "because", "wrong"}
        assert asked["right"] not in asked["wrong"]
