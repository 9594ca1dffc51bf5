"""All pages, laid out for Sphinx: the lessons, the first page, the ways to run the course."""

import json
import os
import re
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sockutils.course.source import lessons
from sockutils.practice.progress import in_order, read_lesson
from sockutils.why.symptom import symptoms
from website.cells import prepared, text
from website.markup import address, heading, inline, one_line
from website.showcase import picture

HERE = Path(__file__).parent
REFERENCE = "15_reference"
BOOK = HERE.parent / "build/book/sockets.pdf"
RUNNING = HERE.parent / "RUNNING.md"


class Lesson(NamedTuple):
    name: str  # of its module, "listen"
    page: str  # "03_listen"
    title: str  # "listen()"
    minutes: int
    about: str  # in one sentence

    @property
    def deeper(self) -> str:
        return f"deeper/{self.page}"


def course() -> list[Lesson]:
    """The lessons in their order."""
    return [lesson(name) for name in in_order()]


def lesson(name: str) -> Lesson:
    about = read_lesson(name)
    page = about["notebook"].removesuffix(".ipynb")
    return Lesson(
        name, page, about["title"], about["minutes"], first_words(lessons()[f"{page}.ipynb"])
    )


def first_words(path: Path) -> str:
    """The first paragraph of text below a notebook's title."""
    first = text(json.loads(path.read_text(encoding="utf-8"))["cells"][0])
    return next(part for part in first.split("\n\n")[1:] if part[0] != "<")


def lay_out(folder: Path) -> None:
    """Write all pages there. Pages that nothing is left of are not removed."""
    names = {each.page: each.name for each in course()}
    for name, path in lessons().items():
        module = names.get(Path(name).stem, "")
        page = prepared(
            json.loads(path.read_text(encoding="utf-8")), module, "../" * name.count("/")
        )
        write(folder / name, json.dumps(page, ensure_ascii=False))
    for template in ("index.rst", "404.rst"):
        write(folder / template, filled(template))
    write(folder / "run.md", ways_to_run())


def ways_to_run() -> str:
    """RUNNING.md. Files of the checkout are no pages of the site: their names are enough."""
    text = RUNNING.read_text(encoding="utf-8")
    return re.sub(r"\[([^]]+)\]\((?!https?:)[^)]+\)", r"\1", text)


def filled(template: str) -> str:
    pages = Environment(loader=FileSystemLoader(HERE / "pages"), undefined=StrictUndefined)
    pages.filters |= {each.__name__: each for each in (address, heading, inline, one_line)}
    return pages.get_template(f"{template}.j2").render(
        lessons=course(),
        symptoms=symptoms(),
        picture=picture(),
        reference=REFERENCE,
        book=BOOK.name if BOOK.exists() else "",
        home=base() or "/",
    )


def base() -> str:
    """Where the site will be, with a slash at its end, or nothing if SITE_URL does not say it."""
    address = os.environ.get("SITE_URL", "").rstrip("/")
    return f"{address}/" if address else ""


def write(path: Path, text: str) -> None:
    """Write what has changed: Sphinx reads again what is newer."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
