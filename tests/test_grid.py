import pytest
from matplotlib.figure import Figure

from sockutils import matrix
from sockutils.figures import picture as pictures


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that become pictures in this test."""
    figures: list[Figure] = []
    plain = pictures._png
    monkeypatch.setattr(pictures, "_png", lambda figure: (figures.append(figure), plain(figure))[1])
    return figures


def written(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_text_is_a_table_with_full_names() -> None:
    outcomes = {
        ("AF_INET", "TCP"): "works",
        ("AF_INET", "UDP"): "EPROTONOSUPPORT",
        ("AF_UNIX", "UDP"): "works",
    }
    assert repr(matrix(outcomes)).splitlines() == [
        "         TCP    UDP",
        "AF_INET  works  EPROTONOSUPPORT",
        "AF_UNIX         works",
    ]


def test_picture_has_a_sign_for_each_cell_and_a_legend(drawn: list[Figure]) -> None:
    matrix({("a", "x"): "EPERM", ("a", "y"): "works", ("b", "x"): "EINVAL", ("b", "y"): "EPERM"})
    signs = ["a", "b", "A", "✓", "B", "A"]
    legend = ["✓", "works", "A", "EPERM", "B", "EINVAL"]
    assert written(drawn[0]) == ["x", "y", *signs, *legend]


def test_what_works_is_filled(drawn: list[Figure]) -> None:
    matrix({("a", "x"): "works", ("a", "y"): "EPERM"})
    works, fails = (patch.get_facecolor() for patch in drawn[0].axes[0].patches)
    assert fails == (1, 1, 1, 1)
    assert works != fails


def test_a_number_stands_in_its_cell_and_needs_no_legend(drawn: list[Figure]) -> None:
    matrix({("a", "x"): "3", ("a", "y"): "EPERM"})
    assert written(drawn[0]) == ["x", "y", "a", "3", "A", "A", "EPERM"]
    number, error = (patch.get_facecolor() for patch in drawn[0].axes[0].patches)
    assert error == (1, 1, 1, 1)
    assert number != error


def test_the_chosen_one_has_a_frame_and_brackets(drawn: list[Figure]) -> None:
    outcomes = {("a", "x"): "works", ("a", "y"): "EPERM"}
    assert repr(matrix(outcomes, chosen=("a", "y"))).splitlines()[1] == "a  works  [EPERM]"
    assert outcomes[("a", "y")] == "EPERM"
    matrix(outcomes, chosen=("b", "z"))
    framed, plain = (len(figure.axes[0].patches) for figure in drawn)
    assert framed == plain + 1


def test_everything_is_on_the_page(drawn: list[Figure]) -> None:
    columns = ["SO_REUSEADDR on both sockets", "SO_REUSEADDR on the second socket only"]
    matrix({(f"row number {row}", column): "works" for row in range(12) for column in columns})
    figure = drawn[0]
    figure.draw_without_rendering()
    page = figure.bbox
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert all(page.x0 <= box.x0 and box.x1 <= page.x1 for box in boxes)
    assert all(page.y0 <= box.y0 and box.y1 <= page.y1 for box in boxes)
    heads = boxes[:2]
    assert heads[0].x1 < heads[1].x0


def test_nothing() -> None:
    assert repr(matrix({})) == "nothing was tried"
