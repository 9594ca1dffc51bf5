"""What templates say of a text: HTML of its Markdown, the address and the name of a cell."""

import re
from urllib.parse import quote

from markdown_it import MarkdownIt

MARKDOWN = MarkdownIt()


def slug(heading: str) -> str:
    """A heading's name in a link, as JupyterLab and nbconvert make it."""
    return heading.replace(" ", "-")


def address(place: str) -> str:
    """The address of NOTEBOOK#HEADING below the first page."""
    notebook, _, title = place.partition("#")
    return f"{notebook}.html#{quote(slug(title))}"


def heading(place: str) -> str:
    return place.partition("#")[2]


def inline(text: str) -> str:
    """HTML of a paragraph of Markdown, whose links to notebooks lead to their pages."""
    return one_line(
        re.sub(r'href="([\w./]+)\.ipynb', r'href="\1.html', MARKDOWN.renderInline(text))
    )


def one_line(markup: str) -> str:
    """The same HTML, indented for a directive of reStructuredText."""
    return markup.replace("\n", "\n   ")
