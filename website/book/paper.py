"""Printing: Chromium makes the pages, and is told where everything has come to stand."""

import os
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from pypdf import PdfReader

TELL = """(links, numbers) => links.forEach(a => {
    a.dataset.page = numbers[decodeURIComponent(a.hash.slice(1))] ?? "000" })"""
ROUNDS = 4


def printed(html: str, pdf: Path) -> None:
    """Print twice: the page numbers of the first time are written into the second.

    Chromium has no `target-counter()`. Each number has the same width (book.css), so the second
    time nothing moves; it is looked at all the same, and RuntimeError raised if it does not rest.
    """
    pdf.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        source = Path(folder, "book.html")
        source.write_text(html, encoding="utf-8")
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=["--no-sandbox"] * (os.getuid() == 0),  # root has none in Chromium
        )
        page = browser.new_page()
        page.goto(source.as_uri())
        page.eval_on_selector_all("a.page", TELL, {})
        numbers = print_once(page, pdf)
        for _ in range(ROUNDS):
            page.eval_on_selector_all("a.page", TELL, numbers)
            before, numbers = numbers, print_once(page, pdf)
            if numbers == before:
                break
        else:
            raise RuntimeError(f"page numbers still move after {ROUNDS} rounds")
        browser.close()


def print_once(page: Page, pdf: Path) -> dict[str, int]:
    """Write the PDF, and return the page of each place that a link leads to."""
    page.pdf(path=pdf, prefer_css_page_size=True, outline=True, tagged=True, print_background=True)
    reader = PdfReader(pdf)
    places = reader.named_destinations.items()
    numbers = {name.lstrip("/"): reader.get_destination_page_number(at) for name, at in places}
    return {name: number + 1 for name, number in numbers.items() if number is not None}
