"""The lessons as slides: live in JupyterLab, and as pages that need neither kernel nor network."""

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from urllib.parse import urlsplit

import browser
import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect
from reference import layers, name_of
from slides import export

PATHS = layers()
LISTEN = "03_listen.ipynb"
SCREEN: ViewportSize = {"width": 1280, "height": 720}  # of a projector
pytestmark = browser.pytestmark
chromium, opened = browser.chromium, browser.opened
page, strangers = browser.page, browser.strangers

# Goes through the exported page; what is seen at each step: the newest piece begins and ends on the
# screen, and no line of code is cut off.
WALK = """() => {
    const views = []
    for (let last, here; ; last = here, next()) {
        here = `${place} ${step} ${scrollY}`
        if (here === last) return views
        const { top, bottom } = pieces()[step].getBoundingClientRect()
        const wide = [...document.querySelectorAll(":root, pre, img")]
            .some(node => node.scrollWidth > node.clientWidth)
            || [...document.querySelectorAll("svg")]
            .some(node => node.getBoundingClientRect().right > innerWidth)
        views.push({ place, step, wide, begins: top > -1 && top < innerHeight,
                     ends: bottom < innerHeight + 2 })
    }
}"""
# What stands on the screen after each key.
KEYS = [("Space", "What listen() changes"), ("ArrowRight", "What listen() changes")]
KEYS += [("End", "Recap"), ("PageUp", "The verdicts"), ("ArrowLeft", "Questions")]
KEYS += [("Home", "listen()"), ("PageDown", "What listen() changes"), ("End", "Recap")]


@pytest.fixture
def screen(opened: Browser) -> Iterator[Page]:
    """A window as a projector shows it, which must not ask anybody for anything."""
    screen = opened.new_page(viewport=SCREEN)
    asked, errors = set[str](), list[str]()
    screen.on("request", lambda request: asked.add(urlsplit(request.url).scheme))
    screen.on("pageerror", lambda error: errors.append(str(error)))
    yield screen
    screen.close()
    assert asked <= {"file", "data"}
    assert errors == []


@pytest.mark.parametrize("path", PATHS, ids=name_of)
def test_every_piece_is_seen(screen: Page, path: Path, tmp_path: Path) -> None:
    screen.goto(export(path, tmp_path).as_uri())
    views = screen.evaluate(WALK)
    kinds = [cell.metadata.slideshow.slide_type for cell in browser.cells(f"{name_of(path)}.ipynb")]
    assert views[-1]["place"] == kinds.count("slide") - 1
    assert [view for view in views if view["wide"]] == []
    for _, seen in groupby(views, lambda view: (view["place"], view["step"])):
        first, *_, last = [*seen] * 2
        assert first["begins"], first
        assert last["ends"], last


def test_keys_and_links(screen: Page, tmp_path: Path) -> None:
    screen.goto(export(browser.NOTEBOOKS / LISTEN, tmp_path).as_uri())
    heading = screen.get_by_role("heading").first
    for key, there in KEYS:
        screen.keyboard.press(key)
        expect(heading).to_have_text(f"{there}¶")
    screen.keyboard.press("PageUp")
    screen.get_by_role("link", name="How many fit?").click()
    expect(heading).to_have_text("How many clients fit?¶")


def test_notes_in_a_window_beside(screen: Page, tmp_path: Path) -> None:
    screen.goto(export(browser.NOTEBOOKS / LISTEN, tmp_path).as_uri())
    follows(screen, "PageDown")


def follows(slides: Page, forward: str) -> None:
    """The lecturer's window says what the first slides' notes say, and goes on with them."""
    with slides.expect_popup() as opened:
        slides.keyboard.press("n")
    beside = opened.value.locator("body")
    told = re.compile(r"^listen\(\)\s+minute 0 to 1 of 31\s+Ask: Who answers")
    expect(beside).to_have_text(told, use_inner_text=True)
    while "What listen" not in beside.inner_text():
        slides.keyboard.press(forward)
    told = re.compile(r"minute 1 to 4 of 31\s+Ask: It has the port")
    expect(beside).to_have_text(told, use_inner_text=True)
    opened.value.close()


@pytest.fixture
def live(page: Page) -> Iterator[Locator]:
    """The lesson on listen(), as slides in JupyterLab."""
    page.set_viewport_size(SCREEN)
    lesson = browser.open_from_file_browser(page, LISTEN)
    lesson.locator(".jp-Notebook-cell").first.click()
    page.keyboard.press("F8")
    yield lesson
    page.keyboard.press("F8")
    expect(lesson.locator(".jp-Notebook-cell:visible")).to_have_count(len(browser.cells(LISTEN)))


def test_live(page: Page, live: Locator, strangers: list[str]) -> None:
    cells, shown = live.locator(".jp-Notebook-cell"), live.locator(".jp-Notebook-cell:visible")
    expect(shown).to_have_count(1)
    follows(page, "ArrowRight")
    page.keyboard.press("PageUp")
    expect(shown).to_have_count(2)
    page.keyboard.press("Control+Enter")  # the imports
    panel = cells.filter(has_text="panel(experiment")
    while not panel.is_visible():
        page.keyboard.press("PageDown")
    expect(panel).to_be_in_viewport(ratio=1)
    expect(panel.locator(".jp-OutputArea")).to_be_hidden()
    page.keyboard.press("Control+Enter")
    moves(page, panel)
    assert strangers == []


def moves(page: Page, panel: Locator) -> None:
    """A slider changes the picture, all of which is on the screen, and Esc leads back."""
    picture = panel.locator("svg.sk")
    expect(picture).to_be_in_viewport(ratio=0.99)
    drawn = picture.inner_html()
    panel.get_by_role("slider").last.focus()
    page.keyboard.press("ArrowRight")
    expect(picture).not_to_have_js_property("innerHTML", drawn)
    expect(picture).to_be_in_viewport(ratio=0.99)
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    expect(panel).to_be_hidden()
