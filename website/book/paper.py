"""Printing: Chromium makes the pages, and is told where everything has come to stand."""

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from pypdf import PdfReader

from website.chromium import FLAGS, installed

TELL = """(links, numbers) => links.forEach(a => {
    a.dataset.page = numbers[decodeURIComponent(a.hash.slice(1))] ?? "000" })"""


def printed(html: str, pdf: Path) -> None:
    """Print twice: the page numbers of the first time are written into the second.

    Chromium has no `target-counter()`. Each number has the same width (book.css), so the second
    time nothing moves; it is looked at all the same. Raises FileNotFoundError if there is no
    Chromium, RuntimeError if something moved.
    """
    pdf.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        source, new = Path(folder, "book.html"), Path(folder, "book.pdf")
        source.write_text(html, encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=installed(), args=FLAGS)
        numbers = print_once(browser, source, new, {})
        moved = numbers.items() ^ print_once(browser, source, new, numbers).items()
        browser.close()
        if moved:
            name, number = min(moved, key=lambda place: place[1])
            raise RuntimeError(f"{len(moved)} places moved, the first, {name}, on page {number}")
        shutil.move(new, pdf)  # so that a book is there whole, or as it was


def print_once(browser: Browser, html: Path, pdf: Path, numbers: dict[str, int]) -> dict[str, int]:
    """Write the PDF with these numbers, and return the page of each place that a link leads to.

    In a new tab: where Chromium has printed before, it lays out again only what has changed, and
    then breaks some pages elsewhere, even if nothing has.
    """
    page = browser.new_page()
    page.goto(html.as_uri())
    page.eval_on_selector_all("a.page", TELL, numbers)
    page.evaluate("document.fonts.ready.then(() => {})")
    page.pdf(path=pdf, prefer_css_page_size=True, outline=True, tagged=True, print_background=True)
    page.close()
    reader = PdfReader(pdf)
    places = reader.named_destinations.items()
    found = {name.lstrip("/"): reader.get_destination_page_number(at) for name, at in places}
    return {name: number + 1 for name, number in found.items() if number is not None}
