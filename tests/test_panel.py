from ipywidgets import Checkbox, Dropdown, FloatSlider, IntSlider

from sockutils.practice.panel import panel

PNG = "iVBORw0KGgo="


class Figure:
    def __init__(self, backlog):
        self.backlog = backlog

    def _repr_mimebundle_(self, include=None, exclude=None):
        data = {
            "text/plain": f"{self.backlog + 1} callers wait",
            "text/html": f'<img alt="{self.backlog + 1} wait" src="data:image/png;base64,{PNG}">',
            "image/png": PNG,
        }
        return data, {"image/png": {"alt": f"{self.backlog + 1} wait"}}


def room(backlog=2):
    return Figure(backlog)


def test_a_slider_redraws():
    view = panel(room, backlog=(0, 8))
    slider, _, picture = view.widget.children
    assert isinstance(slider, IntSlider)
    assert picture.value == f'<img alt="3 wait" src="data:image/png;base64,{PNG}">'
    slider.value = 5
    assert picture.value == f'<img alt="6 wait" src="data:image/png;base64,{PNG}">'


def test_the_picture_changes_in_one_go():
    slider, _, picture = panel(room, backlog=(0, 8)).widget.children
    changes = []
    picture.observe(changes.append, "value")
    slider.value = 5
    assert len(changes) == 1


def test_a_static_view_has_text_and_picture():
    view = panel(room, backlog=(0, 8))
    data, about = view._repr_mimebundle_()
    assert data.keys() == {
        "text/plain",
        "text/html",
        "image/png",
        "application/vnd.jupyter.widget-view+json",
    }
    assert data["text/plain"] == repr(view) == "panel: backlog 0…8 (2)\n3 callers wait"
    assert data["image/png"] == PNG
    assert data["text/html"] == view.widget.children[-1].value
    assert about == {"image/png": {"alt": "3 wait"}}


def test_the_text_names_every_control():
    def told(backlog, wait, family, reuse_port):
        return [backlog, wait, family, reuse_port]

    view = panel(
        told,
        backlog=(0, 8),
        wait=(0.0, 1.0, 0.5),
        family=["IPv4", "IPv6"],
        reuse_port=False,
    )
    kinds = [IntSlider, FloatSlider, Dropdown, Checkbox]
    assert [type(each) for each in view.widget.children[:-2]] == kinds
    assert repr(view) == (
        "panel: backlog 0…8 (4), wait 0.0…1.0 (0.5), family IPv4 / IPv6 (IPv4),"
        " reuse port (False)\n[4, 0.5, 'IPv4', False]"
    )


def test_a_slider_waits_for_its_release():
    slider, *_ = panel(room, backlog=(0, 8)).widget.children
    assert not slider.continuous_update


def test_an_exception_is_shown_until_the_next_good_value():
    def picky(backlog=0):
        if backlog == 1:
            raise OSError(98, "<in use>")
        return backlog

    view = panel(picky, backlog=(0, 8))
    slider, _, picture = view.widget.children
    slider.value = 1
    assert 'role="alert"' in picture.value
    assert "OSError: [Errno 98] &lt;in use&gt;</p>" in picture.value
    slider.value = 2
    assert picture.value == "<pre>2</pre>"
    assert repr(panel(picky, backlog=[1])).endswith("\nOSError: [Errno 98] <in use>")


def test_prints_stand_below_and_nowhere_else(capsys):
    def chatty(backlog=2):
        print("listening <", backlog)
        return room(backlog)

    view = panel(chatty, backlog=(0, 8))
    assert view.widget.children[-1].value.endswith('"><pre>listening &lt; 2\n</pre>')
    assert repr(view).endswith("\n3 callers wait\nlistening < 2")
    assert capsys.readouterr() == ("", "")


def test_a_function_that_only_prints_has_no_none():
    assert panel(lambda: print("-")).widget.children[-1].value == "<pre>-\n</pre>"


def test_any_object_is_shown_as_a_cell_would():
    assert panel(lambda: "<b>").widget.children[-1].value == "<pre>&#x27;&lt;b&gt;&#x27;</pre>"
