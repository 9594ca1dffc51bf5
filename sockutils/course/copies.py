"""Lay the lessons out in a folder, and never over what a learner has touched."""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from itertools import chain, count
from pathlib import Path

from sockutils.course.source import lessons, same, text_of

RECORD = ".course"  # what was laid out here, each file as it was then


class Folder:
    """A learner's folder. All that it does can be done again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written: list[str] = []  # the texts of the lessons that were laid out by this object

    def lay_out(self, outputs: bool = False) -> list[str]:
        """Write what is missing or out of date; return a line for each file that tells news.

        An untouched copy is replaced by a newer lesson; beside a touched one the newer lesson gets
        a name of its own. OSError: EEXIST if a file has a lesson's name and was not laid out here,
        and whatever open(2) and write(2) say; then nothing that was there has changed.
        """
        wanted = {name: text_of(path, outputs) for name, path in lessons().items()}
        self._refuse_strangers(wanted)
        return [line for name, text in wanted.items() for line in self._update(name, text)]

    def restore(self, number: str) -> list[str]:
        """Lay a lesson out afresh; what was there is kept under another name.

        ValueError: no lesson, or more than one, begins with that number.
        """
        found = {name: path for name, path in lessons().items() if name.startswith(number)}
        if not number or len(found) != 1:
            names = ", ".join(found or lessons())
            raise ValueError(f"{number!r} does not name one lesson of these: {names}")
        ((name, path),) = found.items()
        told, text = [f"{name} is fresh"], text_of(path, outputs=False)
        if (self.path / name).exists() and not same(read(self.path / name), text):
            kept = free_name(self.path / name, "yours")
            os.rename(self.path / name, kept)
            told = [f"your {name} is {kept.name} now", *told]
        self._write(name, text)
        return told

    def _refuse_strangers(self, names: dict[str, str]) -> None:
        for name, text in names.items():
            there = self.path / name
            known = self._record(name).exists() or not there.exists()
            if not known and not same(read(there), text):
                line = "is not a lesson that was laid out here: take another folder"
                raise FileExistsError(errno.EEXIST, line, str(there))

    def _update(self, name: str, text: str) -> Iterator[str]:
        there, record = self.path / name, self._record(name)
        if not there.exists():
            self._write(name, text)
            return
        laid = read(record) if record.exists() else text
        if same(laid, text):
            return
        if same(read(there), laid):
            self._write(name, text)
            yield f"{name} is updated"
            return
        beside = name.removesuffix(".ipynb") + f" (new in {version('sockutils')}).ipynb"
        if not (self.path / beside).exists():
            yield f"{name} is yours and stays; the newer lesson is {beside}"
        yield from self._update(beside, text)

    def _record(self, name: str) -> Path:
        return self.path / RECORD / name

    def _write(self, name: str, text: str) -> None:
        # The record comes last: a lesson without one is laid out again, if it is the same.
        write(self.path / name, text)
        write(self._record(name), text)
        self.written.append(text)


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def write(path: Path, text: str) -> None:
    """Write the whole file or none of it: rename(2) puts it in its place when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        with suppress(OSError):
            draft.unlink()


def free_name(path: Path, word: str) -> Path:
    """`NAME (word)`, or with a number after the word the first that nobody has."""
    words = chain([word], (f"{word} {number}" for number in count(2)))
    names = (path.with_name(f"{path.stem} ({each}){path.suffix}") for each in words)
    return next(name for name in names if not name.exists())
