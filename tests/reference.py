"""Write the course's last page from what its notebooks hold: symptoms, errors, terms, statements.

python tests/reference.py
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import nbformat
from ipykernel.ipkernel import IPythonKernel

from sockutils.errors.shown import manual
from sockutils.why.symptom import Symptom, symptoms
from sockutils.words.sentences import tables

NOTEBOOKS = Path(__file__).parents[1].resolve() / "notebooks"
PAGE = NOTEBOOKS / "15_reference.ipynb"
GLOSSARY = Path(__file__).with_name("glossary.toml")
STATE = Path(__file__).with_name("states.toml")
OPTIONS = Path(__file__).with_name("options.toml")
OPTION = re.compile(r"\b(?:SO|TCP|IP|IPV6)_[A-Z_0-9]+\b")
VERDICT = re.compile(r"^\| (\d+) \| (.*) \| (.*) \| (.*) \|$", re.MULTILINE)
ANCHOR = re.compile(r"\]\((#(?:[^()]|\(\))+)\)")

INTRODUCTION = """# Reference

Everything in one place, with links to the cells that show it: what you may see and why, the terms,
the errors of each call, and the statements of the notes. This page is made from the other
notebooks."""

WHY = """## I see this: why?

What people see, and the likely causes in order; each link leads to a cell that shows it, with its
cure. In a terminal, `python -m sockutils why "Errno 104"` answers the same."""

PRINTED = """### An error

Python prints a number and a text; C's `perror()` prints the text. (The numbers are those of x86 and
ARM.)

| Python prints | why |
|---|---|"""

SEEN = """### Something else

| you see | why |
|---|---|"""

STATEMENTS = """## The statements of the notes

The course grew out of one page of study notes. These are its 89 statements, and what the kernel
says to each.

| # | the notes say | verdict | shown in |
|---|---|---|---|"""

ERRORS = """## The errors of each call

Every entry of the manual's ERRORS sections, and where you trigger it, or why you cannot."""

CALLS = """## The calls in C

As `<sys/socket.h>` and its neighbours declare them. Python's methods have the same names, and raise
`OSError` where C returns -1.

| declaration | shown in |
|---|---|"""

STATES = """## The states of a connection

As `ss` and this course's tables spell them; `netstat` writes `_` for `-`, and `ESTABLISHED`.

| state | what it means | shown in |
|---|---|---|"""

KNOBS = """## The options

Those that a cell sets or asks for, with the first one that does. `man 7 socket`, `ip`, `ipv6` and
`tcp` have all.

| option | level | what it does | shown in |
|---|---|---|---|"""

TERMS = """## Terms

In the words of the man pages, where they have one.

| term | what it is | shown in |
|---|---|---|"""


class Cell(NamedTuple):
    kind: str  # "code" or "markdown"
    notebook: str  # below notebooks/, as "03_listen.ipynb" or "deeper/03_listen.ipynb"
    heading: str  # the one above it
    source: str
    text: str  # what it has printed and returned
    tags: list[str]

    @property
    def link(self) -> str:
        return link(f"{self.notebook}#{self.heading}")


def link(place: str) -> str:
    """A link to NOTEBOOK#HEADING."""
    notebook, _, heading = place.partition("#")
    number = notebook.removeprefix("deeper/")[:2]
    return f"[{number}: {heading}]({place.replace(' ', '-')})"


def layers() -> list[Path]:
    """Every notebook: each lesson, and after it the one in depth about the same call, if any."""
    places = [NOTEBOOKS, NOTEBOOKS / "deeper"]
    found = [path for place in places for path in place.glob("[0-9][0-9]_*.ipynb")]
    return sorted(found, key=lambda path: (path.name, len(path.parts)))


def name_of(path: Path) -> str:
    """03_listen or deeper/03_listen."""
    return path.relative_to(NOTEBOOKS).with_suffix("").as_posix()


def cells() -> Iterator[Cell]:
    for path in layers():
        name, heading = f"{name_of(path)}.ipynb", ""
        for cell in nbformat.read(path, as_version=4).cells:  # type: ignore[no-untyped-call]
            if cell.cell_type == "markdown":
                heading = (re.findall(r"^#+ (.+)$", cell.source, re.MULTILINE) or [heading])[-1]
            text = "\n".join(map(said, cell.get("outputs", [])))
            tags = cell.metadata.get("tags", [])
            yield Cell(cell.cell_type, name, heading, cell.source, text, tags)


def program(notebook: str, file: str) -> str:
    """A file of the learner's own, as a lesson's folded solution has it. ValueError without one."""
    pattern = re.compile(rf"%%writefile {re.escape(file)}\n(.*?)```", re.DOTALL)
    mine = [
        each.source for each in cells() if each.notebook == notebook and "solution" in each.tags
    ]
    (found,) = [match[1] for match in map(pattern.search, mine) if match]
    return str(found)


def said(output: Any) -> str:
    return str(output.get("text") or output.get("data", {}).get("text/plain", ""))


def statements(every: list[Cell]) -> list[str]:
    """A row for each statement, with one verdict, the longest that a lesson gives; all places."""
    found: dict[int, list[list[str]]] = {}
    for cell in every:
        for number, *columns in VERDICT.findall(cell.source) if "verdicts" in cell.tags else []:
            links = ANCHOR.sub(rf"]({cell.notebook}\1)", columns[-1])
            found.setdefault(int(number), []).append([*columns[:-1], links])
    rows = []
    for number, verdicts in sorted(found.items()):
        said, verdict, _ = max(verdicts, key=lambda each: len(each[1]))
        places = ", ".join(place for *_, place in verdicts)
        rows.append(f"| {number} | {said} | {verdict} | {places} |")
    return rows


def kinds(every: list[Cell]) -> dict[int, set[str]]:
    """Of each statement the verdicts' first words: right, half right, misspelt."""
    found: dict[int, set[str]] = {}
    for cell in every:
        for number, _, verdict, _ in (
            VERDICT.findall(cell.source) if "verdicts" in cell.tags else []
        ):
            found.setdefault(int(number), set()).add(re.split("[:;,]", verdict)[0])
    return found


def errors_of(page: str, entries: list[dict[str, str]], every: list[Cell]) -> list[str]:
    """A table of a man page's errors; ValueError if no notebook says which of them it has shown."""
    start = f"{page} lists {len(entries)} errors"
    (cell,) = [
        cell for cell in every if re.search(rf"^{re.escape(start)}", cell.text, re.MULTILINE)
    ]
    lines = cell.text.partition(start)[2].splitlines()[1:]
    rows = [f"\n### {page}\n", "| error | when | shown in |", "|---|---|---|"]
    for entry, how in zip(entries, lines[1::2], strict=False):
        place = entry.get("unseen") or shown(entry["name"], how.strip(), cell, every)
        rows.append(f"| `{entry['name']}` | {entry['when']} | {place} |")
    return rows


def shown(name: str, call: str, list_of: Cell, every: list[Cell]) -> str:
    """The link to the first cell that printed this failure, in the notebook with the list."""
    for cell in every:
        if cell.notebook == list_of.notebook and f"{call} → {name} " in cell.text:
            return cell.link
    raise ValueError(f"{list_of.notebook} has no cell that shows {call} → {name}")


def printed(symptom: Symptom) -> str:
    """A row for an error of the kernel's, or the resolver's."""
    python, *others = symptom.texts
    names = [text for text in others if text == symptom.error or text.endswith("Error")]
    told = [f"`{python}`", ", ".join(f"`{name}`" for name in names)]
    told += also(text for text in others if text not in [*names, after(python)])
    return f"| {'<br>'.join(told)} | {why(symptom)} |"


def after(python: str) -> str:
    """C's text: what Python prints after the number."""
    return python.partition("] ")[2]


def seen(symptom: Symptom) -> str:
    told = [symptom.head, *also(symptom.texts[1:])]
    return f"| {'<br>'.join(told)} | {why(symptom)} |"


def also(texts: Iterable[str]) -> list[str]:
    found = "; ".join(texts)
    return [f"*also:* {found}"] if found else []


def why(symptom: Symptom) -> str:
    causes = [f"{cause.says} {link(with_suffix(cause.place))}" for cause in symptom.causes]
    if len(causes) == 1:
        return causes[0]
    return "<br>".join(f"{number}. {cause}" for number, cause in enumerate(causes, 1))


def with_suffix(place: str) -> str:
    notebook, _, heading = place.partition("#")
    return f"{notebook}.ipynb#{heading}"


def calls(every: list[Cell]) -> list[str]:
    """A row for each call that a lesson is about: its declaration, from there or its depth."""
    lessons = tables()[0]["lessons"]
    return [declared(call, place, every) for call, place in lessons.items()]


def declared(call: str, place: str, every: list[Cell]) -> str:
    number = PurePath(place).name[:2]
    pattern = re.compile(rf"(?:struct )?\w+ \**{call}\([^;\"]*\);")
    found = [
        (" ".join(match.split()), cell.link)
        for cell in every
        if cell.kind == "code" and PurePath(cell.notebook).name[:2] == number
        for match in pattern.findall(f"{cell.source}\n{cell.text}")
    ]
    text, place = max(found, key=lambda each: len(each[0]))  # that with the arguments' names
    return f"| `{text}` | {place} |"


def states(every: list[Cell]) -> list[str]:
    """A row for each state, with the first cell in which an end has it; StopIteration for none."""
    rows = []
    for state, what in tomllib.loads(STATE.read_text()).items():
        row = re.compile(rf"^(?:tcp|udp) +{state} ", re.MULTILINE)
        cell = next(cell for cell in every if row.search(cell.text) or f"→ {state}" in cell.text)
        rows.append(f"| `{state}` | {what} | {cell.link} |")
    return rows


def options(every: list[Cell]) -> list[str]:
    """A row for each option, with the first cell whose code has it; a lesson comes first."""
    known = tomllib.loads(OPTIONS.read_text())
    found: dict[str, Cell] = {}
    for cell in sorted(every, key=lambda cell: cell.notebook.startswith("deeper/")):
        for name in OPTION.findall(cell.source) if cell.kind == "code" else []:
            found.setdefault(name, cell)
    return [
        f"| `{name}` | `{level}` | {what} | {found[name].link} |"
        for name, (level, what) in known.items()
    ]


def symptom_tables() -> list[str]:
    errors = [printed(each) for each in symptoms() if each.error]
    others = [seen(each) for each in symptoms() if not each.error]
    return ["\n".join([PRINTED, *errors]), "\n".join([SEEN, *others])]


def page() -> list[str]:
    """The text of each cell."""
    every = list(cells())
    pages = [errors_of(each["page"], each["entries"], every) for each in manual().values()]
    terms = tomllib.loads(GLOSSARY.read_text())
    rows = [
        f"| {term} | {what} | {link(where)} |"
        for term, (what, where) in sorted(terms.items(), key=lambda each: each[0].lower())
    ]
    return [
        INTRODUCTION,
        WHY,
        *symptom_tables(),
        "\n".join([TERMS, *rows]),
        "\n".join([CALLS, *calls(every)]),
        "\n".join([STATES, *states(every)]),
        "\n".join([KNOBS, *options(every)]),
        ERRORS,
        *("\n".join(table).strip() for table in pages),
        "\n".join([STATEMENTS, *statements(every)]),
    ]


def write() -> None:
    notebook = nbformat.v4.new_notebook()  # type: ignore[no-untyped-call]
    for number, text in enumerate(page(), 1):
        cell = nbformat.v4.new_markdown_cell(text, id=f"reference-{number:02}")  # type: ignore[no-untyped-call]
        cell.metadata = {"slideshow": {"slide_type": "slide"}}
        notebook.cells.append(cell)
    kernel = {
        "name": "sockutils",
        "display_name": "Sockets (private network)",
        "language": "python",
    }
    notebook.metadata = {
        "kernelspec": kernel,
        "language_info": dict(sorted(IPythonKernel.language_info.items())),
    }
    nbformat.write(notebook, PAGE)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    write()
