"""A notebook as a page shows it: its cells with their names, guesses and hints, nothing else."""

import copy
import html
import json
import re
from typing import Any

from sockutils.course.source import guesses
from sockutils.practice.panel_page import NOTE
from website.hints import hint_of

Cell = dict[str, Any]
KEPT = {"exercise", "solution", "step", "quiz"}  # the other tags are for tests
COUNTS = re.compile(r"(score|progress)\(")


def prepared(notebook: dict[str, Any], lesson: str, home: str) -> dict[str, Any]:
    """Return a copy for the page: each cell can be linked to, and asks what it asks in JupyterLab.

    `lesson` is the name of its module in sockutils/lessons; `home` leads to the first page.
    Notes for lecturers, slides and tests are left out.
    """
    page = copy.deepcopy(notebook)
    for cell in page["cells"]:
        tags = KEPT.intersection(cell["metadata"].get("tags", []))
        tags |= {"remove-input"} if "quiz" in tags else set()
        cell["metadata"] = {"tags": sorted(tags)}
        if cell["cell_type"] == "markdown":
            cell["source"] = f'<div class="cell-anchor" id="{cell["id"]}"></div>\n\n' + text(cell)
        else:
            cell["metadata"]["anchor"] = cell["id"]
            cell["outputs"] = [linked(each, home) for each in shown(cell, lesson)]
    return page


def text(cell: Cell) -> str:
    return "".join(cell["source"])


def shown(cell: Cell, lesson: str) -> list[Cell]:
    """What stands below a cell: its outputs, after its guess; or what only a run would show."""
    if guess := guesses().get(cell["id"]):
        return [output(guess_box(guess)), *cell["outputs"]]
    if {"exercise", "step"}.intersection(cell["metadata"]["tags"]):
        return [output(hint_of(lesson, text(cell)))]
    if COUNTS.match(text(cell)):
        return [output('<p class="hints">In your own copy this counts what you have done.</p>')]
    return list(cell["outputs"])


def linked(shown: Cell, home: str) -> Cell:
    """A panel that needs a kernel says so: lead to the ways to have one."""
    said = f'<p class="sk-note">{NOTE}'
    for form, markup in shown.get("data", {}).items():
        if form == "text/html" and said in (whole := "".join(markup)):
            more = f' (<a href="{home}run.html">how?</a>)'
            shown["data"][form] = whole.replace(said, said + more)
    return shown


def output(markup: str) -> Cell:
    return {"output_type": "display_data", "data": {"text/html": markup}, "metadata": {}}


def guess_box(guess: dict[str, Any]) -> str:
    """A question that static/guess.js makes a guess of; without scripts it is a line of text."""
    data = html.escape(json.dumps(guess, ensure_ascii=False))
    choices = ", ".join(map(html.escape, guess.get("choices", [])))
    more = f" ({choices})" if choices else ""
    ask = f"<b>Your guess:</b> {html.escape(guess['ask'])}{more}"
    return f'<div class="guess" data-guess="{data}"><p>{ask}</p></div>'
