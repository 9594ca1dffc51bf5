"""The workbench in JupyterLab and a real Chromium: by mouse, by keyboard, without its kernel."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import browser
import nbformat
import psutil
import pytest
from kernels import refusal
from playwright.sync_api import Browser, Locator, Page, expect

from sockutils.peers.waits import wait_until

pytestmark = browser.pytestmark
chromium, opened = browser.chromium, browser.opened

NAME = "bench.ipynb"
CELLS = ["from sockutils import bench", 'bench("connected before accept")']
THEMES = ["JupyterLab Light", "JupyterLab Dark"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("jupyterlab")


@pytest.fixture(scope="module")
def lab(opened: Browser, home: Path) -> Iterator[Page]:
    if why := refusal():
        pytest.skip(why)
    with browser.jupyterlab(home) as address:
        notebook = nbformat.v4.new_notebook()
        notebook.metadata.kernelspec = {"name": "sockutils", "display_name": "Sockets"}
        notebook.cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
        nbformat.write(notebook, home / "notebooks" / NAME)
        page = opened.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(browser.PATIENCE * 1000)
        page.goto(address)
        browser.restart_and_run_all(page, browser.open_from_file_browser(page, NAME))
        yield page
        page.close()


@pytest.fixture
def work(lab: Page) -> Locator:
    """The workbench, without a story, and nothing clicked."""
    work = lab.locator(".sockutils-workbench")
    expect(work).to_have_count(1)
    work.get_by_label("story").select_option("")
    expect(work.get_by_role("button", name="Step back")).to_have_attribute("aria-disabled", "true")
    return work


def program(work: Locator, name: str) -> Locator:
    return work.get_by_role("group", name=name, exact=True)


def click(work: Locator, name: str, call: str) -> None:
    program(work, name).get_by_role("button", name=f"{call}()", exact=True).click()


def status(work: Locator) -> Locator:
    return work.get_by_role("status")


def clicks(work: Locator, *calls: str) -> None:
    """Click, and see each answer: "server socket", "server bind", ..."""
    for each in calls:
        name, _, call = each.rpartition(" ")
        click(work, name, call)
        expect(status(work)).to_contain_text(f"{call}(")


def listening(work: Locator) -> None:
    clicks(work, "server socket", "server bind", "server listen")


def connected(work: Locator) -> None:
    listening(work)
    clicks(work, "client socket", "client connect", "server accept")


def row(work: Locator, name: str) -> Locator:
    return work.get_by_role("row").filter(has=work.page.get_by_role("rowheader", name=name))


# First of all, since nothing has been clicked yet


def test_a_story_from_start_to_end_by_mouse(lab: Page) -> None:
    work = lab.locator(".sockutils-workbench")
    expect(work).to_contain_text("Can a client connect?")
    expect(work).to_contain_text("server: listener = socket.socket()")
    for number in range(1, 9):
        button = work.get_by_role("button", name=re.compile("Next step|The end"))
        expect(button).to_have_text(f"Next step ({number} of 8)")
        button.click()
    expect(work).to_contain_text("accept() only fetches what is ready.")
    expect(status(work)).to_have_text("✓ server: connection.recv(100) → b'hello'")


# What a new user finds out by clicking


def test_why_connect_succeeds_before_accept(work: Locator) -> None:
    listening(work)
    clicks(work, "client socket", "client connect")
    expect(status(work)).to_have_text('✓ client: client.connect(("127.0.0.1", 5100))')
    expect(row(work, "not yet accepted (client)")).to_contain_text("ESTAB")
    expect(row(work, "listener")).to_contain_text("1 of 2 in the queue")
    said = work.get_by_role("img", name=re.compile("^server: listener")).get_attribute("aria-label")
    assert re.search(r"SYN\n.*SYN ACK\n.*ACK\n", str(said))
    states = work.get_by_role("img", name=re.compile("^TCP's states"))
    expect(states).to_have_attribute("aria-label", re.compile("client ESTAB"))
    clicks(work, "server accept")
    expect(row(work, "listener")).to_contain_text("0 of 2 in the queue")
    expect(row(work, "not yet accepted (client)")).to_have_count(0)
    expect(row(work, "connection")).to_contain_text("ESTAB")


@pytest.mark.parametrize(
    ("count", "packet", "end"), [("4", "RST ACK", "ECONNRESET"), ("5", "FIN", "b''")]
)
def test_what_one_unread_byte_does(work: Locator, count: str, packet: str, end: str) -> None:
    connected(work)
    clicks(work, "client send")
    program(work, "server").get_by_text("arguments").click()
    program(work, "server").get_by_label("bytes").fill(count)
    clicks(work, "server recv", "server close")
    program(work, "server").get_by_label("bytes").fill("100")
    program(work, "server").get_by_text("arguments").click()
    expect(work.locator(".wb-ladder svg")).to_contain_text(packet)
    clicks(work, "client recv")
    expect(status(work)).to_contain_text(end)


def test_an_error_says_what_it_means(work: Locator) -> None:
    clicks(work, "client socket", "client connect")
    expect(status(work)).to_contain_text("✗ client: client.connect")
    expect(status(work)).to_contain_text("ECONNREFUSED (111) nobody listens at this address")
    expect(status(work)).to_contain_text("05_connect.ipynb")
    expect(work.locator(".wb-ladder svg")).to_contain_text("RST ACK")


def test_a_blocked_call_waits_until_it_is_cancelled(work: Locator) -> None:
    listening(work)
    click(work, "server", "accept")
    server = program(work, "server")
    waits = server.get_by_text("listener.accept() waits …")
    expect(waits).to_be_visible()
    server.get_by_role("button", name="close()").press("Enter")  # the keyboard reaches it
    expect(status(work)).to_contain_text("The server waits in a call")
    server.get_by_role("button", name="Cancel").press("Enter")
    expect(waits).to_be_hidden()
    expect(status(work)).to_contain_text("EINVAL (22), after a wait")
    assert server.evaluate("node => node.contains(document.activeElement)")


def test_another_click_ends_a_blocked_call(work: Locator) -> None:
    listening(work)
    click(work, "server", "accept")
    expect(program(work, "server").get_by_text("waits …")).to_be_visible()
    clicks(work, "client socket", "client connect")
    expect(program(work, "server").get_by_text("waits …")).to_be_hidden()
    expect(status(work)).to_contain_text("accept() → connection, after a wait")


def test_twenty_fast_clicks(work: Locator) -> None:
    connected(work)
    before = work.locator(".wb-ladder .i").count()
    work.evaluate("""work => {
        const of = (name, call) => [...work.querySelectorAll(`.wb-${name} button`)]
            .find(each => each.textContent === `${call}()`)
        for (let turn = 0; turn < 10; turn += 1) {
            of("client", "send").click()
            of("server", "recv").click()
        }
    }""")
    said = work.locator(".wb-ladder svg")
    # On a busy machine one may be told as a call that waits, and then as one after a wait.
    heard = re.compile(r"(recv\((100)?\) → b'hello'[^§]*){10}")
    expect(said).to_have_attribute("aria-label", heard)
    assert work.locator(".wb-ladder .i").count() > before + 20
    expect(status(work)).to_contain_text("→ b'hello'")


def test_all_by_keyboard(work: Locator) -> None:
    page = work.page
    story = work.get_by_label("story")
    story.focus()
    page.keyboard.type("nobody listens")
    expect(work).to_contain_text("Nobody has the port.")
    expect(story).to_be_focused()
    page.keyboard.press("Tab")
    expect(work.get_by_role("button", name="Next step")).to_be_focused()
    for _ in range(2):
        page.keyboard.press("Enter")
    expect(status(work)).to_contain_text("ECONNREFUSED")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")  # Step back
    expect(status(work)).to_have_text("✓ client: client = socket.socket()")
    listen = program(work, "client").get_by_role("button", name="listen()")
    program(work, "client").get_by_role("button", name="bind()").focus()
    page.keyboard.press("Tab")
    expect(listen).to_be_focused()
    page.keyboard.press("Enter")
    expect(status(work)).to_have_text("✓ client: client.listen(1)")
    own = program(work, "client").get_by_label("line of code")
    own.focus()
    page.keyboard.type("client.getsockname()")
    page.keyboard.press("Enter")
    expect(status(work)).to_contain_text("→ ('0.0.0.0', ephemeral)")
    page.keyboard.press("Escape")
    work.locator(".wb-ladder").focus()
    page.keyboard.press("ArrowUp")
    expect(work.locator(".wb-here")).to_have_count(1)
    assert work.page.locator(".jp-Notebook .jp-Cell").count() == 2  # no key reached the notebook


def test_a_line_that_loses_a_packet(work: Locator) -> None:
    work.get_by_role("checkbox", name="a line between").check()
    lose = work.get_by_role("button", name="Lose the next packet")
    expect(lose).to_be_visible()
    listening(work)
    clicks(work, "client socket")
    lose.click()
    expect(work.get_by_role("button", name="Lose the next packet (1)")).to_be_visible()
    click(work, "client", "connect")
    expect(program(work, "client").get_by_text("waits …")).to_be_visible()
    drawing = work.locator(".wb-ladder svg")
    expect(drawing).to_contain_text("SYN (lost)")
    expect(drawing).to_contain_text("connect() returns, after a wait")  # by itself, after a second
    work.get_by_role("checkbox", name="a line between").uncheck()


def test_two_clients_of_a_path(work: Locator) -> None:
    work.get_by_label("kind of socket").select_option("AF_UNIX")
    work.get_by_role("checkbox", name="second client").check()
    listening(work)
    clicks(work, "client socket", "client connect", "second client socket", "second client connect")
    expect(status(work)).to_have_text(r'✓ second: second.connect("\0bench")')
    expect(row(work, "listener")).to_contain_text("2 of 2 in the queue")
    work.get_by_label("kind of socket").select_option("TCP")
    work.get_by_role("button", name="Start over").click()


def test_copy_as_program(work: Locator) -> None:
    work.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    connected(work)
    work.get_by_role("button", name="Copy as program").click()
    expect(status(work)).to_contain_text("Copied")
    copied = work.page.evaluate("navigator.clipboard.readText()")
    assert copied == work.get_by_label("the program").input_value()
    run = [sys.executable, "-m", "sockutils.kernel", "run", sys.executable, "-c", copied]
    subprocess.run(run, check=True)


def test_full_screen_and_back(work: Locator) -> None:
    work.get_by_role("button", name="Full screen").click()
    work.page.wait_for_function("document.fullscreenElement?.matches('.sockutils-workbench')")
    listening(work)
    work.get_by_role("button", name="Full screen").click()
    work.page.wait_for_function("!document.fullscreenElement")


@pytest.mark.parametrize("theme", THEMES)
def test_accessibility_and_width(work: Locator, theme: str) -> None:
    page = work.page
    browser.choose(page, theme)
    connected(work)
    clicks(work, "client send", "client connect")  # an error, and a byte that nobody has read
    kept, broken = browser.axe(page)
    assert {"color-contrast", "label", "button-name", "select-name", "svg-img-alt"} <= kept
    assert broken == []
    for width in (1024, 1920, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert work.evaluate("node => node.scrollWidth <= node.clientWidth")


# What takes its kernel or its page away; last


def reload(lab: Page, home: Path) -> None:
    """Save the notebook, with this output, and load the page again."""
    file = home / "notebooks" / NAME
    lab.get_by_role("menuitem", name="File", exact=True).click()
    lab.get_by_role("menuitem", name="Save Notebook", exact=False).first.click()
    assert wait_until(lambda: "widget-view" in file.read_text(), browser.PATIENCE)
    lab.reload()
    # A server that is told to end while a page asks for its kernel may hang.
    idle = lab.locator("#jp-main-statusbar").get_by_text("Sockets (private network) | Idle")
    browser.appears(idle)


def test_after_a_reload_it_goes_on(work: Locator, home: Path) -> None:
    page = work.page
    connected(work)
    clicks(work, "client send")
    reload(page, home)
    work = page.locator(".sockutils-workbench")
    expect(row(work, "connection")).to_contain_text("5 bytes")
    clicks(work, "server recv")
    expect(status(work)).to_have_text("✓ server: connection.recv(100) → b'hello'")


def test_running_the_cell_again_closes_what_was_open(lab: Page) -> None:
    work = lab.locator(".sockutils-workbench")
    lab.locator(".jp-CodeCell .cm-content").nth(1).click()
    before = open_sockets()
    lab.keyboard.press("Control+Enter")
    expect(work.get_by_role("button", name="Next step (1 of 8)")).to_be_visible()
    assert open_sockets() <= before - 4  # a listener, two ends, and what records packets


def open_sockets() -> int:
    folder = Path(f"/proc/{kernel().pid}/fd")
    return sum(os.readlink(each).startswith("socket:") for each in folder.iterdir())


def kernel() -> psutil.Process:
    """The newest kernel that this test has started."""
    mine = psutil.Process().children(recursive=True)
    found = []
    for each in mine:
        with suppress(psutil.NoSuchProcess):  # ended since, or as good as
            if "sockutils.kernel" in " ".join(each.cmdline()):
                found.append(each)
    return max(found, key=lambda each: each.create_time())


def test_its_kernel_is_killed(lab: Page) -> None:
    work = lab.locator(".sockutils-workbench")
    listening(work)
    os.kill(kernel().pid, signal.SIGKILL)
    lab.locator(".jp-Dialog .jp-mod-accept").click()
    click(work, "client", "socket")
    expect(status(work)).to_contain_text("The kernel does not answer")


def test_without_a_kernel_there_is_the_picture(lab: Page, home: Path) -> None:
    reload(lab, home)
    still = lab.locator(".sockutils-still")
    expect(still).to_be_visible()
    expect(still).to_contain_text("To use the workbench, run this cell.")
    expect(lab.get_by_text("model not found")).to_be_hidden()
