"""The site: built once, then read as a stranger would, in a browser and without one."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import browser
import built
import pytest
from built import HOME
from playwright.sync_api import Locator, Page, expect
from reference import layers, name_of

pytestmark = browser.pytestmark
chromium, opened, strangers = browser.chromium, browser.opened, browser.strangers
site, server, visit = built.site, built.server, built.visit

LESSON = "03_listen.html"
SCHEMES = ["light", "dark"]
PHONE, TABLET, PROJECTOR = 390, 1024, 1920
LARGEST = 1_000_000  # bytes of a page
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
PAGES = ["index", "run", *map(name_of, layers())]


class Names(HTMLParser):
    """The names in a page that links can lead to, the links, and what a page fetches."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self.ids += [given["id"]] if "id" in given else []
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif given.get("rel") != "canonical":
            self.fetched += [given[name] for name in ("src", "href") if name in given]


@pytest.fixture(scope="module")
def names(site: Path) -> dict[Path, Names]:
    return {page: Names(page) for page in site.rglob("*.html")}


def test_every_link_leads_somewhere(site: Path, names: dict[Path, Names]) -> None:
    broken = [
        (page.relative_to(site), link)
        for page, found in names.items()
        for link in found.links
        if not leads(page, link, names)
    ]
    assert broken == []


def leads(page: Path, link: str, names: dict[Path, Names]) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.path.startswith("/"):
        return parts.scheme in ("https", "mailto") or page.stem == "404"
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if target not in names:
        return target.is_file()
    return not parts.fragment or unquote(parts.fragment) in names[target].ids


def test_nothing_comes_from_another_host(names: dict[Path, Names]) -> None:
    fetched = {urlsplit(each).scheme for found in names.values() for each in found.fetched}
    assert fetched <= {"", "data"}


def test_a_page_is_small(site: Path) -> None:
    sizes = {page.name: page.stat().st_size for page in site.rglob("*.html")}
    assert {name: size for name, size in sizes.items() if size > LARGEST} == {}


@pytest.mark.parametrize("path", layers(), ids=name_of)
def test_every_cell_can_be_cited(names: dict[Path, Names], site: Path, path: Path) -> None:
    found = names[site / f"{name_of(path)}.html"]
    ids = {cell.id for cell in browser.cells(f"{name_of(path)}.ipynb")}
    assert ids <= set(found.ids)
    assert len(found.ids) == len(set(found.ids))


def test_notes_for_authors_stay_outside(site: Path) -> None:
    texts = [page.read_text(encoding="utf-8") for page in site.rglob("*.html")]
    for word in ("nbval-", "lecture", "slide_type", "raises-exception"):
        assert not [text for text in texts if f'"{word}' in text or f"tag_{word}" in text]


def test_a_page_tells_other_programs_what_it_is(site: Path) -> None:
    text = (site / LESSON).read_text(encoding="utf-8")
    told = dict(re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)"', text))
    assert told["og:title"] == "listen()"
    assert told["description"].startswith("listen() turns a socket into a listener")
    assert told["og:url"] == HOME + LESSON
    picture = site / told["og:image"].removeprefix(HOME)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_all_pages_are_listed(site: Path) -> None:
    places = re.findall(r"<loc>(.*)</loc>", (site / "sitemap.xml").read_text())
    assert set(places) == {f"{HOME}{page}.html" for page in PAGES}
    listed = re.findall(r"\]\(([\w/.-]+)\)", (site / "llms.txt").read_text())
    assert {f"{name_of(path)}.md" for path in layers()} <= set(listed)
    assert [each for each in listed if not (site / each).is_file()] == []


@pytest.mark.parametrize(
    ("width", "pages"), [(PHONE, PAGES), (TABLET, PAGES[:4]), (PROJECTOR, PAGES[:4])]
)
def test_a_page_is_as_wide_as_its_window(
    visit: Callable[..., Page], width: int, pages: list[str]
) -> None:
    page = visit("index.html", width)
    wide = {}
    for name in pages:
        page.goto(urljoin(page.url, f"/{name}.html"))
        wide[name] = page.evaluate(WIDE)
    assert {name: more for name, more in wide.items() if more} == {}


def test_it_can_be_read_without_scripts(visit: Callable[..., Page]) -> None:
    page = visit(LESSON, scripts=False)
    expect(page.get_by_text("the kernel dropped the SYN, without a word")).to_be_visible()
    expect(page.get_by_text("connect() is over: False")).to_be_visible()
    expect(page.get_by_role("img", name="0 s client → server SYN")).to_be_visible()
    solution = page.locator("details", has_text="A solution").first
    solution.locator("summary").click()
    expect(solution.get_by_text("backlog=places - 1")).to_be_visible()


def cell(page: Page, name: str) -> Locator:
    return page.locator(f"[id='{name}']")


def test_a_picture_plays(visit: Callable[..., Page]) -> None:
    picture = cell(visit(LESSON), "listen-23")
    picture.get_by_role("button", name="Show it").click()
    picture.get_by_role("button", name="step on").click()
    expect(picture.locator(".i:not(.later)")).to_have_count(1)


def test_the_first_picture_moves_unless_somebody_wants_no_motion(
    visit: Callable[..., Page],
) -> None:
    page = visit("index.html")
    expect(page.locator(".showcase .later").first).to_be_attached()
    page.emulate_media(reduced_motion="reduce")
    page.reload()
    expect(page.locator(".showcase svg.sk")).to_be_visible()
    expect(page.locator(".showcase .later")).to_have_count(0)


def test_a_question_answers(visit: Callable[..., Page]) -> None:
    question = cell(visit(LESSON), "listen-41")
    expect(question.get_by_text("quiz(")).to_have_count(0)
    question.get_by_label("once a client has connected").check()
    expect(question.get_by_role("status")).to_contain_text("Not yet:")
    question.get_by_label("at once").check()
    expect(question.get_by_role("status")).to_contain_text("Right:")


def test_a_small_panel_moves(visit: Callable[..., Page]) -> None:
    shown = cell(visit(LESSON), "listen-18")
    shown.get_by_role("button", name="Show it").click()
    picture = shown.locator("svg.sk")
    expect(picture).to_have_attribute("aria-label", re.compile("^6 in the accept queue"))
    shown.get_by_label("backlog").press("ArrowRight")
    expect(picture).to_have_attribute("aria-label", re.compile("^7 in the accept queue"))


def test_a_large_panel_leads_to_where_it_moves(visit: Callable[..., Page]) -> None:
    shown = cell(visit("05_connect.html"), "connect-19")
    shown.get_by_label("delay").press("ArrowRight")
    expect(shown.get_by_label("delay")).to_be_disabled()
    expect(shown.get_by_text("To move it, run this cell in JupyterLab.")).to_be_visible()
    shown.get_by_role("link", name="how?").click()
    expect(shown.page.get_by_role("heading", level=1)).to_contain_text("Run it yourself")


def test_a_guess_comes_before_the_outcome(visit: Callable[..., Page]) -> None:
    page = visit(LESSON)
    asked, outcome = cell(page, "listen-21"), page.get_by_text("connect() is over: False")
    explained = page.get_by_text("the kernel dropped the SYN, without a word")
    expect(outcome).to_be_hidden()
    expect(explained).to_be_hidden()
    asked.get_by_role("button", name="it is refused").click()
    expect(asked.get_by_role("status")).to_contain_text("A surprise.")
    expect(outcome).to_be_visible()
    expect(explained).to_be_visible()


def test_a_link_to_what_a_guess_hides_shows_it(visit: Callable[..., Page]) -> None:
    page = visit(f"{LESSON}#listen-22")
    expect(page.get_by_text("the kernel dropped the SYN, without a word")).to_be_in_viewport()


def test_an_exercise_has_its_hints_folded(visit: Callable[..., Page]) -> None:
    asked = cell(visit(LESSON), "listen-31")
    expect(asked.get_by_text("not attempted")).to_have_count(0)
    hint = asked.get_by_role("listitem").first
    expect(hint).to_be_hidden()
    asked.get_by_text("Hints").click()
    expect(hint).to_be_visible()


def test_lessons_follow_one_another(visit: Callable[..., Page]) -> None:
    page = visit("index.html")
    page.get_by_role("link", name="Begin").click()
    for name in ("socket()", "bind()", "listen()"):
        page.locator("a.next-page").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    page.get_by_role("link", name="in depth →").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("in depth")
    page.get_by_role("link", name="← the lesson").click()
    page.locator("a.prev-page").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("bind()")


def test_a_symptom_leads_to_the_cell_of_its_cure(visit: Callable[..., Page]) -> None:
    page = visit("index.html")
    page.get_by_text("Address already in use").first.click()
    page.get_by_role("link", name="Who has my port?").first.click()
    expect(page.get_by_role("heading", name="Who has my port?")).to_be_in_viewport()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", ["index.html", LESSON, "run.html"])
def test_everybody_can_use_it(visit: Callable[..., Page], name: str, scheme: str) -> None:
    page = visit(name, scheme=scheme)
    page.evaluate("document.querySelectorAll('.skip').forEach(each => each.click())")
    _, broken = browser.axe(page, "body")
    assert broken == []
