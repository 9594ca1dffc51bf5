"""A page of the site as a chapter: its text, with nothing that needs a screen."""

import base64
import re
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import NamedTuple

from bs4 import BeautifulSoup, Tag
from markupsafe import Markup

from website.book.answers import gathered

SCREEN = (
    ".headerlink, .beside, script, button, input, select, .cell_output style, .sk-note, "
    ".sockutils-still > p"
)
# Keywords, strings, comments have a colour; each piece of text is a tag, and the PDF large enough.
PLAIN = ".highlight span:not([class^=k], [class^=s], [class^=c], .ow), .highlight .sa, span.pre"
DRAWING = re.compile(r"^data:image/svg\+xml;base64,")
DRAWN = count(1)


class Section(NamedTuple):
    name: str
    title: str


@dataclass
class Chapter:
    page: str  # "03_listen"
    text: Tag

    @property
    def title(self) -> str:
        return found(self.text, "h1").get_text()

    @property
    def name(self) -> str:
        """What the chapter is called in links."""
        return self.page.replace("/", ".")

    @property
    def html(self) -> Markup:
        return Markup(str(self.text))

    @property
    def sections(self) -> list[Section]:
        """For the table of contents."""
        sections = self.text.select("section:has(> h2)")
        return [Section(str(each["id"]), found(each, "h2").get_text()) for each in sections]


def chapter(site: Path, page: str) -> Chapter:
    """Read the chapter from the site's page."""
    soup = BeautifulSoup((site / f"{page}.html").read_text(encoding="utf-8"), "html.parser")
    text = found(soup, "article[role=main]")
    clean(text)
    gathered(text, soup)
    return Chapter(page, text)


def clean(text: Tag) -> None:
    for each in text.select(SCREEN):
        each.decompose()
    for each in text.select(PLAIN):
        each.unwrap()
    text.smooth()
    for image in text.select("img"):
        draw(image)


def drawn(markup: str) -> str:
    """A stored picture's HTML as its drawing."""
    soup = BeautifulSoup(markup, "html.parser")
    clean(soup)
    return str(soup)


def found(text: Tag, selector: str) -> Tag:
    (first, *_) = text.select(selector)
    return first


def draw(image: Tag) -> None:
    """Put a drawing in its image's place, as sockutils/figures/page.js does, for its text."""
    data = str(image["src"])
    if not DRAWING.match(data):
        return
    svg = base64.b64decode(DRAWING.sub("", data)).decode()
    number = next(DRAWN)
    drawing = found(BeautifulSoup(re.sub(r"\bsk(?=\d)", f"sk{number}-", svg), "html.parser"), "svg")
    for title in drawing.select("title"):  # it stands where a pointer rests
        title.decompose()
    drawing["role"], drawing["aria-label"] = "img", image["alt"]
    image.replace_with(drawing)
