import importlib

import pytest

from sockutils.practice.questions import quiz

LESSON = """
[[quiz]]
question = "What does `listen(0)` return, & when?"
right = "`None`, at once"
because = "it < blocks > `never`"
[quiz.wrong]
"the number of callers" = "nobody is <counted> by `listen()`"
"a new socket" = "that is accept()"
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(importlib.import_module("sockutils.practice.progress"), "LESSONS", tmp_path)
    (tmp_path / "listen.toml").write_text(LESSON)
    (tmp_path / "long.toml").write_text(LESSON.replace("a new socket", "a new socket " * 20))
    return tmp_path / "sockutils"


def test_the_text_does_not_tell_the_solution():
    assert repr(quiz("listen", 1)) == (
        "What does `listen(0)` return, & when?\n"
        "a) `None`, at once\n"
        "b) a new socket\n"
        "c) the number of callers"
    )


def test_a_long_answer_wraps_in_the_text():
    assert max(map(len, repr(quiz("long", 1)).splitlines())) <= 88


def test_before_an_answer_nothing_is_chosen_or_said():
    asked, choice, _, feedback = quiz("listen", 1).widget.children
    assert "What does <code>listen(0)</code> return, &amp; when?" in asked.value
    assert choice.options == ("a) None, at once", "b) a new socket", "c) the number of callers")
    assert choice.value is None
    assert feedback.value == '<div role="status" aria-live="polite"></div>'


def test_every_wrong_answer_is_answered(home):
    _, choice, _, feedback = quiz("listen", 1).widget.children
    choice.index = 2
    assert ">Not yet: nobody is &lt;counted&gt; by <code>listen()</code><" in feedback.value
    choice.index = 1
    assert ">Not yet: that is accept()<" in feedback.value
    assert not home.exists()


def test_the_right_answer_is_answered_and_kept(home):
    _, choice, _, feedback = quiz("listen", 1).widget.children
    choice.index = 0
    assert ">Right: it &lt; blocks &gt; <code>never</code>" in feedback.value
    assert (home / "done/listen/quiz 1").exists()


def test_where_nothing_can_be_written_the_answer_says_so(home):
    home.touch()
    _, choice, _, feedback = quiz("listen", 1).widget.children
    choice.index = 0
    assert "progress cannot be saved" in feedback.value
