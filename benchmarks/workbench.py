"""How long a click on the workbench takes until its picture is painted, in a real JupyterLab."""

import sys
import tempfile
from pathlib import Path
from statistics import median

import nbformat

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import browser  # the tests' own way of starting JupyterLab and Chromium

from website.chromium import installed

NAME = "bench.ipynb"
ROUNDS = 20
# From the click to the frame after the one in which the picture has changed.
CLICK = """(work, [name, call]) => new Promise(resolve => {
    const begin = performance.now()
    const seen = new MutationObserver(() => {
        seen.disconnect()
        requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - begin)))
    })
    seen.observe(work.querySelector(".wb-ladder"), { childList: true })
    const buttons = [...work.querySelectorAll(`.wb-${name} button`)]
    buttons.find(each => each.textContent === `${call}()`).click()
})"""
BEGIN = ["server socket", "server bind", "server listen", "client socket", "client connect"]
BEGIN += ["server accept"]


def times() -> list[float]:
    """Milliseconds of each click: a connection is made, then data goes there, and is read."""
    with (
        tempfile.TemporaryDirectory() as home,
        browser.browser(installed()) as opened,
        browser.jupyterlab(Path(home)) as address,
    ):
        notebook = nbformat.v4.new_notebook()
        notebook.metadata.kernelspec = {"name": "sockutils", "display_name": "Sockets"}
        notebook.cells = [nbformat.v4.new_code_cell("from sockutils import bench\nbench()")]
        nbformat.write(notebook, Path(home) / "notebooks" / NAME)
        page = opened.new_page(viewport={"width": 1280, "height": 900})
        page.goto(address)
        browser.restart_and_run_all(page, browser.open_from_file_browser(page, NAME))
        work = page.locator(".sockutils-workbench")
        clicks = [*BEGIN, *["client send", "server recv"] * (ROUNDS // 2)]
        return [float(work.evaluate(CLICK, each.split())) for each in clicks]


def rows() -> list[tuple[str, float, str]]:
    """Return (what, milliseconds, target)."""
    taken = times()
    return [
        ("workbench, click to picture in JupyterLab, median", median(taken), "≤ 150 ms"),
        ("workbench, the slowest click but the first", max(taken[1:]), ""),
    ]
