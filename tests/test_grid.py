from xml.etree import ElementTree

from test_picture import SVG, overlapping, parsed, sticking_out, titles, words, written

from sockutils import Picture, matrix


def boxes(picture: Picture) -> list[ElementTree.Element]:
    return [*parsed(picture).iter(f"{SVG}rect")][1:]  # before them the card


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


def test_picture_has_a_sign_for_each_cell_and_a_legend() -> None:
    picture = matrix(
        {("a", "x"): "EPERM", ("a", "y"): "works", ("b", "x"): "EINVAL", ("b", "y"): "EPERM"}
    )
    signs = ["a", "b", "A", "✓", "B", "A"]
    legend = ["✓", "works", "A", "EPERM", "B", "EINVAL"]
    assert words(picture) == ["x", "y", *signs, *legend]


def test_what_works_is_filled() -> None:
    works, fails = boxes(matrix({("a", "x"): "works", ("a", "y"): "EPERM"}))
    assert works.get("fill") == "var(--kernel)"
    assert fails.get("fill") == "var(--ground)"


def test_a_number_stands_in_its_cell_and_needs_no_legend() -> None:
    picture = matrix({("a", "x"): "3", ("a", "y"): "EPERM"})
    assert words(picture) == ["x", "y", "a", "3", "A", "A", "EPERM"]
    number, error = boxes(picture)
    assert number.get("fill") == "var(--kernel)"
    assert error.get("fill") == "var(--ground)"


def test_the_chosen_one_has_a_frame_and_brackets() -> None:
    outcomes = {("a", "x"): "works", ("a", "y"): "EPERM"}
    framed, plain = (matrix(outcomes, chosen=chosen) for chosen in (("a", "y"), ("b", "z")))
    assert repr(framed).splitlines()[1] == "a  works  [EPERM]"
    assert outcomes[("a", "y")] == "EPERM"
    assert len(boxes(framed)) == len(boxes(plain)) + 1


def test_a_cell_tells_what_it_stands_for() -> None:
    outcomes = {("a", "x"): "works", ("b", "y"): "EPERM"}
    assert titles(matrix(outcomes)) == ["a, x: works", "b, y: EPERM"]


def test_everything_is_on_the_page() -> None:
    columns = ["SO_REUSEADDR on both sockets", "SO_REUSEADDR on the second socket only"]
    columns += ["SOCK_SEQPACKET", "IPPROTO_UDPLITE", "IPPROTO_ICMPV6", "IPPROTO_SCTP"]
    picture = matrix(
        {(f"row number {row}", column): "works" for row in range(12) for column in columns}
    )
    assert overlapping(written(picture)) == sticking_out(picture) == []


def test_nothing() -> None:
    assert repr(matrix({})) == "nothing was tried"
