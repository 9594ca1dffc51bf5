import importlib
import re

import pytest

from sockutils.practice.questions import answered, quiz

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


def test_without_scripts_every_answer_folds_out():
    html = quiz("listen", 1)._repr_html_()
    assert "<p>What does <code>listen(0)</code> return, &amp; when?</p>" in html
    folded = re.findall(r"<details><summary>(.*?)</summary>.*?<p>(.*?)</p>.*?</details>", html)
    assert [(answer, re.sub("<.*?>", "", text)) for answer, text in folded] == [
        ("a) <code>None</code>, at once", "✓ Right: it &lt; blocks &gt; never"),
        ("b) a new socket", "✗ Not yet: that is accept()"),
        ("c) the number of callers", "✗ Not yet: nobody is &lt;counted&gt; by listen()"),
    ]


def test_a_wrong_letter_is_answered_and_is_no_pass(home):
    assert repr(quiz("listen", 1, "b")).endswith("\nb) Not yet: that is accept()")
    assert (home / "tried/listen/quiz 1").exists()
    assert not (home / "done").exists()


def test_the_right_letter_is_answered_and_kept(home):
    answered = quiz("listen", 1, "a")
    assert repr(answered).endswith("\na) Right: it < blocks > `never`")
    assert "<details open><summary>a)" in answered._repr_html_()
    assert (home / "done/listen/quiz 1").exists()
    assert 'data-state="passed"' in quiz("listen", 1)._repr_html_()


def test_another_letter_is_refused():
    with pytest.raises(ValueError, match="answer 'd': it is one of a, b, c"):
        quiz("listen", 1, "d")


def test_where_nothing_can_be_written_the_answer_says_so(home):
    home.touch()
    assert "progress cannot be saved" in repr(quiz("listen", 1, "a"))


class Comm:
    def send(self, data):
        self.sent = data


@pytest.mark.parametrize(
    ("lesson", "number", "trouble"),
    [
        ("listen", 1, ""),
        ("listen", 2, "there is no question 2 in listen"),
        ("listen", 0, "there is no question 0 in listen"),
        ("../listen", 1, "there is no question 1 in ../listen"),
    ],
)
def test_a_page_tells_the_kernel(home, lesson, number, trouble):
    comm, data = Comm(), {"lesson": lesson, "number": number, "right": True}
    answered(comm, {"content": {"data": data}})
    assert comm.sent == {"trouble": trouble}
    assert (home / "done/listen/quiz 1").exists() is not bool(trouble)
