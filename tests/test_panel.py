"""Panels: what they run, and when. How they look and move is in test_panel_page.py."""

import base64
import json
import re
import zlib

import pytest

from sockutils.figures.units import seconds
from sockutils.practice import panel as panels
from sockutils.practice.controls import control
from sockutils.practice.panel import answer, key, panel


class Figure:
    def __init__(self, backlog):
        self.backlog = backlog

    def _repr_mimebundle_(self, include=None, exclude=None):
        text = f"{self.backlog + 1} callers wait"
        return {"text/plain": text, "text/html": f"<b>{self.backlog + 1}</b>"}


def room(backlog=2):
    return Figure(backlog)


def shown(view):
    return view.answers[view.start].html


def test_what_has_no_script_has_the_result_and_a_line():
    view = panel(room, backlog=(0, 8))
    still, _, _ = view._repr_html_().partition("<script>")
    assert still == (
        '<div class="sk-panel"><div class="sk-result"><b>3</b></div>'
        '<p class="sk-note">To move it, run this cell in JupyterLab.</p>'
    )
    assert repr(view) == "panel: backlog 0…8 (2)\n3 callers wait"


def test_no_widget_is_left_behind_for_the_next_day():
    assert not hasattr(panel(room, backlog=(0, 8)), "_repr_mimebundle_")


def test_a_small_grid_is_run_beforehand():
    page = panel(room, backlog=(0, 8))._repr_html_()
    packed = re.search(r'"answers":"([^"]+)"', page)
    answers = json.loads(zlib.decompress(base64.b64decode(packed[1])))
    assert answers == {str(place): f"<b>{place + 1}</b>" for place in range(9)}


def count_runs(many):
    runs = []

    def note(number=0):
        runs.append(number)

    return panel(note, number=(0, many - 1)), runs


def test_a_large_one_is_asked_position_by_position():
    _, runs = count_runs(panels.FEW)
    assert len(runs) == 1 + panels.FEW
    view, runs = count_runs(panels.FEW + 1)
    assert runs == [0]
    assert '"answers":""' in view._repr_html_()
    assert answer(key(view), [70]).html == ""
    assert runs == [0, 70]


def test_a_slow_one_stops_when_that_is_clear(monkeypatch):
    times = iter(range(1000))
    monkeypatch.setattr(panels.time, "monotonic", lambda: next(times))  # a second for each run
    view, runs = count_runs(9)
    assert len(runs) == 2
    assert not view.whole


def test_a_kernel_knows_the_panels_that_it_has_run():
    view = panel(room, backlog=(0, 8))
    assert answer(key(view), None) == ("", "")
    assert answer(key(view), [7]).html == "<b>8</b>"
    assert answer("another", None) is None
    assert key(view) == key(panel(room, backlog=(0, 8))) != key(panel(room, backlog=(0, 7)))


def test_the_text_names_every_control():
    def told(backlog, wait: "ms", family, reuse_port):  # noqa: F821
        return [backlog, wait, family, reuse_port]

    view = panel(
        told, backlog=(0, 8), wait=(0.0, 1.0, 0.5), family=["IPv4", "IPv6"], reuse_port=False
    )
    assert [each.kind for each in view.controls.values()] == ["slider", "slider", "list", "switch"]
    assert repr(view) == (
        "panel: backlog 0…8 (4), wait 0.0…1.0 ms (0.5), family IPv4 / IPv6 (IPv4),"
        " reuse port (False)\n[4, 0.5, 'IPv4', False]"
    )


def test_a_default_has_to_be_among_the_values():
    with pytest.raises(ValueError, match="backlog=2 is not one of"):
        panel(room, backlog=[1, 3])


def marked(given):
    page = control(lambda value: None, "value", given).page()
    return [page["labels"][place] for place in page["ticks"]]


def test_ticks_are_round():
    assert marked([0, 20, 40, 80]) == ["0", "20", "40", "80"]
    assert marked((0, 200)) == ["0", "50", "100", "150", "200"]
    assert marked((1, 200)) == ["1", "50", "100", "150", "200"]
    assert marked((1000, 10_000, 500)) == ["1,000", "2,000", "4,000", "6,000", "8,000", "10,000"]
    assert marked([2, 1]) == []


def test_an_exception_takes_the_place_of_the_result():
    def picky(backlog=0):
        if backlog == 1:
            raise OSError(98, "<in use>")
        return backlog

    view = panel(picky, backlog=(0, 2))
    assert "OSError: [Errno 98] &lt;in use&gt;</p>" in view.answers[1,].html
    assert view.answers[2,].html == "<pre>2</pre>"
    assert repr(panel(picky, backlog=[0, 1])) == "panel: backlog 0 / 1 (0)\n0"


def test_a_name_that_is_missing_ends_the_cell():
    with pytest.raises(NameError):
        panel(lambda: another_cell_makes_it)  # noqa: F821


def test_prints_stand_below_and_nowhere_else(capsys):
    def chatty(backlog=2):
        print("listening <", backlog)
        return room(backlog)

    view = panel(chatty, backlog=(0, 8))
    assert shown(view) == "<b>3</b><pre>listening &lt; 2\n</pre>"
    assert repr(view).endswith("\n3 callers wait\nlistening < 2")
    assert capsys.readouterr() == ("", "")


def test_a_function_that_only_prints_has_no_none():
    assert shown(panel(lambda: print("-"))) == "<pre>-\n</pre>"


def test_any_object_is_shown_as_a_cell_would():
    assert shown(panel(lambda: "<b>")) == "<pre>&#x27;&lt;b&gt;&#x27;</pre>"


TIMES = {0: "0 s", 7.0123e-3: "7.01 ms", 4.3e-7: "0.430 µs", 0.0123: "12.3 ms"}
TIMES |= {0.99999: "1.00 s", 0.326: "326 ms", 75.04: "75.0 s", 2345: "2,340 s"}


@pytest.mark.parametrize(("value", "text"), TIMES.items())
def test_times_have_three_digits(value, text):
    assert seconds(value) == text
