"""The rooms of the package: who may import whom, and what each says of itself."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1] / "sockutils"
# Each imports only from those before it.
ROOMS = ["figures", "errors", "kernel", "peers", "tables", "calls", "packets", "link"]
ROOMS += ["names", "practice", "words", "why", "workbench", "lessons", "course"]
# The short names for notebooks, the command line; the C library, which imports nothing.
ALONE = {"__init__", "__main__", "libc"}


def imports(path: Path) -> Iterator[str]:
    """The modules of ours that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sockutils"):
            names = [alias.name for alias in node.names] if node.module == "sockutils" else []
            yield from names or [str(node.module).partition(".")[2]]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.startswith("sockutils")]
            yield from (name.partition(".")[2] for name in names)


def rooms(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)} - ALONE


def test_every_room_has_its_place() -> None:
    found = {path.parent.name for path in HOUSE.glob("*/__init__.py")}
    assert found == set(ROOMS)
    assert {path.stem for path in HOUSE.glob("*.py")} == ALONE


@pytest.mark.parametrize("room", ROOMS)
def test_dependencies_run_one_way(room: str) -> None:
    allowed = set(ROOMS[: ROOMS.index(room) + 1])
    for path in (HOUSE / room).rglob("*.py"):
        assert rooms(path) <= allowed, path


@pytest.mark.parametrize("room", ROOMS)
def test_no_circle_inside_a_room(room: str) -> None:
    prefix = f"{room}."
    waits = {
        path.stem: {n.removeprefix(prefix) for n in imports(path) if n.startswith(prefix)}
        for path in (HOUSE / room).glob("*.py")
    }
    while free := {name for name, others in waits.items() if not others & set(waits)}:
        waits = {name: others for name, others in waits.items() if name not in free}
    assert not waits, "these import one another in a circle"


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_lives_there(room: str) -> None:
    text = ast.get_docstring(ast.parse((HOUSE / room / "__init__.py").read_text()))
    assert text
    assert text.count(".") >= 3, "three sentences: what lives there, and what must not"


def test_modules_are_short() -> None:
    files = {path: len(path.read_text().splitlines()) for path in HOUSE.rglob("*.py")}
    assert [path for path, lines in files.items() if lines > 250] == []
