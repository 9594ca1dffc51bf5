"""Which exercises and questions are done, kept in the user's data directory between sessions."""

import contextlib
import html
import json
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows has none: there, two kernels saving at once may lose an item
    fcntl = None  # type: ignore[assignment]

LESSONS = Path(__file__).parent / "lessons"
COLUMNS = ("lesson", "minutes", "exercises", "quiz", "notebook")
Done = dict[str, list[str]]  # by lesson: "waiting_room", "quiz 1"


@dataclass(frozen=True, repr=False)
class Progress:
    """A row per lesson; below, what is open and what is wrong with the file."""

    rows: tuple[tuple[str, ...], ...]
    below: tuple[str, ...]

    def __repr__(self) -> str:
        table = (COLUMNS, *self.rows)
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        rows = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in table)
        return "\n".join([*rows, *self.below])

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{name}</th>' for name in COLUMNS[:-1])
        rows = "".join(map(html_row, self.rows))
        below = "".join(f"<p>{html.escape(line)}</p>" for line in self.below)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{below}"


def html_row(row: tuple[str, ...]) -> str:
    title, *cells, notebook = map(html.escape, row)
    first = f'<th scope="row"><a href="{notebook}">{title}</a></th>'
    return f"<tr>{first}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def progress(lesson: str | None = None) -> Progress:
    """Show how much of every lesson is done; of one lesson, also what is still open.

    A record that cannot be read is no error: a line below the table says so. FileNotFoundError
    where there is no such lesson.
    """
    done, note = load()
    chosen = lessons() if lesson is None else {lesson: read_lesson(lesson)}
    rows = tuple(row(about, done.get(name, [])) for name, about in chosen.items())
    below = [note]
    if lesson is not None:
        still_open = [item for item in items(chosen[lesson]) if item not in done.get(lesson, [])]
        below.insert(0, f"open: {', '.join(still_open) or 'nothing'}")
    return Progress(rows, tuple(filter(None, below)))


def row(about: dict[str, Any], done: list[str]) -> tuple[str, ...]:
    exercises, questions = about.get("exercises", []), quiz_items(about)
    return (
        about["title"],
        str(about["minutes"]),
        f"{len(set(exercises) & set(done))}/{len(exercises)}",
        f"{len(set(questions) & set(done))}/{len(questions)}",
        about["notebook"],
    )


def items(about: dict[str, Any]) -> list[str]:
    return [*about.get("exercises", []), *quiz_items(about)]


def quiz_items(about: dict[str, Any]) -> list[str]:
    return [f"quiz {number}" for number, _ in enumerate(about.get("quiz", []), 1)]


def lessons() -> dict[str, dict[str, Any]]:
    found = {path.stem: read_lesson(path.stem) for path in LESSONS.glob("*.toml")}
    return dict(sorted(found.items(), key=lambda each: str(each[1]["notebook"])))


def read_lesson(name: str) -> dict[str, Any]:
    return tomllib.loads((LESSONS / f"{name}.toml").read_text(encoding="utf-8"))


def record(lesson: str, item: str) -> str:
    """Keep an item as done; return what there is to say about it: "" or one line."""
    try:
        path = store()
        with locked(path):
            data, note = read_or_set_aside(path)
            done = data.setdefault("done", {})
            done[lesson] = sorted({*done.get(lesson, []), item})
            write(path, data)
    except OSError as error:
        return f"progress cannot be saved: {error}"
    return note


def load() -> tuple[Done, str]:
    """Return what is done, and one line on what is wrong with the file, or ""."""
    try:
        path = store()
        try:
            data, note = read(path), ""
        except ValueError:
            with locked(path):
                data, note = read_or_set_aside(path)
    except OSError as error:
        return {}, f"progress cannot be read: {error}"
    return data.get("done", {}), note


def reset_progress() -> None:
    """Start again with nothing done; the file is renamed, not deleted, and a line says to what."""
    try:
        path = store()
        with locked(path):
            kept = path.rename(unused(path, "old"))
    except FileNotFoundError:
        print("Nothing is done yet: there is nothing to reset.")
    except OSError as error:
        print(f"progress cannot be reset: {error}")
    else:
        print(f"Nothing is done any more. What was is kept as {kept.name}.")


def store() -> Path:
    from platformdirs import user_data_dir

    return Path(user_data_dir("sockutils", appauthor=False)) / "progress.json"


def read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    if not isinstance(data, dict) or not is_done(data.get("done", {})):
        raise ValueError("not the record of progress")
    return data


def is_done(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(kept, list) and all(isinstance(item, str) for item in kept)
        for kept in value.values()
    )


def read_or_set_aside(path: Path) -> tuple[dict[str, Any], str]:
    try:
        return read(path), ""
    except ValueError as error:
        kept = path.rename(unused(path, "broken"))
        return {}, f"{path.name} cannot be understood ({error}); it is kept as {kept.name}"


def unused(path: Path, ending: str) -> Path:
    free = path.with_name(f"{path.name}.{ending}")
    number = 1
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}.{ending}{number}")
    return free


def write(path: Path, data: dict[str, Any]) -> None:
    draft = path.with_name(f"{path.name}.new")
    draft.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(draft, path)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("a") as lock:
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_EX)  # closing the file lets go of it
        yield
