"""Panels and tables in a page: the next day, without a kernel, moved fast, in both themes."""

from collections.abc import Iterator
from pathlib import Path

import browser
import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from sockutils import matrix, panel
from sockutils.course.source import text_of
from sockutils.tables.diag import Table, table
from sockutils.tables.rows import Row

pytestmark = browser.pytestmark
chromium, opened = browser.chromium, browser.opened

IMPORT = "from pathlib import Path\nfrom time import monotonic\nfrom sockutils import matrix, panel"
PREPARE = "runs = []"
# A run lasts until the file is there, so that all keys are pressed while the first one lasts.
LIVE = """def experiment(delay: "ms" = 50):
    runs.append(delay)
    until = monotonic() + 60
    while delay != 50 and not Path("go").exists() and monotonic() < until:
        pass
    return matrix({("runs", str(runs)): "works"})


panel(experiment, delay=(0, 200))"""
SMALL = """def rows(many=2, last="works"):
    return matrix({("here", str(n)): last if n + 1 == many else "works" for n in range(many)})


panel(rows, many=(1, 5), last=["works", "ECONNREFUSED", "EAGAIN"])"""


def rows(many: int = 2, last: str = "works") -> object:
    return matrix({("here", str(n)): last if n + 1 == many else "works" for n in range(many)})


def experiment(delay: int = 50) -> object:
    return matrix({("runs", "yesterday"): "works"})


def story() -> list[Table]:
    """A listener and two ends; then one has sent, and a second client has come and gone."""
    here, there, late = ("127.0.0.1", 5001), ("127.0.0.1", 40001), ("127.0.0.1", 40002)
    listener = Row("tcp", "LISTEN", here, ("0.0.0.0", 0), 0, 0, 0, 5, 1)
    client = Row("tcp", "ESTAB", there, here, 0, 0, None, None, 2)
    server = Row("tcp", "ESTAB", here, there, 0, 0, None, None, 3)
    gone = Row("tcp", "TIME-WAIT", late, here, 0, 0, None, None, 0)
    return [
        table([listener, client, server], " of the story", 5001),
        table([listener, client, server._replace(receive_queue=5), gone], " of the story", 5001),
    ]


def write(place: Path) -> None:
    """A lesson as it was saved yesterday."""
    small = panel(rows, many=(1, 5), last=["works", "ECONNREFUSED", "EAGAIN"])
    old = panel(experiment, delay=(0, 200))
    shown = [(IMPORT, None), (PREPARE, None), (LIVE, old), (SMALL, small)]
    shown += [("table", each) for each in story()]
    notebook = nbformat.v4.new_notebook()
    notebook.metadata.kernelspec = {"name": "sockutils", "display_name": "Sockets"}
    for code, result in shown:
        outputs = []
        if result is not None:
            data = {"text/plain": repr(result), "text/html": result._repr_html_()}
            outputs.append(nbformat.v4.new_output("execute_result", data, execution_count=1))
        notebook.cells.append(nbformat.v4.new_code_cell(code, outputs=outputs))
    nbformat.write(notebook, place)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("jupyterlab")


@pytest.fixture(scope="module")
def lab(opened: Browser, home: Path) -> Iterator[Page]:
    with browser.jupyterlab(home) as address:
        place = home / "notebooks" / "yesterday.ipynb"
        write(place)
        browser.sign(home, place)
        lesson = "03_listen.ipynb"
        (place.parent / lesson).write_text(text_of(browser.NOTEBOOKS / lesson, outputs=False))
        page = opened.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(browser.PATIENCE * 1000)
        page.goto(address)
        yield page
        page.close()


@pytest.fixture(scope="module")
def lesson(lab: Page) -> Locator:
    return browser.open_from_file_browser(lab, "yesterday.ipynb")


def test_opening_a_lesson_does_not_change_it(lab: Page, lesson: Locator) -> None:
    browser.open_from_file_browser(lab, "03_listen.ipynb")
    tab = lab.locator(".lm-DockPanel-tabBar .lm-TabBar-tab", has_text="03_listen")
    expect(tab).to_be_visible()
    assert "jp-mod-dirty" not in str(tab.get_attribute("class"))
    lab.locator(".lm-DockPanel-tabBar .lm-TabBar-tab", has_text="yesterday").click()


def told(part: Locator) -> str:
    return str(part.locator("svg.sk").get_attribute("aria-label"))


def test_a_small_grid_moves_without_its_kernel(lab: Page, lesson: Locator) -> None:
    small = lesson.locator(".sk-panel").nth(1)
    expect(small.locator(".sk-note")).to_be_hidden()
    heights = set()
    slider = small.get_by_role("slider")
    slider.focus()
    for number in (3, 4, 5):
        lab.keyboard.press("ArrowRight")
        expect(slider).to_have_attribute("aria-valuetext", str(number))
        assert str(number - 1) in told(small)
        heights.add(small.evaluate("each => each.getBoundingClientRect().height"))
    small.get_by_role("combobox").first.select_option("EAGAIN")
    assert "EAGAIN" in told(small)
    heights.add(small.evaluate("each => each.getBoundingClientRect().height"))
    assert len(heights) == 1
    ticks = small.locator(".sk-ticks i")
    expect(ticks).to_have_text(["1", "2", "3", "4", "5"])
    wide = slider.bounding_box()
    assert wide
    assert wide["width"] > 400


def test_another_shows_its_picture_and_runs_its_cell(lab: Page, lesson: Locator) -> None:
    live = lesson.locator(".jp-CodeCell").nth(2)
    expect(live.locator("svg.sk")).to_be_visible()
    expect(live.locator(".sk-note")).to_have_text("To move it, run this cell. Run this cell")
    expect(live.get_by_role("slider")).to_be_disabled()
    live.get_by_role("button", name="Run this cell").click()  # it needs the two above it
    expect(live.get_by_role("slider")).to_be_enabled()
    expect(live.locator(".sk-note")).to_be_hidden()
    assert "[50]" in told(live)
    assert lesson.get_by_text("model not found").count() == 0


def test_of_many_positions_the_first_and_the_last_are_run(
    lab: Page, lesson: Locator, home: Path
) -> None:
    live = lesson.locator(".jp-CodeCell").nth(2)
    slider, result = live.get_by_role("slider"), live.locator(".sk-result")
    slider.focus()
    for _ in range(20):
        lab.keyboard.press("ArrowRight")
    expect(result).to_have_attribute("aria-busy", "true")
    expect(live.get_by_role("status").first).to_have_text("running …")
    expect(result).to_have_css("opacity", "0.35")
    expect(live.locator(".sk-value")).to_have_text("70 ms")
    lab.wait_for_timeout(1500)  # a run may take its time: the controls are not taken away
    expect(slider).to_be_enabled()
    expect(slider).to_be_focused()
    (home / "notebooks" / "go").touch()
    expect(result).to_have_attribute("aria-busy", "false")
    assert "[50, 51, 70]" in told(live)


THEMES = ["JupyterLab Light", "JupyterLab Dark"]


@pytest.mark.parametrize("theme", THEMES)
def test_panels_and_tables_can_be_read_by_anybody(lab: Page, lesson: Locator, theme: str) -> None:
    browser.choose(lab, theme)
    kept, broken = browser.axe(lab)
    assert broken == []
    assert {"label", "select-name"} <= kept
    assert "Dark" in theme or "color-contrast" in kept


def test_the_table_joins_both_ends_and_marks_what_has_changed(lesson: Locator) -> None:
    first, second = lesson.locator(".sk-table").all()
    expect(first.locator(".sk-both")).to_have_text("oneconnection")
    expect(first.get_by_role("columnheader")).to_have_count(5)
    states = first.locator("b")
    expect(states).to_have_text(["LISTEN", "ESTAB", "ESTAB"])
    colours = states.evaluate_all("all => all.map(each => getComputedStyle(each).backgroundColor)")
    assert len({*colours}) == 2
    news = second.locator("tbody tr td:last-child")
    expect(news).to_have_text(["", "receive was 0", "", "new"])


@pytest.mark.parametrize("scripts", [True, False])
def test_on_a_page_that_nobody_serves(opened: Browser, tmp_path: Path, scripts: bool) -> None:
    small = panel(rows, many=(1, 5), last=["works", "ECONNREFUSED", "EAGAIN"])
    live = panel(experiment, delay=(0, 200))
    file = tmp_path / "page.html"
    body = small._repr_html_() + live._repr_html_()
    file.write_text(f'<!DOCTYPE html><html lang="en"><meta charset="utf-8">{body}')
    page = opened.new_page(java_script_enabled=scripts)
    page.goto(file.as_uri())
    note = page.get_by_text("To move it, run this cell in JupyterLab.")
    expect(note.last).to_be_visible()
    assert note.locator("visible=true").count() == (1 if scripts else 2)
    if scripts:
        page.get_by_role("slider").first.press("End")
        expect(page.locator("svg.sk").first).to_have_attribute(
            "aria-label", "0 1 2 3 4; here" + 5 * " works"
        )
    else:
        expect(page.locator("img")).to_have_count(2)
    page.close()
