"""Jupyter's interfaces in a real Chromium: JupyterLab and its debugger, Notebook 7, nbclassic."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urljoin

import browser
import nbformat
import psutil
import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect
from test_clients import BLOCK, CAPTURE
from test_kernel import leaves_nothing, needs_namespaces

pytestmark = [needs_namespaces, browser.pytestmark]
chromium = browser.chromium

NAME = "Sockets (private network)"
START = """
print("listener" in globals())
import socket
from sockutils import network
s = socket.create_server(("127.0.0.1", 5000))
network()
"""
DEBUGGED = """
import socket
with socket.create_server(("127.0.0.1", 5000)) as s:
    port = s.getsockname()[1]
    twice = 2 * port
print("twice is", twice)
"""
SLIDER = """
import ipywidgets
ipywidgets.interact(lambda backlog: f"listen({backlog})", backlog=(0, 5));
"""
Open = Callable[..., "Notebook"]


class Interface(NamedTuple):
    """Where its page of a notebook is, and the CSS of what is on it."""

    path: str
    cell: str
    prompt: str
    output: str
    idle: str  # there once a kernel is connected, and whenever it has nothing to do
    dialog: str
    shut_down: str  # an entry of its menu "Kernel"


NOTEBOOK = Interface(
    "/notebooks/",
    ".jp-CodeCell",
    ".jp-InputPrompt",
    ".jp-OutputArea",
    # Before it has a kernel, the indicator says "idle" as well.
    f".jp-Toolbar:has-text('{NAME}') .jp-Notebook-ExecutionIndicator[data-status=idle]",
    ".jp-Dialog",
    "Shut Down Kernel",
)
LAB = NOTEBOOK._replace(path="/lab/tree/")
CLASSIC = Interface(
    "/nbclassic/notebooks/",
    ".code_cell",
    ".input_prompt",
    ".output_wrapper",
    f"#kernel_indicator:has-text('{NAME}') .kernel_idle_icon",
    ".modal-dialog",
    "Shutdown",
)


class Notebook(NamedTuple):
    """An open notebook, whose kernel is ready."""

    page: Page
    interface: Interface

    def cell(self, place: int) -> Locator:
        return self.page.locator(self.interface.cell).nth(place)

    def output(self, place: int) -> Locator:
        return self.cell(place).locator(self.interface.output)

    def run(self, place: int) -> Locator:
        self.cell(place).locator(self.interface.prompt).first.click()
        self.page.keyboard.press("Control+Enter")
        return self.output(place)

    def interrupt(self) -> None:
        self.page.keyboard.type("ii")

    def restart(self) -> None:
        with self.page.expect_websocket(
            lambda socket: socket.url.partition("?")[0].endswith("/channels")
        ):
            self.page.keyboard.type("00")
            self.confirm("Restart")
        self.is_idle()

    def shut_down(self) -> None:
        self.page.get_by_text("Kernel", exact=True).first.click()
        self.page.get_by_text(self.interface.shut_down, exact=True).click()
        if self.interface is CLASSIC:
            self.confirm("Shutdown")

    def confirm(self, word: str) -> None:
        dialog = self.page.locator(self.interface.dialog)
        dialog.get_by_text(word, exact=True).click()
        expect(dialog).to_have_count(0)

    def is_idle(self) -> None:
        expect(self.page.locator(self.interface.idle)).to_be_visible()


@pytest.fixture(scope="module")
def server(
    chromium: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, str, BrowserContext]]:
    """One Jupyter server, which has all of the interfaces, and one browser that is logged in."""
    home = tmp_path_factory.mktemp("interfaces")
    with (
        leaves_nothing(),
        browser.jupyterlab(home) as address,
        browser.browser(chromium) as opened,
    ):
        context = opened.new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(browser.PATIENCE * 1000)
        page = context.new_page()
        page.goto(address.replace("/lab?", "/api/status?"))
        page.close()
        yield home / "notebooks", address, context
    assert "Traceback" not in (home / "log").read_text()


@pytest.fixture
def opened(
    server: tuple[Path, str, BrowserContext], request: pytest.FixtureRequest
) -> Iterator[Open]:
    """Open a notebook of these cells in a page of its own, which closes with the test."""
    folder, address, context = server
    page = context.new_page()

    def open_notebook(interface: Interface, *sources: str) -> Notebook:
        name = re.sub(r"\W", "_", request.node.name) + ".ipynb"
        cells = [nbformat.v4.new_code_cell(source.strip()) for source in sources]
        notebook = nbformat.v4.new_notebook(cells=cells)
        notebook.metadata.kernelspec = {"name": "sockutils", "display_name": NAME}
        nbformat.write(notebook, folder / name)
        # JupyterLab would open the notebooks of the tests before as well.
        page.goto(urljoin(address, f"{interface.path}{name}?reset"))
        opened = Notebook(page, interface)
        opened.is_idle()
        return opened

    yield open_notebook
    page.close()


def kernels() -> list[psutil.Process]:
    started = psutil.Process().children(recursive=True)
    return [process for process in started if "sockutils.kernel" in process.cmdline()]


@pytest.mark.parametrize(
    "interface", [LAB, NOTEBOOK, CLASSIC], ids=["lab", "notebook", "nbclassic"]
)
def test_private_capture_interrupt_restart_and_nothing_left(
    opened: Open, interface: Interface
) -> None:
    notebook = opened(interface, START, CAPTURE, BLOCK)
    expect(notebook.run(0)).to_contain_text("private network: no packet comes in")
    expect(notebook.run(1)).to_contain_text("SYN")
    expect(notebook.run(2)).to_contain_text("blocked")
    notebook.interrupt()
    expect(notebook.output(2)).to_contain_text("KeyboardInterrupt")
    notebook.restart()
    expect(notebook.run(0)).to_contain_text("False")
    (kernel,) = kernels()
    notebook.shut_down()
    assert psutil.wait_procs([kernel], timeout=browser.PATIENCE)[0]


def test_debugger(opened: Open) -> None:
    notebook = opened(LAB, DEBUGGED)
    page = notebook.page
    page.get_by_role("button", name="Enable Debugger").click()
    gutter = notebook.cell(0).locator(".cm-breakpoint-gutter .cm-gutterElement:visible")
    gutter.nth(3).click()
    expect(page.locator(".jp-DebuggerBreakpoints")).to_contain_text("4")
    notebook.run(0)
    line = notebook.cell(0).locator(".jp-DebuggerEditor-highlight")
    variables = page.get_by_role("treeitem")
    expect(line).to_have_text("    twice = 2 * port")
    expect(variables.filter(has_text="port")).to_have_text(re.compile("5000"))
    page.locator("[data-command='debugger:next']").click()
    expect(line).to_have_text(re.compile("^with "))
    expect(variables.filter(has_text="twice")).to_have_text(re.compile("10000"))
    page.locator("[data-command='debugger:continue']").click()
    expect(notebook.output(0)).to_have_text("twice is 10000")
    expect(line).to_have_count(0)
    page.get_by_role("button", name="Disable Debugger").click()
    expect(page.get_by_role("button", name="Enable Debugger")).to_be_visible()
    expect(notebook.run(0)).to_have_text("twice is 10000")


def test_completion_input_and_a_widget(opened: Open) -> None:
    notebook = opened(
        LAB, "import socket", "socket.create_conn", "print(input('who? ')[::-1])", SLIDER
    )
    notebook.run(0)
    editor = notebook.cell(1).locator(".cm-content")
    editor.click()
    notebook.page.keyboard.press("End")
    notebook.page.keyboard.press("Tab")
    notebook.page.locator(".jp-Completer").get_by_text("create_connection").click()
    expect(editor).to_have_text("socket.create_connection")
    notebook.run(2)
    notebook.cell(2).locator(".jp-Stdin-input").fill("tekcos")
    notebook.page.keyboard.press("Enter")
    expect(notebook.output(2)).to_contain_text("socket")
    output = notebook.run(3).first
    output.get_by_role("slider").press("ArrowRight")
    expect(output).to_contain_text("listen(3)")
