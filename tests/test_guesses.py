"""The guesses of the lessons: each can be made, and each outcome is what its cell really shows."""

from typing import Any

import nbformat
import pytest
import reference

from sockutils.practice.progress import names, read_lesson

GUESSES = [
    pytest.param(guess, id=f"{name} {guess['cell']}")
    for name in sorted(names())
    for guess in read_lesson(name).get("guess", [])
]
CELLS = {
    cell.id: cell for path in reference.layers() for cell in nbformat.read(path, as_version=4).cells
}


def shown(cell: Any) -> str:
    """What a cell has printed, and the text of its result."""
    texts = (each.get("text") or each.get("data", {}).get("text/plain") for each in cell.outputs)
    return "\n".join(text or "" for text in texts)


@pytest.mark.parametrize("guess", GUESSES)
def test_a_guess_is_complete(guess: dict[str, Any]) -> None:
    assert guess["ask"].endswith("?")
    kind = guess.keys() - {"cell", "ask"}
    if "choices" in guess:
        assert kind == {"choices", "came", "shows"}
        assert 2 <= len(set(guess["choices"])) == len(guess["choices"]) <= 5
        assert guess["came"] in guess["choices"]
    else:
        assert not kind or (kind == {"came", "shows"} and isinstance(guess["came"], int))


@pytest.mark.parametrize("guess", GUESSES)
def test_the_outcome_is_what_the_cell_shows(guess: dict[str, Any]) -> None:
    cell = CELLS[guess["cell"]]
    assert cell.cell_type == "code"
    assert guess.get("shows", "") in shown(cell)


def test_a_cell_has_one_guess() -> None:
    cells = [param.values[0]["cell"] for param in GUESSES]
    assert len(cells) == len(set(cells))
