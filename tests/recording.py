"""The moving picture in README: a guess, the cell that answers it, and the packets in motion.

`python tests/recording.py` plays it in a real JupyterLab and writes .github/lesson-light.gif and
.github/lesson-dark.gif. Look at both before you commit them.
"""

import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path
from urllib.parse import urljoin

from browser import START, appears, browser, choose, jupyterlab
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from website.chromium import installed

GITHUB = Path(__file__).parents[1] / ".github"
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
FIRST, SHOWN = 1, 7  # the notebook's first code cell, and the one that is filmed
GUESS = "no"
SIZE = {"width": 880, "height": 800}
FRAME, FRAMES = 80, 60  # ms, while something moves
# How long the packets took, in seconds: the last of all beginnings and ends.
LONG = """svg => Math.max(...[...svg.querySelectorAll("[data-t]")]
    .flatMap(each => each.dataset.t.split(" ").map(Number)))"""
# The bars around the notebook, and whatever follows the filmed cell.
HIDE = """.jp-SideBar, #jp-top-panel, #jp-menu-panel, #jp-bottom-panel, .jp-NotebookPanel-toolbar,
.jp-InputPrompt, .jp-OutputPrompt, .jp-OutputArea-promptOverlay, .jp-Collapser, .jp-cell-menu,
.jp-cell-toolbar { display: none !important }
.jp-Notebook .jp-Cell.filmed ~ .jp-Cell { visibility: hidden }
.sk-told { min-height: 0 !important }"""


class Film:
    """Frames of one part of a page, and how long each stands."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.frames: list[Image.Image] = []
        self.times: list[int] = []  # ms

    def shoot(self, milliseconds: int) -> None:
        shot = self.page.locator(".jp-WindowedPanel-outer").screenshot()
        picture = Image.open(BytesIO(shot)).convert("RGB")
        if self.frames and picture.tobytes() == self.frames[-1].tobytes():
            self.times[-1] += milliseconds
            return
        self.frames.append(picture)
        self.times.append(milliseconds)

    def save(self, path: Path) -> None:
        palette = self.frames[-1].quantize(128)
        first, *rest = [
            frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in self.frames
        ]
        first.save(path, save_all=True, append_images=rest, duration=self.times, loop=0)


def record(page: Page) -> Film:
    film = Film(page)
    cells = page.locator(".jp-Notebook .jp-Cell")
    run(page, cells.nth(FIRST))
    expect(cells.nth(FIRST)).to_contain_text("HELLO")
    shown = cells.nth(SHOWN)
    shown.evaluate("each => each.classList.add('filmed')")
    page.add_style_tag(content=HIDE)
    if page.locator("#jp-left-stack").is_visible():
        page.keyboard.press("Control+b")  # the file browser goes
    cells.nth(SHOWN - 1).evaluate("each => each.scrollIntoView({ block: 'start' })")
    page.mouse.move(0, 0)
    film.shoot(3000)
    shown.get_by_role("button", name=GUESS, exact=True).click()
    page.mouse.move(0, 0)
    film.shoot(1200)
    run(page, shown)
    picture = shown.locator("svg.sk")
    picture.wait_for()
    long = float(picture.evaluate(LONG)) * float(shown.get_by_label("speed").input_value())
    # From here on the page's time is ours: a busy machine loses no frame.
    page.clock.install()
    page.clock.pause_at(time.time() + 60)
    shown.get_by_role("button", name="Play").click()
    page.mouse.move(0, 0)
    for _ in range(FRAMES):
        page.clock.run_for(round(long * 1000 / FRAMES))
        film.shoot(FRAME)
    page.clock.run_for(1000)
    film.shoot(5000)
    return film


def run(page: Page, cell: Locator) -> None:
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, browser(installed()) as opened:
        home = Path(folder)
        with jupyterlab(home) as address:
            for theme in THEMES:
                # A copy each, for the first one's guess is kept.
                copy = [sys.executable, "-m", "sockutils", "copy", str(home / "notebooks" / theme)]
                subprocess.run(copy, check=True)
                page = opened.new_page(viewport=SIZE)
                page.goto(address)
                choose(page, THEMES[theme])
                page.goto(urljoin(address, f"/doc/tree/{theme}/{START}"))
                appears(page.get_by_text("Sockets (private network) | Idle"))
                record(page).save(GITHUB / f"lesson-{theme}.gif")


if __name__ == "__main__":
    main()
