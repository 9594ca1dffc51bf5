"""The course as a learner meets it: in a real JupyterLab and a real Chromium, by keyboard."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import nbformat
import psutil
import pytest
from axe_core_python.sync_playwright import Axe
from kernels import ALL, PATIENCE
from nbformat.sign import NotebookNotary
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from sockutils.practice.progress import LESSONS, read_lesson
from website.chromium import FLAGS, installed

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
START = "00_start_here.ipynb"
pytestmark = pytest.mark.timeout(4 * PATIENCE)  # the first test waits for server, page and lesson

AS_ROOT = os.getuid() == 0
SERVER = ["--no-browser", "--ServerApp.ip=127.0.0.1", "--ServerApp.port=0"]
SERVER += ["--allow-root"] * AS_ROOT


def of(name: str) -> str:
    """The notebook of a lesson."""
    return str(read_lesson(name)["notebook"])


NAMES = sorted((path.stem for path in Path(LESSONS).glob("*.toml")), key=of)
# Every third lesson, listen() among them, or with ALL=1 each.
NAMES = NAMES if ALL else NAMES[::3]

# Nothing of the user's Jupyter is read or written; the learner's progress goes to XDG_DATA_HOME.
DIRECTORIES = (
    "HOME",
    "IPYTHONDIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "XDG_DATA_HOME",
)
# No pop-up about news, and all cells in the page, also those far from its visible part.
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
}

# By the type of a panel's control: what changes it, from wherever it starts.
KEYS = {
    "range": ("ArrowRight", "ArrowLeft", "ArrowRight"),
    "select-one": ("ArrowDown", "ArrowUp", "ArrowDown"),
    "checkbox": ("Space", "Space"),
}

# The control whose every step changes the text of the picture, too: 0 is the first, else the last.
TELLS = {"sendto": 0, "sockopts": 0}

# What a screen reader says of a picture.
SAID = """picture => [picture, ...picture.querySelectorAll("[aria-label]")]
    .map(each => each.ariaLabel)"""

# Counts the frames, and those in which the panel has no picture or one that is not there yet.
WATCH = """panel => {
    window.frames = window.flickers = 0
    window.watched = panel
    const look = () => {
        if (window.watched !== panel) return  // the next lesson's panel is being watched
        window.frames += 1
        window.flickers += !(panel.querySelector("svg.sk")?.getBoundingClientRect().height > 50)
        requestAnimationFrame(look)
    }
    look()
}"""


@pytest.fixture(scope="module")
def chromium() -> str:
    try:
        return installed()
    except FileNotFoundError as why:
        if "CI" in os.environ:
            pytest.fail(str(why))
        pytest.skip(str(why))


@pytest.fixture(scope="module")
def strangers() -> list[str]:
    """Every address that the page asked for and that is not of this machine."""
    return []


@pytest.fixture(scope="module")
def opened(chromium: str) -> Iterator[Browser]:
    with browser(chromium) as opened:
        yield opened


@pytest.fixture(scope="module")
def page(
    opened: Browser, strangers: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Page]:
    def note(request: Any) -> None:
        if urlsplit(request.url).hostname not in ("127.0.0.1", None):  # data: has no host
            strangers.append(request.url)

    with jupyterlab(tmp_path_factory.mktemp("jupyterlab")) as address:
        page = opened.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(PATIENCE * 1000)
        page.on("request", note)
        page.on("websocket", note)
        page.goto(address)
        yield page
        page.close()


@pytest.fixture(autouse=True)
def nothing_leaves(page: Page, strangers: list[str]) -> Iterator[None]:
    yield
    assert not strangers


@contextmanager
def browser(path: str) -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE * 1000)
    before = set(psutil.Process().children())
    with sync_playwright() as playwright:
        (driver,) = set(psutil.Process().children()) - before
        opened = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        started = driver.children(recursive=True)
        opened.close()
    all_end([driver, *started])


def all_end(processes: Iterable[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=PATIENCE)
    assert not alive


@contextmanager
def jupyterlab(home: Path) -> Iterator[str]:
    copy_notebooks(home / "notebooks")
    for name, values in SETTINGS.items():
        path = home / f"JUPYTERLAB_SETTINGS_DIR/@jupyterlab/{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    environment = os.environ | {name: str(home / name) for name in DIRECTORIES}
    command = [sys.executable, "-m", "jupyterlab", *SERVER]
    command.append(f"--ServerApp.root_dir={home / 'notebooks'}")
    with (home / "log").open("w") as log:
        server = subprocess.Popen(command, env=environment, cwd=home, stderr=log)
    try:
        yield address_of(server, home)
    finally:
        started = psutil.Process(server.pid).children(recursive=True)
        server.terminate()
        try:
            server.wait(PATIENCE / 5)
        except subprocess.TimeoutExpired:
            # Its loop stopped while a thread of AnyIO's worked for it: nobody tells that thread to
            # end, and Python waits for it at exit. What it started is gone all the same.
            server.kill()
            server.wait()
    all_end(started)


def copy_notebooks(place: Path) -> None:
    (place / "deeper").mkdir(parents=True)
    for path in NOTEBOOKS.rglob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.execution_count = None  # a number will mean that the cell has run here
        nbformat.write(notebook, place / path.relative_to(NOTEBOOKS))


def address_of(server: "subprocess.Popen[bytes]", home: Path) -> str:
    deadline = time.monotonic() + PATIENCE
    while True:
        with suppress(FileNotFoundError, json.JSONDecodeError, ConnectionRefusedError):
            note = home / f"JUPYTER_RUNTIME_DIR/jpserver-{server.pid}.json"
            told = json.loads(note.read_text())
            socket.create_connection(("127.0.0.1", told["port"])).close()
            return f"{told['url']}lab?token={told['token']}"
        running = server.poll() is None and time.monotonic() < deadline
        assert running, (home / "log").read_text()
        time.sleep(0.05)


def open_from_file_browser(page: Page, name: str) -> Locator:
    page.locator(".jp-DirListing-item", has_text=name).dblclick()
    tab = page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab", has_text=name)
    notebook = page.locator(f"[id='{tab.get_attribute('data-id')}']")
    # Before it has a kernel, its own indicator says "idle" as well.
    appears(page.locator("#jp-main-statusbar").get_by_text("Sockets (private network) | Idle"))
    return notebook


def appears(wanted: Locator) -> None:
    # While there is no such thing, expect() describes the whole page anew at each look.
    wanted.wait_for()


def restart_and_run_all(page: Page, notebook: Locator) -> None:
    bar, menu = page.locator("#jp-MainMenu"), page.locator(".lm-Menu")
    bar.get_by_role("menuitem", name="Kernel", exact=True).click()
    menu.get_by_role("menuitem", name="Restart Kernel and Run All Cells").click()
    page.locator(".jp-Dialog .jp-mod-accept").click()
    prompts = notebook.locator(".jp-CodeCell .jp-InputPrompt")
    last = prompts.last.filter(has_text=re.compile(r"\d"))
    appears(last.or_(errors(notebook)).first)
    assert errors(notebook).all_inner_texts() == []
    expect(prompts).to_have_text([f"[{count}]:" for count in range(1, prompts.count() + 1)])


def errors(notebook: Locator) -> Locator:
    kinds = "[data-mime-type$='jupyter.stderr'], [data-mime-type$='jupyter.error']"
    return notebook.locator(kinds).filter(has_not_text="this cell needs ")


def cells(name: str) -> list[Any]:
    return list(nbformat.read(NOTEBOOKS / name, as_version=4).cells)


def panels_in(name: str) -> int:
    code = [cell.source for cell in cells(of(name)) if cell.cell_type == "code"]
    return sum("panel(" in source for source in code)


def tagged(tag: str, found: list[Any]) -> int:
    """Where the first cell with that tag is."""
    return next(place for place, cell in enumerate(found) if tag in cell.metadata.get("tags", []))


OUTPUTS = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-OutputArea-output"


def axe(page: Page, places: str = OUTPUTS) -> tuple[set[str], list[str]]:
    """The rules that outputs of the notebook in front keep, and what is serious in breaking one."""
    found = Axe().run(page, {"include": [[places]]})
    return {rule["id"] for rule in found["passes"]}, [
        f"{rule['help']}: {node['html']}"
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


def sign(home: Path, path: Path) -> None:
    """Have this JupyterLab trust a notebook's outputs, as if they had been made in it."""
    keys = home / "JUPYTER_DATA_DIR"
    notary = NotebookNotary(
        secret_file=str(keys / "notebook_secret"), db_file=str(keys / "nbsignatures.db")
    )
    notary.sign(nbformat.read(path, as_version=4))
    notary.store.close()


def choose(page: Page, theme: str) -> None:
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    for name in ("Theme", theme):
        page.locator(".lm-Menu-itemLabel").get_by_text(name, exact=True).click()
    light = str("Light" in theme).lower()
    expect(
        page.locator(f"body[data-jp-theme-light={light}][data-jp-theme-name='{theme}']")
    ).to_be_attached()
    expect(page.locator("#jupyterlab-splash")).to_have_count(0)  # it covers the page meanwhile


@pytest.fixture(scope="module", params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def lesson(page: Page, name: str) -> Locator:
    """The lesson, opened and run, alone: a dozen in one page keep Chromium busy."""
    page.goto(urljoin(page.url, "/lab?reset"))
    notebook = open_from_file_browser(page, of(name))
    restart_and_run_all(page, notebook)
    return notebook


@pytest.fixture(scope="module")
def answers(page: Page, lesson: Locator, name: str) -> list[str]:
    """What the first question says to each of its answers, chosen by keyboard."""
    question = lesson.locator(".jp-Notebook-cell").nth(tagged("quiz", cells(of(name))))
    radios, feedback = question.get_by_role("radio"), question.get_by_role("status")
    said = [feedback.inner_text()]
    radios.first.focus()
    for place in range(radios.count()):
        page.keyboard.press("Enter")
        expect(radios.nth(place)).to_be_checked()
        expect(feedback).not_to_have_text(said[-1])
        said.append(feedback.inner_text())
        page.keyboard.press("ArrowDown")
    return said[1:]


@pytest.fixture(scope="module")
def results(page: Page, lesson: Locator, name: str) -> list[str]:
    """What the first exercise says, before and after its solution is typed in."""
    found = cells(of(name))
    place = tagged("exercise", found)
    exercise = lesson.locator(".jp-Notebook-cell").nth(place)
    output = exercise.locator(".jp-OutputArea-output")
    before = output.inner_text()
    solution = re.search(r"```python\n(.*?)```", found[tagged("solution", found)].source, re.DOTALL)
    assert solution
    exercise.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(f"{solution[1]}\n\n{found[place].source.splitlines()[-1]}")
    page.keyboard.press("Shift+Enter")
    expect(output).not_to_have_text(before)
    return [before.strip(), output.inner_text().strip()]


def test_run_all(lesson: Locator, name: str) -> None:
    expect(lesson.locator(".jp-Notebook-cell")).to_have_count(len(cells(of(name))))
    assert errors(lesson).all_inner_texts() == []


def test_panel(page: Page, lesson: Locator, name: str) -> None:
    panels = lesson.locator(".sk-panel").all()
    assert len(panels) == panels_in(name)
    for panel in panels:
        move(page, panel, TELLS.get(name, -1))


def move(page: Page, panel: Locator, place: int) -> None:
    control = panel.locator("fieldset :is(input, select)").nth(place)
    picture = panel.locator("svg.sk")
    expect(picture).to_be_visible()
    panel.evaluate(WATCH)
    control.focus()
    for key in KEYS[str(control.evaluate("each => each.type"))]:
        drawn, said = picture.inner_html(), picture.evaluate(SAID)
        page.keyboard.press(key)
        expect(picture).not_to_have_js_property("innerHTML", drawn)
        assert picture.evaluate(SAID) != said
        expect(control).to_be_focused()
    assert page.evaluate("window.frames") > 0
    assert page.evaluate("window.flickers") == 0


def test_quiz(answers: list[str], name: str) -> None:
    asked = read_lesson(name)["quiz"][0]
    expected = {answer: f"✗ Not yet: {why}" for answer, why in asked["wrong"].items()}
    expected[asked["right"]] = f"✓ Right: {asked['because']}"
    assert answers == [expected[answer].replace("`", "") for answer in sorted(expected)]


def test_exercise(results: list[str]) -> None:
    assert [text.partition(": ")[2] for text in results] == ["not attempted", "passed"]


def test_accessibility(
    page: Page, name: str, lesson: Locator, answers: list[str], results: list[str]
) -> None:
    kept, broken = axe(page)
    assert {"color-contrast", "svg-img-alt", "label"} <= kept
    assert broken == []
    assert lesson.locator(".jp-OutputArea-output img").count() == 0  # each has become a drawing


@pytest.mark.parametrize("name", ["listen"], indirect=True)
def test_progress(page: Page, name: str, answers: list[str], results: list[str]) -> None:
    page.reload()
    start = open_from_file_browser(page, START)
    restart_and_run_all(page, start)
    row = start.get_by_role("row", name="listen()")
    expect(row.get_by_role("cell")).to_have_text(
        [re.compile(each) for each in (r"\d+", r"1/\d", r"1/\d", r"2\sof\s\d")]
    )
    kept, broken = axe(page)
    assert "color-contrast" in kept
    assert broken == []
