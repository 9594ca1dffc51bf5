"""The lessons as they are shipped, each ready to be laid out."""

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

from sockutils.practice.progress import names, read_lesson

PACKAGE = Path(__file__).parents[1]
# In a wheel the notebooks lie inside the package, in a checkout beside it.
PLACES = (PACKAGE / "notebooks", PACKAGE.parent / "notebooks")
Notebook = dict[str, Any]


def lessons() -> dict[str, Path]:
    """Every lesson by its name below notebooks/. OSError: ENOENT, there are none."""
    for place in PLACES:
        found = {path.relative_to(place).as_posix(): path for path in place.rglob("*.ipynb")}
        found = {name: path for name, path in sorted(found.items()) if name[0] != "."}
        if found:
            return found
    raise FileNotFoundError(f"no lessons in {' or '.join(map(str, PLACES))}")


def text_of(path: Path, outputs: bool) -> str:
    """A lesson's file as a learner gets it, to be run: no outputs but the questions, and guesses.

    Or, asked for, with all outputs, and nothing to guess. It says which Python runs it, as Jupyter
    would: else opening a lesson would change it.
    """
    from ipykernel.ipkernel import IPythonKernel

    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["metadata"]["language_info"] = dict(sorted(IPythonKernel.language_info.items()))
    return as_text(notebook if outputs else to_be_run(notebook))


def to_be_run(notebook: Notebook) -> Notebook:
    bare = copy.deepcopy(notebook)
    for cell in bare["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = questions(cell), None
        if guess := guesses().get(cell.get("id", "")):
            cell["metadata"]["guess"] = guess
    return bare


def questions(cell: Notebook) -> list[Notebook]:
    """The output of a cell that asks one: it can be answered before anything is run."""
    if "quiz" not in cell["metadata"].get("tags", []):
        return []
    return [output | {"execution_count": None} for output in cell["outputs"]]


@cache
def guesses() -> dict[str, dict[str, Any]]:
    """What is to be guessed, by the cell that shows it; our JupyterLab extension asks."""
    tables = [guess for name in names() for guess in read_lesson(name).get("guess", [])]
    return {guess.pop("cell"): guess for guess in tables}


def as_text(notebook: Notebook) -> str:
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def same(one: str, other: str) -> bool:
    """Whether two files hold the same lesson: Jupyter, saving one, may change its metadata."""
    try:
        return what_matters(json.loads(one)) == what_matters(json.loads(other))
    except (ValueError, KeyError, TypeError):  # no notebook any more
        return one == other


def what_matters(notebook: Notebook) -> list[tuple[object, ...]]:
    """What a learner may have touched: the cells, in their order, and what they printed."""
    return [
        (cell["cell_type"], "".join(cell["source"]), cell.get("outputs", []), answers(cell))
        for cell in notebook["cells"]
    ]


def answers(cell: Notebook) -> object:
    """The guess, with what a learner has clicked; everything else there is Jupyter's."""
    return cell.get("metadata", {}).get("guess")
