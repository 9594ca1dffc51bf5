"""Guesses, questions and the score, as a learner meets them: in JupyterLab, and on a page alone."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import browser
import nbformat
import pytest
from browser import choose
from nbconvert import HTMLExporter
from playwright.sync_api import Browser, Locator, Page, expect

from sockutils import quiz
from sockutils.peers.waits import wait_until
from sockutils.practice.progress import read_lesson

pytestmark = browser.pytestmark
chromium, opened = browser.chromium, browser.opened

LISTEN, OWN, STRANGE = "mine/03_listen.ipynb", "mine/own.ipynb", "strange.ipynb"
GUESSES, QUESTIONS = (
    f".jp-NotebookPanel:not(.lm-mod-hidden) .sockutils-{kind}" for kind in ("guess", "quiz")
)
FIRST, SECOND, *_ = read_lesson("listen")["quiz"]
# A cell for each kind of guess: what it prints, and what is asked.
KINDS: list[tuple[str, dict[str, Any]]] = [
    ("6", {"ask": "How many?", "came": 6, "shows": "6"}),
    ("7", {"ask": "How many now?", "came": 7, "shows": "7"}),
    ("hello", {"ask": "What does it print?"}),
    ("another network", {"ask": "Which?", "choices": ["a", "b"], "came": "a", "shows": "private"}),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("jupyterlab")


@pytest.fixture(scope="module")
def lab(opened: Browser, home: Path) -> Iterator[Page]:
    """A learner's copy of the course, a notebook of guesses, and a lesson that nobody signed."""
    with browser.jupyterlab(home) as address:
        environment = os.environ | {name: str(home / name) for name in browser.DIRECTORIES}
        command = [sys.executable, "-m", "sockutils", "copy", "mine"]
        subprocess.run(command, cwd=home / "notebooks", env=environment, check=True)
        nbformat.write(of_guesses(), home / "notebooks" / OWN)
        nbformat.write(of_questions(), home / "notebooks" / STRANGE)
        page = opened.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(browser.PATIENCE * 1000)
        page.goto(address)
        yield page
        page.close()


def notebook(*cells: Any) -> Any:
    made = nbformat.v4.new_notebook(cells=list(cells))
    made.metadata.kernelspec = {"name": "sockutils", "display_name": "Sockets"}
    return made


def of_guesses() -> Any:
    cells = [
        nbformat.v4.new_code_cell(f"print({text!r})", metadata={"guess": guess})
        for text, guess in KINDS
    ]
    score = "from sockutils import score; score('listen')"
    return notebook(*cells, nbformat.v4.new_code_cell(score))


def of_questions() -> Any:
    question = quiz("listen", 1)
    data = {"text/html": question._repr_html_(), "text/plain": repr(question)}
    output = nbformat.v4.new_output("execute_result", data, execution_count=1)
    return notebook(nbformat.v4.new_code_cell("quiz('listen', 1)", outputs=[output]))


def open_notebook(lab: Page, name: str) -> Locator:
    """The notebook, alone in the page."""
    lab.goto(urljoin(lab.url, f"/lab/tree/{name}?reset"))
    status = lab.locator("#jp-main-statusbar")
    browser.appears(status.get_by_text("Sockets (private network) | Idle"))
    return lab.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")


def cell_of(notebook: Locator, source: str) -> Locator:
    return notebook.locator(".jp-Notebook-cell").filter(has_text=source)


def said(asked: dict[str, Any], answer: str) -> str:
    right = answer == asked["right"]
    text = f"✓ Right: {asked['because']}" if right else f"✗ Not yet: {asked['wrong'][answer]}"
    return text.replace("`", "")


@pytest.fixture(scope="module")
def lesson(lab: Page) -> Locator:
    """A learner's copy, in which no cell has been run."""
    return open_notebook(lab, LISTEN)


def test_a_question_by_mouse_counts_before_any_cell_has_run(lesson: Locator, home: Path) -> None:
    question = cell_of(lesson, 'quiz("listen", 1)')
    status = question.get_by_role("status")
    expect(status).to_have_text("○ not attempted")
    for place, answer in enumerate(sorted([FIRST["right"], *FIRST["wrong"]])):
        question.locator("label").nth(place).click()
        expect(status).to_have_text(said(FIRST, answer))
    kept = home / "XDG_DATA_HOME/sockutils"
    for kind in ("done", "tried"):
        assert wait_until((kept / kind / "listen/quiz 1").exists, browser.PATIENCE)


def test_a_question_by_keyboard(lab: Page, lesson: Locator) -> None:
    question = cell_of(lesson, 'quiz("listen", 2)')
    radios, status = question.get_by_role("radio"), question.get_by_role("status")
    expect(question.get_by_role("radiogroup", name=SECOND["question"][:20])).to_be_visible()
    radios.first.focus()
    for key, place in (("ArrowDown", 1), ("ArrowRight", 2), ("ArrowUp", 1), ("ArrowLeft", 0)):
        lab.keyboard.press(key)
        expect(radios.nth(place)).to_be_focused()
        expect(status).to_have_text("○ not attempted")  # moving chooses nothing
    answers = sorted([SECOND["right"], *SECOND["wrong"]])
    for key, answer in (("Space", answers[0]), ("ArrowUp", answers[0]), ("Enter", answers[-1])):
        lab.keyboard.press(key)
        expect(status).to_have_text(said(SECOND, answer))
    lab.keyboard.press("Escape")
    expect(question).to_be_focused()


def test_a_guess_by_one_key_before_and_after_the_run(lab: Page, lesson: Locator) -> None:
    cell_of(lesson, "import errno").locator(".jp-InputPrompt").click()
    lab.keyboard.press("Shift+Enter")
    cell = cell_of(lesson, 'print("too early:"')
    guess = cell.get_by_role("group", name="Your guess")
    expect(guess).to_contain_text("The client calls before listen(): what happens to it?")
    cell.locator(".jp-InputPrompt").click()
    for key in "93":  # there is no ninth
        lab.keyboard.press(key)
    chosen = guess.get_by_role("button", name="it fails at once")
    expect(chosen).to_have_attribute("aria-pressed", "true")
    lab.keyboard.press("Shift+Enter")
    expect(guess.get_by_role("status")).to_have_text("✓ As it came.You guessed “it fails at once”.")
    expect(lesson.locator(".jp-mod-active")).to_contain_text("Refused, and at once")


def test_a_guess_by_mouse_is_never_in_the_way(lab: Page, lesson: Locator) -> None:
    cell = cell_of(lesson, 'needs("capture")').first
    cell.get_by_role("button", name="about a second", exact=True).click()
    lab.keyboard.press("Shift+Enter")  # from the button
    prompt = cell.locator(".jp-InputPrompt")
    expect(prompt).to_have_text(re.compile(r"\d"))
    without = cell_of(lesson, 'sendall(b"early")').first
    without.locator(".jp-InputPrompt").click()
    lab.keyboard.press("Shift+Enter")
    expect(without.locator(".jp-InputPrompt")).to_have_text(re.compile(r"\d"))
    expect(without.get_by_role("group", name="Your guess")).to_be_hidden()


def test_without_a_kernel_questions_answer_and_say_how_to_count(lab: Page, lesson: Locator) -> None:
    lab.locator("#jp-MainMenu").get_by_role("menuitem", name="Kernel", exact=True).click()
    lab.locator(".lm-Menu").get_by_role("menuitem", name="Shut Down Kernel", exact=True).click()
    browser.appears(lab.locator("#jp-main-statusbar").get_by_text("No Kernel"))
    question = cell_of(lesson, 'quiz("listen", 2)')
    for answer in (sorted(SECOND["wrong"])[0], SECOND["right"]):
        question.get_by_text(answer.replace("`", "")).click()
    more = 'It counts in progress() if you run: quiz("listen", 2, "b")'
    expect(question.get_by_role("status")).to_have_text(said(SECOND, SECOND["right"]) + more)
    expect(lesson.get_by_text("model not found")).to_have_count(0)
    for places, rule in ((QUESTIONS, "label"), (GUESSES, "button-name")):
        kept, broken = browser.axe(lab, places)
        assert {"color-contrast", rule} <= kept
        assert broken == []


@pytest.fixture(scope="module")
def guessed(lab: Page) -> Locator:
    """A guess of each kind, made, and everything run."""
    own = open_notebook(lab, OWN)
    cells, guesses = own.locator(".jp-Notebook-cell"), own.get_by_role("group", name="Your guess")
    expect(guesses).to_have_count(len(KINDS))
    cells.first.locator(".jp-InputPrompt").click()
    lab.keyboard.press("6")  # goes into the field
    lab.keyboard.press("Shift+Enter")
    guesses.nth(1).get_by_role("spinbutton").fill("5")
    lab.keyboard.press("Shift+Enter")
    guesses.nth(2).get_by_role("textbox").fill("HELLO")
    lab.keyboard.press("Shift+Enter")
    guesses.nth(3).get_by_role("button", name="b").click()
    lab.keyboard.press("Shift+Enter")
    lab.keyboard.press("Shift+Enter")  # the score
    expect(cells.nth(len(KINDS)).locator(".jp-InputPrompt")).to_have_text(re.compile(r"\d"))
    return own


def test_guesses_are_told_beside_their_outcomes_and_in_the_score(guessed: Locator) -> None:
    told = guessed.get_by_role("group", name="Your guess").get_by_role("status")
    expect(told.nth(0)).to_have_text("✓ As it came.You guessed “6”.")
    expect(told.nth(1)).to_have_text("! A surprise.You guessed “5”: it is “7”.")
    expect(told.nth(2)).to_contain_text("You guessed “HELLO”. Did it come so?")
    expect(told.nth(3)).to_have_text("You guessed “b”.")  # the cell has shown something else
    total = guessed.locator(".sockutils-guesses")
    expect(total).to_contain_text("You guessed 4 of 4; 1 as it came. You were surprised by:")
    told.nth(2).get_by_role("button", name="yes").click()
    expect(told.nth(2)).to_have_text("✓ As it came.You guessed “HELLO”.")
    expect(total).to_contain_text("You guessed 4 of 4; 2 as it came.")
    expect(total.get_by_role("listitem")).to_have_text("How many now? You said 5; it is 7.")
    expect(guessed.get_by_text("✓ question 1: passed")).to_be_visible()
    expect(guessed.get_by_text("○ question 3: not attempted")).to_be_visible()


def test_guesses_outlive_the_page(lab: Page, guessed: Locator) -> None:
    lab.keyboard.press("Control+s")
    expect(lab.locator(".jp-mod-dirty")).to_have_count(0)
    lab.reload()
    told = guessed.get_by_role("group", name="Your guess").get_by_role("status")
    expect(told.nth(1)).to_have_text("! A surprise.You guessed “5”: it is “7”.")
    expect(guessed.locator(".sockutils-guesses")).to_contain_text("2 as it came")


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_nothing_serious_in_either_theme(lab: Page, guessed: Locator, theme: str) -> None:
    choose(lab, theme)
    for kept, broken in (browser.axe(lab), browser.axe(lab, GUESSES)):
        assert "color-contrast" in kept
        assert broken == []


def test_where_nobody_signed_the_answers_fold_out(lab: Page) -> None:
    strange = open_notebook(lab, STRANGE)
    output = strange.locator(".jp-OutputArea-output")
    folded = output.locator("details")
    expect(folded).to_have_count(len(FIRST["wrong"]) + 1)
    expect(output.get_by_role("radio")).to_have_count(0)
    folds_out(folded)


def folds_out(folded: Locator) -> None:
    for place, answer in enumerate(sorted([FIRST["right"], *FIRST["wrong"]])):
        feedback = folded.nth(place).locator("p")
        expect(feedback).to_be_hidden()
        folded.nth(place).locator("summary").click()
        expect(feedback).to_have_text(said(FIRST, answer))


@pytest.fixture(params=[True, False], ids=["with scripts", "without"])
def alone(opened: Browser, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page made by nbconvert, which nobody serves."""
    page, _ = HTMLExporter().from_notebook_node(of_questions())  # type: ignore[no-untyped-call]
    (tmp_path / "page.html").write_text(page)
    context = opened.new_context(java_script_enabled=request.param, offline=True)
    alone = context.new_page()
    alone.goto((tmp_path / "page.html").as_uri(), wait_until="commit")
    yield alone
    context.close()


def test_on_a_page_alone(alone: Page, request: pytest.FixtureRequest) -> None:
    if "without" in request.node.name:
        folds_out(alone.locator("details"))
        return
    answers = sorted([FIRST["right"], *FIRST["wrong"]])
    alone.get_by_role("radio").first.focus()
    alone.keyboard.press("Enter")
    expect(alone.get_by_role("status")).to_have_text(said(FIRST, answers[0]))
    expect(alone.locator("details")).to_have_count(0)


# As VS Code shows an output: its scripts run at the end of it, one after another.
SHOW = """html => {
    document.body.dataset.vscodeThemeKind = document.body.className = "vscode-dark"
    document.body.innerHTML = html
    for (const { text } of document.querySelectorAll("script")) {
        const script = Object.assign(document.createElement("script"), { text })
        document.body.appendChild(script).remove()
    }
}"""


def test_in_vs_code_it_says_how_to_count(opened: Browser) -> None:
    page = opened.new_page()
    page.evaluate(SHOW, quiz("listen", 2)._repr_html_())
    page.get_by_label(SECOND["right"]).check()
    expect(page.get_by_role("status")).to_contain_text('if you run: quiz("listen", 2, "b")')
    page.close()
