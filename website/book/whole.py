"""The whole book as one page of HTML: title, contents, chapters."""

from importlib.metadata import version
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from matplotlib import get_data_path

from website.book.chapter import Chapter, chapter, drawn
from website.book.names import named
from website.showcase import picture
from website.sources import REFERENCE, course

HERE = Path(__file__).parent
PARTS = {"lesson": "Lessons", "deeper": "In depth", "more": "Reference"}
FACES = [  # matplotlib brings them, so that every machine prints the same
    ("text", "STIXGeneral", "normal", "normal"),
    ("text", "STIXGeneralItalic", "normal", "italic"),
    ("text", "STIXGeneralBol", "bold", "normal"),
    ("text", "STIXGeneralBolIta", "bold", "italic"),
    ("sans", "DejaVuSans", "normal", "normal"),
    ("sans", "DejaVuSans-Bold", "bold", "normal"),
    ("mono", "DejaVuSansMono", "normal", "normal"),
    ("mono", "DejaVuSansMono-Bold", "bold", "normal"),
    ("mono", "DejaVuSansMono-Oblique", "normal", "italic"),
]


def pages() -> list[str]:
    """All pages in the book's order."""
    lessons = course()
    return [*(each.page for each in lessons), *(each.deeper for each in lessons), REFERENCE, "run"]


def part(page: str) -> str:
    if page in (REFERENCE, "run"):
        return PARTS["more"]
    return PARTS["deeper" if page.startswith("deeper/") else "lesson"]


def whole(site: Path, names: list[str]) -> str:
    """Return the book of these pages; what it is printed with stands in it, or on this machine."""
    chapters = [chapter(site, name) for name in names]
    named(chapters)
    parts: dict[str, list[Chapter]] = {}
    for each in chapters:
        parts.setdefault(part(each.page), []).append(each)
    templates = Environment(
        loader=FileSystemLoader(HERE), undefined=StrictUndefined, autoescape=True
    )
    return templates.get_template("book.html.j2").render(
        parts=parts,
        chapters=chapters,
        faces=FACES,
        fonts=(Path(get_data_path()) / "fonts/ttf").as_uri(),
        code=Markup((site / "_static/pygments.css").read_text()),
        css=Markup((HERE / "book.css").read_text()),
        picture=Markup(drawn(picture())),
        version=version("sockutils"),
    )
