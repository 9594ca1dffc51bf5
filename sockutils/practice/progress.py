"""Which exercises and questions are done, kept in the user's data directory between sessions."""

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from sockutils.figures.columns import aligned
from sockutils.practice.feedback import bar, style

if TYPE_CHECKING:
    from pathlib import Path

LESSONS = os.path.join(os.path.dirname(os.path.dirname(__file__)), "lessons")
REFERENCE = "15_reference.ipynb"
COLUMNS = ("lesson", "minutes", "exercises", "quiz", "notebook")


class Here(NamedTuple):
    """The lesson to go on with."""

    verb: str
    title: str
    notebook: str

    def __repr__(self) -> str:
        return f"{self.verb} {self.title}: {self.notebook}"

    def _repr_html_(self) -> str:
        import html

        link = f'<a href="{html.escape(self.notebook)}">{html.escape(self.title)}</a>'
        return f"<p>{self.verb} <b>{link}</b></p>"


class Progress(NamedTuple):
    """A row per lesson, and where to go on."""

    rows: list[tuple[str, ...]]
    here: Here

    def __repr__(self) -> str:
        return f"{self.here}\n\n{aligned([COLUMNS, *self.rows])}"

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{name}</th>' for name in (*COLUMNS[:-1], "passed"))
        rows = "".join(map(html_row, self.rows))
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        return style() + self.here._repr_html_() + table


def html_row(row: tuple[str, ...]) -> str:
    import html

    title, *cells, notebook = map(html.escape, row)
    first = f'<th scope="row"><a href="{notebook}">{title}</a></th>'
    shares = [share.split("/") for share in cells[1:]]
    done, total = (sum(map(int, numbers)) for numbers in zip(*shares, strict=True))
    cells.append(bar(done, total))
    return f"<tr>{first}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def progress() -> Progress:
    """Show how much of every lesson is done, and which one comes next."""
    return Progress([row(name) for name in in_order()], continue_here())


def continue_here() -> Here:
    """Name the lesson to go on with: the one where something was done last, or one after it.

    It is complete when its exercises, its own program and its questions are done; then the first
    lesson after it that is not comes next, and after the last one the first from the beginning.
    """
    lessons = in_order()
    times = {name: latest(name) for name in lessons}
    last = max(lessons, key=lambda name: times[name])
    place = lessons.index(last) if times[last] else 0
    for name in lessons[place:] + lessons[:place]:
        if not complete(name):
            about = read_lesson(name)
            verb = "continue with" if times[last] else "begin with"
            return Here(verb, about["title"], about["notebook"])
    return Here("all is done; look things up in", "the reference", REFERENCE)


def latest(lesson: str) -> float:
    folder = store() / lesson
    return max((item.stat().st_mtime for item in folder.glob("*")), default=0)


def complete(lesson: str) -> bool:
    return all(share.split("/")[0] == share.split("/")[1] for share in row(lesson)[2:4])


def in_order() -> list[str]:
    return sorted(names(), key=lambda name: str(read_lesson(name)["notebook"]))


def names() -> list[str]:
    return [name.removesuffix(".toml") for name in os.listdir(LESSONS) if name.endswith(".toml")]


def row(lesson: str) -> tuple[str, ...]:
    about = read_lesson(lesson)
    exercises, questions = (share(lesson, items) for items in counted(lesson))
    return about["title"], str(about["minutes"]), exercises, questions, about["notebook"]


def counted(lesson: str) -> tuple[list[str], list[str]]:
    """The exercises and the questions of a lesson, without those in depth."""
    about = read_lesson(lesson)
    quiz = enumerate(about["quiz"], 1)
    questions = [f"quiz {number}" for number, asked in quiz if not asked.get("deeper")]
    deeper = about.get("deeper", [])
    return [name for name in about["exercises"] if name not in deeper], questions


def share(lesson: str, items: list[str]) -> str:
    return f"{[outcome(lesson, item) for item in items].count('passed')}/{len(items)}"


def outcome(lesson: str, item: str) -> str:
    """Return "passed", "not yet" if it was only tried, or "not attempted"."""
    if (store() / lesson / item).exists():
        return "passed"
    return "not yet" if (store("tried") / lesson / item).exists() else "not attempted"


def read_lesson(name: str) -> dict[str, Any]:
    import tomllib

    with open(os.path.join(LESSONS, f"{name}.toml"), "rb") as file:
        return tomllib.load(file)


def record(lesson: str, item: str, passed: bool = True) -> str:
    """Keep an exercise or question as done, or as tried.

    Return "", or one line on why that is impossible.
    """
    folder = store("done" if passed else "tried") / lesson
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / item).touch()
    except OSError as error:
        return f"progress cannot be saved: {error}"
    return ""


def reset_progress() -> None:
    """Start again with nothing done."""
    import shutil

    for kind in ("done", "tried"):
        if store(kind).exists():
            shutil.rmtree(store(kind))


def store(kind: str = "done") -> "Path":
    # An empty file for each thing done: two notebooks that save at once do not disturb each other.
    from platformdirs import user_data_path

    return user_data_path("sockutils", appauthor=False) / kind
