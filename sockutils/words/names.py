"""A name that is missing because the cell that makes it has not been run."""

import json
import os
from functools import cache
from typing import Any

from sockutils.words.call import is_libc

HERE = os.path.dirname(__file__)
Places = dict[str, str]  # name → the heading above the cell that makes it; "" is the first cell


def about(error: NameError | AttributeError, shell: Any) -> str:
    """Say which cell makes a name, or declares a function of the C library; "" if none does."""
    if type(error) is NameError and in_a_cell(error, shell):
        return missing(error.name, "names", "comes from", shell)
    if isinstance(error, AttributeError) and is_libc(error.obj):
        return missing(error.name, "libc", "is declared in", shell)
    return ""


def in_a_cell(error: BaseException, shell: Any) -> bool:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_globals is shell.user_ns


def missing(name: str | None, kind: str, verb: str, shell: Any) -> str:
    notebook = this_notebook(shell)
    if notebook in index():
        heading = index()[notebook][kind].get(str(name))
        return "" if heading is None else f"`{name}` {verb} {cell(heading)}: run that one first."
    found = {file: about[kind][name] for file, about in index().items() if name in about[kind]}
    if notebook or not found:  # a notebook of the learner's own
        return ""
    if set(found.values()) == {""}:
        return f"In the lessons `{name}` {verb} {cell('')}: run that one first."
    if len(found) == 1:
        ((file, heading),) = found.items()
        return f"In {file} `{name}` {verb} {cell(heading)}: run that one first."
    return ""


def cell(heading: str) -> str:
    return f'a cell below the heading "{heading}"' if heading else "the first code cell"


def this_notebook(shell: Any) -> str:
    """The lesson that this kernel belongs to, another file's name, or "" where nobody tells."""
    names = shell.user_ns
    place = str(names.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME", ""))
    folder, file = os.path.split(place)
    file = f"deeper/{file}" if os.path.basename(folder) == "deeper" else file
    for notebook in index():  # also a copy of it: 02_bind-Copy1.ipynb
        if file.startswith(notebook.removesuffix(".ipynb")):
            return notebook
    module = getattr(names.get("lesson"), "__name__", "")
    if module.startswith("sockutils.lessons."):
        from sockutils.practice.progress import read_lesson

        return str(read_lesson(module.rpartition(".")[2])["notebook"])
    return file


@cache
def index() -> dict[str, dict[str, Places]]:
    """What the lessons' cells make for other cells, see tests/cells.py, which writes it."""
    with open(os.path.join(HERE, "cells.json")) as file:
        return dict(json.load(file))
