"""Names in the book: each page has its own, so each place is called PAGE.NUMBER here."""

from posixpath import dirname, join, normpath
from urllib.parse import unquote, urlsplit

from bs4 import Tag

from website.book.chapter import Chapter

Names = dict[tuple[str, str], str]  # of a page's place; the page itself is ""


def named(chapters: list[Chapter]) -> None:
    """Rename all places, and let links lead to them; a link to what is not here becomes text."""
    names: Names = {}
    for chapter in chapters:
        names[chapter.page, ""] = chapter.text["id"] = chapter.name
        for number, each in enumerate(chapter.text.select("[id]")):
            if each.find_parent("svg"):
                continue
            new = f"{chapter.name}.{number}"
            names[chapter.page, str(each["id"])] = each["id"] = new
    for chapter in chapters:
        for link in chapter.text.select("a[href]"):
            lead(link, chapter.page, names)


def lead(link: Tag, page: str, names: Names) -> None:
    parts = urlsplit(str(link["href"]))
    if parts.scheme:
        return
    path = unquote(parts.path).removesuffix(".html")
    target = normpath(join(dirname(page), path)) if path else page
    name = names.get((target, unquote(parts.fragment)))
    if name is None:
        link.unwrap()
        return
    link["href"] = f"#{name}"
    if target != page:
        link["class"] = "page"
