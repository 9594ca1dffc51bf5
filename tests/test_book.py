"""The book: printed, then read page by page. Two chapters of it, or with ALL=1 the whole."""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import browser
import pytest
from kernels import ALL
from pypdf import PdfReader

from website.book.whole import pages
from website.cells import prepared
from website.sources import write

ROOT = Path(__file__).parents[1]
PAGES = pages() if ALL else ["03_listen", "deeper/03_listen"]
pytestmark = browser.pytestmark
chromium = browser.chromium


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> PdfReader:
    folder = tmp_path_factory.mktemp("book")
    site, pdf = folder / "site", folder / "book.pdf"
    run("website", site) if ALL else two_pages(folder / "sources", site)
    run("website.book", site, pdf, *PAGES)
    return PdfReader(pdf)


def two_pages(sources: Path, site: Path) -> None:
    """Build only these, with links to pages that are not there."""
    for page in PAGES:
        path = ROOT / f"notebooks/{page}.ipynb"
        cells = json.loads(path.read_text(encoding="utf-8"))
        ready = prepared(cells, "listen", "../" * page.count("/"))
        write(sources / f"{page}.ipynb", json.dumps(ready))
    run("sphinx", "-Q", "-c", ROOT / "website", "-D", f"root_doc={PAGES[0]}", sources, site)


def run(module: str, *arguments: str | Path) -> None:
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_each_chapter_is_in_the_outline(book: PdfReader) -> None:
    chapters = [each for each in book.outline if not isinstance(each, list)]
    assert len(chapters) == len(PAGES) + 1  # and the table of contents


def test_each_page_says_something(book: PdfReader) -> None:
    assert [n for n, page in enumerate(book.pages, 1) if len(page.extract_text()) < 20] == []


def test_links_lead_where_they_say(book: PdfReader) -> None:
    places = book.named_destinations.items()
    names = {name.lstrip("/"): book.get_destination_page_number(at) for name, at in places}
    all_said = 0
    for page in book.pages:
        links = [link.get_object() for link in page.get("/Annots", [])]
        led = [names[str(link["/Dest"]).lstrip("/")] for link in links if "/Dest" in link]
        said = Counter(map(int, re.findall(r"\(p\. (\d+)\)", page.extract_text())))
        assert said <= Counter(number + 1 for number in led if number is not None)
        all_said += said.total()
    assert all_said


def test_fonts_are_in_the_file(book: PdfReader) -> None:
    for page in book.pages:
        for font in page["/Resources"].get("/Font", {}).values():
            inner = font.get_object().get("/DescendantFonts", [font])[0].get_object()
            if inner["/Subtype"] != "/Type3":
                assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(inner["/FontDescriptor"])


def test_the_text_of_each_chapter_is_there(book: PdfReader) -> None:
    text = "".join("".join(page.extract_text() for page in book.pages).split())
    for path in (ROOT / f"notebooks/{page}.ipynb" for page in PAGES if page != "run"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        assert all("".join(each.split()) in text for each in code[:1]), path
