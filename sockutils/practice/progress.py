"""Which exercises and questions are done, kept in the user's data directory between sessions."""

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from sockutils.figures.columns import aligned

if TYPE_CHECKING:
    from pathlib import Path

LESSONS = os.path.join(os.path.dirname(os.path.dirname(__file__)), "lessons")
COLUMNS = ("lesson", "minutes", "exercises", "quiz", "notebook")


class Progress(NamedTuple):
    """A row per lesson."""

    rows: list[tuple[str, ...]]

    def __repr__(self) -> str:
        return aligned([COLUMNS, *self.rows])

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{name}</th>' for name in COLUMNS[:-1])
        rows = "".join(map(html_row, self.rows))
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def html_row(row: tuple[str, ...]) -> str:
    import html

    title, *cells, notebook = map(html.escape, row)
    first = f'<th scope="row"><a href="{notebook}">{title}</a></th>'
    return f"<tr>{first}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def progress() -> Progress:
    """Show how much of every lesson is done."""
    rows = map(row, names())
    return Progress(sorted(rows, key=lambda row: row[-1]))


def names() -> list[str]:
    return [name.removesuffix(".toml") for name in os.listdir(LESSONS) if name.endswith(".toml")]


def row(lesson: str) -> tuple[str, ...]:
    about = read_lesson(lesson)
    quiz = enumerate(about["quiz"], 1)
    questions = [f"quiz {number}" for number, asked in quiz if not asked.get("deeper")]
    deeper = about.get("deeper", [])
    exercises = share(lesson, [name for name in about["exercises"] if name not in deeper])
    answered = share(lesson, questions)
    return about["title"], str(about["minutes"]), exercises, answered, about["notebook"]


def share(lesson: str, items: list[str]) -> str:
    done = sum((store() / lesson / item).exists() for item in items)
    return f"{done}/{len(items)}"


def read_lesson(name: str) -> dict[str, Any]:
    import tomllib

    with open(os.path.join(LESSONS, f"{name}.toml"), "rb") as file:
        return tomllib.load(file)


def record(lesson: str, item: str) -> str:
    """Keep an exercise or question as done; return "", or one line on why that is impossible."""
    try:
        (store() / lesson).mkdir(parents=True, exist_ok=True)
        (store() / lesson / item).touch()
    except OSError as error:
        return f"progress cannot be saved: {error}"
    return ""


def reset_progress() -> None:
    """Start again with nothing done."""
    import shutil

    if store().exists():
        shutil.rmtree(store())


def store() -> "Path":
    # An empty file for each thing done: two notebooks that save at once do not disturb each other.
    from platformdirs import user_data_path

    return user_data_path("sockutils", appauthor=False) / "done"
