"""Pictures in a page: in JupyterLab in both its themes, and on a page that nobody serves."""

from collections.abc import Callable, Iterator
from pathlib import Path

import browser
import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from test_picture import BLOCKED, KNOCKS, UNBLOCKED, on_a_slow_link, plot

from sockutils import Picture, matrix, sequence, timeline

pytestmark = browser.pytestmark
chromium, opened = browser.chromium, browser.opened

THEMES = ["JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"]
TRUSTED, UNTRUSTED = "signed.ipynb", "strange.ipynb"
GRID = matrix({("AF_INET", "TCP"): "works", ("AF_INET", "SCTP"): "EPROTONOSUPPORT"})
PICTURES = [sequence(KNOCKS, seconds=True), timeline(BLOCKED), GRID, plot(), plot()]

# Of each text in a drawing: its contrast with what is drawn below it, by WCAG 2.2.
CONTRASTS = """() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true })
    const luminance = layers => {
        canvas.globalCompositeOperation = "source-over"
        for (const colour of layers) {
            canvas.fillStyle = colour
            canvas.fillRect(0, 0, 1, 1)
        }
        const [red, green, blue] = [...canvas.getImageData(0, 0, 1, 1).data].map(part =>
            part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
    const filled = node => node.matches("rect, path") && getComputedStyle(node).fill !== "none"
    const grounds = node => !node ? ["white"]
        : [...grounds(node.parentElement), getComputedStyle(node).backgroundColor]
    return [...document.querySelectorAll("svg.sk text")].map(text => {
        const { left, width, top, height } = text.getBoundingClientRect()
        const [x, y] = [left + width / 2, top + height / 2]
        const below = [...text.closest("svg").querySelectorAll("rect, path")].filter(node => {
            const box = node.getBoundingClientRect()
            return filled(node)
                && box.left <= x && x <= box.right && box.top <= y && y <= box.bottom
                && node.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING
        }).map(node => getComputedStyle(node).fill)
        const behind = [...grounds(text), ...below]
        const back = luminance(behind)
        const ink = luminance([...behind, getComputedStyle(text).fill])
        return [text.textContent, (Math.max(ink, back) + 0.05) / (Math.min(ink, back) + 0.05)]
    })
}"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("jupyterlab")


@pytest.fixture(scope="module")
def lab(opened: Browser, home: Path) -> Iterator[Page]:
    with browser.jupyterlab(home) as address:
        write(home)
        page = opened.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(browser.PATIENCE * 1000)
        page.goto(address)
        yield page
        page.close()


def write(home: Path) -> None:
    """Two notebooks with the same outputs, one of them signed."""
    for name in (TRUSTED, UNTRUSTED):
        notebook = nbformat.v4.new_notebook()
        notebook.metadata.kernelspec = {"name": "sockutils", "display_name": "Sockets"}
        for number, picture in enumerate(PICTURES):
            data = picture._repr_mimebundle_()
            output = nbformat.v4.new_output("execute_result", data, execution_count=1)
            source = f"pictures[{number}]  # {name}"
            cell = nbformat.v4.new_code_cell(source, outputs=[output], execution_count=1)
            notebook.cells.append(cell)
        nbformat.write(notebook, home / "notebooks" / name)
        if name == TRUSTED:
            browser.sign(home, home / "notebooks" / name)


def outputs(lab: Page, name: str) -> Locator:
    if not lab.locator(".lm-TabBar-tab", has_text=name).count():
        browser.open_from_file_browser(lab, name)
    lab.locator(".lm-DockPanel-tabBar .lm-TabBar-tab", has_text=name).click()
    found = lab.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-OutputArea-output")
    expect(found).to_have_count(len(PICTURES))
    return found


@pytest.mark.parametrize("theme", THEMES)
def test_a_trusted_output_has_the_colours_of_the_theme(lab: Page, theme: str) -> None:
    found = outputs(lab, TRUSTED)
    expect(found.locator("svg.sk")).to_have_count(len(PICTURES))
    expect(found.locator("img")).to_have_count(0)
    browser.choose(lab, theme)
    card = found.locator("svg.sk > rect").first
    assert card.evaluate("card => getComputedStyle(card).fill") == "none"
    contrasts = lab.evaluate(CONTRASTS)
    assert len(contrasts) > 30
    assert [each for each in contrasts if each[1] < 4.5] == []
    kept, broken = browser.axe(lab)
    assert {"svg-img-alt", "button-name", "select-name", "nested-interactive"} <= kept
    assert broken == []


def test_pictures_of_one_page_share_no_names(lab: Page) -> None:
    outputs(lab, TRUSTED)
    names = lab.evaluate("[...document.querySelectorAll('svg.sk [id]')].map(node => node.id)")
    assert len(names) == len({*names}) > 2


def test_keys_belong_to_the_picture_that_has_the_focus(lab: Page) -> None:
    first = outputs(lab, TRUSTED).first
    first.locator(".i").first.focus()
    lab.keyboard.press("ArrowDown")
    expect(first.locator(".i").nth(1)).to_be_focused()
    lab.keyboard.press("ArrowRight")
    expect(first.locator(".i:not(.later)")).to_have_count(1)
    lab.keyboard.press("Escape")
    expect(lab.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell").first).to_be_focused()
    expect(first.locator(".later")).to_have_count(0)


def test_an_untrusted_output_is_an_image(lab: Page) -> None:
    found = outputs(lab, UNTRUSTED)
    images = found.locator("img")
    expect(images).to_have_count(len(PICTURES))
    assert found.locator("svg, script, button").count() == 0
    for image, picture in zip(images.all(), PICTURES, strict=True):
        expect(image).to_have_js_property("naturalWidth", 1100)
        alt = str(image.get_attribute("alt")).split()
        assert alt == repr(picture).replace("\n", "; ").split()
    assert browser.axe(lab)[1] == []


@pytest.fixture
def static(opened: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Open a page with that picture, whose time stands still."""
    pages: list[Page] = []

    def show(picture: Picture, body: str = "", **context: str) -> Page:
        file = tmp_path / "page.html"
        html = picture._repr_mimebundle_()["text/html"]
        head = '<!DOCTYPE html><html lang="en"><meta charset="utf-8">'
        file.write_text(f"{head}<body {body}>{html}")
        page = opened.new_page(**context)  # type: ignore[arg-type]
        pages.append(page)
        page.clock.install(time=0)
        page.goto(file.as_uri())
        page.clock.pause_at(60)  # later than any machine needs to load it
        return page

    yield show
    for page in pages:
        page.close()


def told(page: Page) -> Locator:
    return page.get_by_role("status")


def shown(page: Page) -> int:
    return page.locator(".i:not(.later)").count()


def test_a_page_without_a_theme_has_the_card(static: Callable[..., Page]) -> None:
    page = static(sequence(KNOCKS))
    card = page.locator("svg.sk > rect").first
    assert card.evaluate("card => getComputedStyle(card).fill") == "rgb(255, 255, 255)"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_in_vs_code_it_has_the_colours_of_the_theme(
    static: Callable[..., Page], theme: str
) -> None:
    page = static(
        sequence(KNOCKS), f'class="vscode-{theme}" style="--vscode-editor-foreground:red"'
    )
    card, ink = page.locator("svg.sk > rect").first, page.get_by_text("SYN", exact=True)
    assert card.evaluate("card => getComputedStyle(card).fill") == "none"
    assert ink.evaluate("text => getComputedStyle(text).fill") == "rgb(255, 0, 0)"


def test_an_item_tells_on_hover_and_on_focus(static: Callable[..., Page]) -> None:
    page = static(sequence(KNOCKS))
    expect(told(page)).to_have_text("Point at a packet for its headers (keys: Tab, ↑, ↓).")
    page.locator(".i").nth(2).hover()
    expect(told(page)).to_contain_text("client → server: SYN (again) · 2059.60 ms")
    page.mouse.move(0, 0)
    expect(told(page)).to_contain_text("Point at")
    page.keyboard.press("Tab")
    expect(told(page)).to_contain_text("client → server: SYN · 0.00 ms")
    for key, text in (
        ("ArrowDown", "1029.60 ms"),
        ("ArrowDown", "2059.60"),
        ("ArrowUp", "1029.60"),
    ):
        page.keyboard.press(key)
        expect(told(page)).to_contain_text(text)
    item = page.locator(".i").nth(1)
    expect(item).to_be_focused()
    assert item.get_attribute("aria-label") == told(page).inner_text()


def test_it_steps_by_keyboard(static: Callable[..., Page]) -> None:
    page = static(sequence(KNOCKS))
    assert shown(page) == 4
    page.keyboard.press("Tab")
    for key, count, text in (
        ("ArrowRight", 1, " 0.00 ms"),
        ("ArrowRight", 2, "1029.60 ms"),
        ("ArrowRight", 3, "2059.60 ms"),
        ("ArrowLeft", 2, "1029.60 ms"),
    ):
        page.keyboard.press(key)
        assert shown(page) == count
        expect(told(page)).to_contain_text(text)
    page.keyboard.press("Escape")
    assert shown(page) == 4


def test_it_plays_in_real_time_and_pauses(static: Callable[..., Page]) -> None:
    page = static(sequence(KNOCKS))
    page.keyboard.press("Tab")
    assert page.get_by_label("speed").input_value() == "1"
    page.keyboard.press("Space")
    counts = []
    for _ in range(5):
        page.clock.run_for(500)
        counts.append(shown(page))
    assert counts == [1, 1, 2, 2, 3]
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    page.clock.run_for(5000)
    assert shown(page) == 3
    page.get_by_role("button", name="Play").press("Space")
    page.clock.run_for(1000)
    assert shown(page) == 4
    expect(page.get_by_role("button", name="Play")).to_be_visible()  # it has come to its end


def test_it_plays_slower(static: Callable[..., Page]) -> None:
    page = static(timeline(UNBLOCKED))
    assert page.get_by_label("speed").input_value() == "100000"
    page.get_by_label("speed").select_option("10000")
    page.get_by_role("button", name="Play").click()
    page.clock.run_for(450)  # of 840
    assert shown(page) == 5
    page.clock.run_for(1000)
    assert shown(page) == 9


def progress(page: Page) -> str:
    page.get_by_role("button", name="Play").click()
    page.clock.run_for(1100)  # 110 ms: a packet has gone half of its way
    return str(page.locator(".i.on").first.evaluate("node => node.style.getPropertyValue('--p')"))


def flight() -> Picture:
    return sequence(on_a_slow_link()[1:2])


def test_an_arrow_grows_while_its_packet_is_on_its_way(static: Callable[..., Page]) -> None:
    page = static(flight())
    page.get_by_label("speed").select_option("10")
    assert 0.4 < float(progress(page)) < 0.7


def test_nothing_moves_for_those_who_want_no_motion(static: Callable[..., Page]) -> None:
    page = static(flight(), reduced_motion="reduce")
    page.get_by_label("speed").select_option("10")
    assert progress(page) == "1"


def test_it_prints_without_its_controls(static: Callable[..., Page]) -> None:
    page = static(sequence(KNOCKS))
    page.emulate_media(media="print")
    expect(page.get_by_role("button")).to_have_count(0)
    expect(page.locator("svg.sk")).to_be_visible()
