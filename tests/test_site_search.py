"""The site's search: what somebody sees comes first, then the sections with the words."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urljoin

import browser
import built
import pytest
from playwright.sync_api import Browser, Page, expect
from test_site import PHONE, SCHEMES, WIDE, Names

from sockutils.why.search import find
from sockutils.why.symptom import symptoms
from website.markup import address

pytestmark = browser.pytestmark
chromium, opened, strangers = browser.chromium, browser.opened, browser.strangers
site, server, visit = built.site, built.server, built.visit

QUESTIONS = tomllib.loads(Path(__file__).with_name("questions.toml").read_text())["questions"]
TEXTS = [text for each in symptoms() for text in each.texts]
SEEN = [
    *[f"OSError: {text.upper()} ('127.0.0.1', 5000)" for text in TEXTS],
    *["Errno 104", "errno=98", "os error -2", " 32 ", "ENOBUFS", "EWOULDBLOCK", "qwertz", "EXDEV"],
    *["*", "(", "No Route To Host", "100 %", "größe", "größe EPIPE"],
]
WRONG = ["adress alredy in use", "Adress Already In Us"]  # codespell:ignore adress,alredy
LARGEST = 500_000  # bytes of what the search reads
FOUND = 46  # of the questions, whose section is among the first five, or a cause of a symptom

ALIKE = "asked => asked.map(text => findSymptoms(text, data).map(each => each.symptom.texts))"
LINKS = """asked => asked.map(text => {
    show(text)
    const first = kind => [...found.querySelectorAll(`:scope > ${kind} > li`)].slice(0, 5)
    const links = [...first("ul"), ...first("ol")].flatMap(each => [...each.querySelectorAll("a")])
    return links.map(link => link.getAttribute("href"))
})"""


def asked(visit: Callable[..., Page], text: str, **how: Any) -> Page:
    """The page of the search once it has answered."""
    page = visit(f"search.html?q={quote(text)}", **how)
    expect(page.get_by_role("status")).not_to_be_empty()
    return page


def read(site: Path) -> dict[str, Any]:
    script = (site / "_static/search-data.js").read_text(encoding="utf-8")
    return dict(json.loads(script.removeprefix("searchData(").removesuffix(")\n")))


def test_what_it_reads_is_small(site: Path) -> None:
    assert (site / "_static/search-data.js").stat().st_size < LARGEST
    assert not (site / "searchindex.js").exists()


def test_everything_that_it_finds_is_there(site: Path) -> None:
    found = read(site)
    links = {f"{page}.html#{name}" for page, name, *_ in found["sections"]}
    rows = [*found["symptoms"], *found["manual"]]
    links |= {unquote(link) for row in rows for _, link, _ in row["causes"]}
    ids = {page: set(Names(site / page).ids) for page in {link.partition("#")[0] for link in links}}
    assert [
        each for each in links if each.partition("#")[2] not in ids[each.partition("#")[0]]
    ] == []


def test_it_finds_the_symptoms_that_a_terminal_finds(visit: Callable[..., Page]) -> None:
    texts = [*TEXTS, *SEEN, *QUESTIONS]
    page = asked(visit, "backlog")
    here = dict(zip(texts, page.evaluate(ALIKE, texts), strict=True))
    assert here == {text: [each.texts for each in find(text)] for text in texts}


def test_a_question_finds_its_section(visit: Callable[..., Page]) -> None:
    page = asked(visit, "backlog")
    found = page.evaluate(LINKS, list(QUESTIONS))
    missed = [
        question
        for (question, place), links in zip(QUESTIONS.items(), found, strict=True)
        if unquote(address(place)) not in map(unquote, links)
    ]
    assert len(QUESTIONS) - len(missed) >= FOUND, missed


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("[Errno 98] Address already in use", "Address already in use"),
        ("BrokenPipeError", "Broken pipe"),
        ("EADDRINUSE", "Address already in use"),
        ("100% CPU", "100% CPU"),
        ("CLOSE_WAIT", "CLOSE_WAIT"),
        ("works on my machine, not in the container", "works on my machine"),
    ],
)
def test_a_symptom_comes_first_and_open(visit: Callable[..., Page], text: str, row: str) -> None:
    page = asked(visit, text)
    first = page.locator("#found li").first
    expect(first.locator("summary")).to_contain_text(row)
    expect(first.get_by_role("link").first).to_be_visible()


@pytest.mark.parametrize("wrong", WRONG)
def test_a_mistake_in_typing_is_mended(visit: Callable[..., Page], wrong: str) -> None:
    page = asked(visit, wrong)
    expect(page.get_by_role("status")).to_contain_text(f"instead of “{wrong}”")
    expect(page.locator("#found summary").first).to_contain_text("Address already in use")


def test_nothing_found(visit: Callable[..., Page]) -> None:
    expect(asked(visit, "qwertzuiop").get_by_role("status")).to_contain_text("Nothing found")


def test_it_is_markup_to_nobody(visit: Callable[..., Page]) -> None:
    text = "<img src=x onerror=fail()>"
    page = asked(visit, text)
    expect(page.get_by_role("status")).to_contain_text(text)
    expect(page.locator(".content #found img, #count img")).to_have_count(0)


def test_the_first_page_asks_by_keyboard(visit: Callable[..., Page]) -> None:
    page = visit("index.html")
    page.get_by_label("What do you look for").focus()
    page.keyboard.type("Errno 98")
    page.keyboard.press("Enter")
    link = page.get_by_role("link", name="Who has my port?").first
    expect(link).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("1 symptom")
    for _ in range(3):  # the button, the row, its first link
        page.keyboard.press("Tab")
    expect(link).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Who has my port?")).to_be_in_viewport()


def test_every_page_asks_from_its_sidebar(visit: Callable[..., Page]) -> None:
    page = visit("deeper/03_listen.html")
    page.get_by_label("Search the course").fill("SO_REUSEADDR")
    page.keyboard.press("Enter")
    expect(page.locator("#found ol li a").first).to_be_visible()


def test_it_answers_while_somebody_types(visit: Callable[..., Page]) -> None:
    page = asked(visit, "backlog")
    page.locator("#ask").fill("EPIPE")
    expect(page.locator("#found summary").first).to_contain_text("Broken pipe")
    assert page.url.endswith("?q=EPIPE")
    page.locator("#ask").fill("")
    expect(page.locator("#found")).to_be_empty()


def test_it_works_from_files(opened: Browser, site: Path) -> None:
    page = opened.new_page()
    page.set_default_timeout(browser.PATIENCE * 1000)
    page.goto((site / "index.html").as_uri())
    page.get_by_label("What do you look for").fill("Errno 98")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("1 symptom")
    page.close()


def test_without_scripts_it_says_where_to_look(visit: Callable[..., Page]) -> None:
    page = visit("search.html?q=EPIPE", scripts=False)
    links = page.locator("noscript a")
    expect(links.first).to_be_visible()
    for link in links.all():
        assert page.request.get(urljoin(page.url, link.get_attribute("href") or "")).ok


@pytest.mark.parametrize("scheme", SCHEMES)
def test_everybody_can_use_its_answers(visit: Callable[..., Page], scheme: str) -> None:
    page = asked(visit, "connection refused", width=PHONE, scheme=scheme)
    assert page.evaluate(WIDE) == 0
    _, broken = browser.axe(page, "body")
    assert broken == []
