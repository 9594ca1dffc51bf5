"""The learner's copy of the lessons: nothing that they have touched is overwritten or lost."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.sign import NotebookNotary

from sockutils.course import copies, source
from sockutils.course.copies import Folder

LISTEN = "03_listen.ipynb"
Edit = Callable[[dict[str, Any]], object]


def lesson(text: str, output: str = "1") -> dict[str, Any]:
    printed = {"output_type": "stream", "name": "stdout", "text": [output]}
    code = {"cell_type": "code", "metadata": {}, "source": [text]}
    code |= {"execution_count": 1, "outputs": [printed]}
    return {"cells": [code], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two lessons of which the test may make new versions."""
    place = tmp_path / "shipped"
    (place / "deeper").mkdir(parents=True)
    for name in (LISTEN, "04_accept.ipynb", "deeper/04_accept.ipynb"):
        (place / name).write_text(json.dumps(lesson("print(1)")))
    monkeypatch.setattr(source, "PLACES", (place,))
    return place


@pytest.fixture
def folder(tmp_path: Path, shipped: Path) -> Folder:
    laid = Folder(tmp_path / "mine")
    assert laid.lay_out() == []
    return laid


def names(folder: Folder) -> list[str]:
    found = folder.path.rglob("*.ipynb")
    return sorted(
        str(path.relative_to(folder.path)) for path in found if ".course" not in path.parts
    )


def sources(path: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"]]


def edit(path: Path, change: Edit) -> None:
    notebook = json.loads(path.read_text())
    change(notebook)
    path.write_text(json.dumps(notebook))


def answer(notebook: dict[str, Any]) -> None:
    notebook["cells"][0]["source"] = ["print(2)  # mine"]


def run(notebook: dict[str, Any]) -> None:
    notebook["cells"][0] |= lesson("print(1)")["cells"][0]


def test_lessons_have_no_outputs_and_no_numbers(folder: Folder) -> None:
    for name in names(folder):
        (cell,) = json.loads((folder.path / name).read_text())["cells"]
        assert (cell["outputs"], cell["execution_count"]) == ([], None)
        assert cell["source"] == ["print(1)"]


def test_a_prediction_is_asked_for_in_its_cell(tmp_path: Path) -> None:
    laid = Folder(tmp_path / "mine")
    laid.lay_out()
    cells = json.loads((laid.path / LISTEN).read_text())["cells"]
    asked = {cell["id"]: cell["metadata"]["guess"] for cell in cells if "guess" in cell["metadata"]}
    assert len(asked) >= 6
    assert asked["listen-18"]["came"] == 6
    assert all("cell" not in guess for guess in asked.values())


def test_outputs_for_lecturers(tmp_path: Path, shipped: Path) -> None:
    laid = Folder(tmp_path / "lecture")
    laid.lay_out(outputs=True)
    assert json.loads((laid.path / LISTEN).read_text())["cells"] == lesson("print(1)")["cells"]


def test_again_changes_nothing(folder: Folder) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.path.rglob("*")}
    assert folder.lay_out() == []
    assert {path: path.stat().st_mtime_ns for path in folder.path.rglob("*")} == before


def guess(notebook: dict[str, Any]) -> None:
    notebook["cells"][0]["metadata"]["guess"] = {"said": "6"}


@pytest.mark.parametrize("change", [answer, run, guess])
def test_what_is_touched_stays(folder: Folder, change: Edit) -> None:
    edit(folder.path / LISTEN, change)
    touched = (folder.path / LISTEN).read_text()
    assert folder.lay_out() == []
    assert (folder.path / LISTEN).read_text() == touched


def test_an_update_replaces_an_untouched_copy(folder: Folder, shipped: Path) -> None:
    (shipped / LISTEN).write_text(json.dumps(lesson("print(3)")))
    assert folder.lay_out() == [f"{LISTEN} is updated"]
    assert sources(folder.path / LISTEN) == ["print(3)"]
    assert folder.lay_out() == []


def test_jupyter_that_saves_its_metadata_touches_nothing(folder: Folder, shipped: Path) -> None:
    edit(folder.path / LISTEN, lambda notebook: notebook["metadata"].update(language_info={}))
    (shipped / LISTEN).write_text(json.dumps(lesson("print(3)")))
    assert folder.lay_out() == [f"{LISTEN} is updated"]


@pytest.mark.parametrize("change", [answer, run])
def test_an_update_stands_beside_a_touched_copy(
    folder: Folder, shipped: Path, change: Edit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "version", lambda name: "0.9")
    edit(folder.path / LISTEN, change)
    touched = (folder.path / LISTEN).read_text()
    (shipped / LISTEN).write_text(json.dumps(lesson("print(3)")))
    beside = "03_listen (new in 0.9).ipynb"
    assert folder.lay_out() == [f"{LISTEN} is yours and stays; the newer lesson is {beside}"]
    assert (folder.path / LISTEN).read_text() == touched
    assert sources(folder.path / beside) == ["print(3)"]
    assert folder.lay_out() == []
    edit(folder.path / beside, answer)
    assert folder.lay_out() == []
    assert sources(folder.path / beside) == ["print(2)  # mine"]


def test_restore_gives_a_fresh_one_and_keeps_every_old_one(folder: Folder) -> None:
    for kept in ("03_listen (yours).ipynb", "03_listen (yours 2).ipynb"):
        edit(folder.path / LISTEN, answer)
        assert folder.restore("03") == [f"your {LISTEN} is {kept} now", f"{LISTEN} is fresh"]
        assert sources(folder.path / kept) == ["print(2)  # mine"]
        assert sources(folder.path / LISTEN) == ["print(1)"]
    assert folder.restore("03") == [f"{LISTEN} is fresh"]
    assert len(names(folder)) == 5


@pytest.mark.parametrize("number", ["99", "0", "", "03x"])
def test_restore_of_no_lesson(folder: Folder, number: str) -> None:
    before = names(folder)
    with pytest.raises(ValueError, match="does not name one lesson of these: 03_listen"):
        folder.restore(number)
    assert names(folder) == before


@pytest.mark.parametrize("text", ["a diary", "", "{}", json.dumps(lesson("theirs"))])
def test_a_file_of_somebody_else_is_not_touched(tmp_path: Path, shipped: Path, text: str) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / LISTEN).write_text(text)
    with pytest.raises(FileExistsError, match="take another folder"):
        Folder(mine).lay_out()
    assert [path.name for path in mine.iterdir()] == [LISTEN]
    assert (mine / LISTEN).read_text() == text


def sockutils(folder: Path, *words: str) -> str:
    command = [sys.executable, "-m", "sockutils", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    return line


# A file system of three pages, and one that nobody can write to.
FULL = "mount -t tmpfs -o size=12k tmpfs full"
READ_ONLY = "mount -t tmpfs -o ro tmpfs full"


@pytest.mark.parametrize(("mount", "why"), [(FULL, "No space left"), (READ_ONLY, "Read-only file")])
def test_a_place_that_takes_nothing_gets_one_line(tmp_path: Path, mount: str, why: str) -> None:
    if subprocess.run(["unshare", "-Urm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no namespaces to mount such a place in")
    (tmp_path / "full").mkdir()
    program = f"{sys.executable} -m sockutils lab full/course"
    command = ["unshare", "-Urm", "sh", "-c", f"{mount} && {program}; find full -type f"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    (line,) = done.stderr.splitlines()
    assert line.startswith("sockutils: full/course")
    assert why in line
    assert done.stdout == "", "half a file is left"


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "course").write_text("mine")
    assert sockutils(tmp_path, "lab", "course") == "sockutils: course: File exists"
    assert (tmp_path / "course").read_text() == "mine"


def test_lab_becomes_jupyterlab_in_the_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sockutils", "lab", "here", "--version"]
    done = subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.strip().split(".")[0] == "4"
    laid = {path.name for path in (tmp_path / "here").glob("*.ipynb")}
    assert laid == {name for name in source.lessons() if "/" not in name}


@pytest.mark.parametrize("options", [[], ["--outputs"]])
def test_outputs_are_trusted_as_they_were_laid_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    for command in (["copy", "here", *options], ["restore", "03", "here"]):
        whole = [sys.executable, "-m", "sockutils", *command]
        subprocess.run(whole, cwd=tmp_path, capture_output=True, check=True)
        notary = NotebookNotary(data_dir=str(tmp_path / "data"))
        notebook = nbformat.read(tmp_path / "here" / LISTEN, as_version=4)
        assert any(cell.get("outputs") for cell in notebook.cells)  # the questions, at least
        assert notary.check_signature(notebook)
        notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="somebody else's")]
        assert not notary.check_signature(notebook)
        notary.store.close()


def test_the_learners_folder_is_not_in_git() -> None:
    assert "my_course/" in (Path(__file__).parents[1] / ".gitignore").read_text().split()
