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
        const cell = pieces()[step].closest(".jp-CodeCell"), above = cell?.previousElementSibling
        const code = cell?.querySelector(".jp-InputArea-editor").offsetHeight
        const fits = above?.matches(".jp-MarkdownCell")
            && above.offsetHeight + cell.offsetHeight - code + 150 < innerHeight - 40
        views.push({ place, step, wide, begins: top > -1 && top < innerHeight,
                     ends: bottom < innerHeight - 30,
                     hidden: fits && above.getBoundingClientRect().top < -1 })
    }
}"""
# Of what is written on a slide, how large.
SIZES = """slide => [...slide.querySelectorAll(
    ":is(.jp-MarkdownOutput, .jp-OutputArea) :is(p, td, th, li, button, select, pre, label)")]
    .filter(each => each.checkVisibility() && each.textContent.trim() && !each.closest(".sk-ticks"))
    .map(each => parseFloat(getComputedStyle(each).fontSize))"""
# Printed: what is cut off at the right, a table with broken words, a figure below its code.
PRINTED = """() => ({
    cut: [...document.querySelectorAll("pre, table, section > section")].filter(each =>
        Math.max(each.getBoundingClientRect().right - innerWidth,
                 each.scrollWidth - each.clientWidth) > 1).length,
    broken: [...document.querySelectorAll("td, th")].filter(each =>
        getComputedStyle(each).overflowWrap !== "normal").length,
    below: [...document.querySelectorAll(".jp-CodeCell:has(svg.sk)")].filter(each =>
        each.querySelector("svg.sk").getBoundingClientRect().left
        < each.querySelector(".jp-InputArea-editor").getBoundingClientRect().right).length,
})"""
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
    assert [view for view in views if view["hidden"]] == []  # a question, by its long cell
    expect(screen.locator(".imports").first).to_be_hidden()
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


@pytest.mark.parametrize("name", [LISTEN, "06_send_recv.ipynb"])
def test_slides_print_landscape(screen: Page, name: str, tmp_path: Path) -> None:
    screen.goto(export(browser.NOTEBOOKS / name, tmp_path).as_uri())
    printed = pages(screen.pdf(prefer_css_page_size=True))
    assert len(printed) >= 15
    assert all(width > height for width, height in printed)
    screen.set_viewport_size({"width": 1047, "height": 718})  # A4 without its margins
    screen.emulate_media(media="print")
    assert screen.evaluate(PRINTED) == {"cut": 0, "broken": 0, "below": 0}


def test_notes_in_a_window_beside(screen: Page, tmp_path: Path) -> None:
    screen.goto(export(browser.NOTEBOOKS / LISTEN, tmp_path).as_uri())
    follows(screen, "PageDown")


def slides_in(lesson: str) -> int:
    return sum(cell.metadata.slideshow.slide_type == "slide" for cell in browser.cells(lesson))


def follows(slides: Page, forward: str) -> None:
    """The lecturer's window says what the first slides' notes say, and goes on with them."""
    noted = [cell.metadata.get("lecture", {}) for cell in browser.cells(LISTEN)]
    first, second, *_ = [each["minutes"] for each in noted if each]
    whole = sum(each.get("minutes", 0) for each in noted)
    with slides.expect_popup() as opened:
        slides.keyboard.press("n")
    beside = opened.value.locator("body")
    told = re.compile(rf"^listen\(\)\s+minute 0 to {first} of {whole}\s+Ask: A client calls")
    expect(beside).to_have_text(told, use_inner_text=True)
    while not beside.inner_text().startswith("What listen"):
        slides.keyboard.press(forward)
    told = re.compile(rf"minute {first} to {first + second} of {whole}\s+Ask: It has the port")
    expect(beside).to_have_text(told, use_inner_text=True)
    next_one = (
        rf"Slide 2 of {slides_in(LISTEN)}, \d\d:\d\d\s+Next: Who shakes hands\?\s+The \*?hand"
    )
    there = re.compile(next_one)
    expect(beside).to_have_text(there, use_inner_text=True)
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
    expect(shown).to_have_count(1)  # the cell of the imports is skipped, and has been run
    expect(page.locator(".sockutils-foot")).to_have_text(
        re.compile(rf"^1 / {slides_in(LISTEN)}\s*\d\d:\d\d$")
    )
    panel = cells.filter(has_text="panel(experiment")
    sizes = set[float]()
    while not panel.is_visible():
        page.keyboard.press("PageDown")
        page.keyboard.press("Control+Enter")
        sizes.update(live.evaluate(SIZES))
    assert min(sizes) >= 19
    assert max(sizes) <= 22
    expect(panel).to_be_in_viewport(ratio=1)
    moves(page, panel)
    assert strangers == []


def test_a_long_cell_leaves_room_for_its_question(page: Page, live: Locator) -> None:
    cells = live.locator(".jp-Notebook-cell")
    code = {
        place: cell.source
        for place, cell in enumerate(browser.cells(LISTEN))
        if cell.cell_type == "code"
    }
    long = max(code, key=lambda place: len(code[place].splitlines()))
    page.set_viewport_size({"width": 1280, "height": 480})
    while not cells.nth(long).is_visible():
        page.keyboard.press("PageDown")
    editor = cells.nth(long).locator(".jp-InputArea-editor")
    expect(editor).to_have_attribute("data-folded", re.compile("lines above"))
    expect(cells.nth(long - 1)).to_be_in_viewport(ratio=0.9)
    folded = editor.bounding_box()
    editor.click()
    opened = editor.bounding_box()
    assert folded
    assert opened
    assert opened["height"] > folded["height"]
    page.keyboard.press("Escape")


GEOMETRY = """lesson => ["", ".jp-Toolbar", ".jp-Notebook"].map(each => {
    const box = (each ? lesson.querySelector(each) : lesson).getBoundingClientRect()
    return [box.x, box.y, box.width, box.height]
})"""


def test_after_the_slides_all_is_where_it_was(page: Page, live: Locator) -> None:
    page.keyboard.press("F8")
    expect(live.locator(".jp-Toolbar-item").first).to_be_visible()
    panel, toolbar, notebook = live.evaluate(GEOMETRY)
    assert toolbar[2] == notebook[2] <= panel[2] < SCREEN["width"]
    page.keyboard.press("F8")


def pages(pdf: bytes) -> list[tuple[float, float]]:
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    return [(float(width), float(height)) for width, height in boxes]


def test_a_lesson_prints_whole(page: Page, live: Locator) -> None:
    page.keyboard.press("F8")
    assert len(pages(page.pdf())) >= 8
    page.emulate_media(media="print")
    outside = """cells => cells.filter(each => each.getBoundingClientRect().right > innerWidth
        || [...each.querySelectorAll(".cm-content")].some(code =>
            code.scrollWidth > code.clientWidth)).length"""
    assert live.locator(".jp-Notebook-cell").evaluate_all(outside) == 0
    expect(page.locator("#jp-top-panel")).to_be_hidden()
    page.emulate_media(media="screen")
    page.keyboard.press("F8")


def moves(page: Page, panel: Locator) -> None:
    """A slider changes the picture, all of which is on the screen, and Esc leads back."""
    picture, below = panel.locator("svg.sk"), panel.locator("xpath=following-sibling::*[1]")
    expect(picture).to_be_in_viewport(ratio=0.99)
    expect(below).to_be_hidden()
    drawn = picture.inner_html()
    panel.get_by_role("slider").last.focus()
    page.keyboard.press("ArrowRight")
    expect(picture).not_to_have_js_property("innerHTML", drawn)
    expect(picture).to_be_in_viewport(ratio=0.99)
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    expect(below).to_be_visible()
