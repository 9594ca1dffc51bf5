"""The course as a whole: what must hold for every notebook, and what running one leaves behind."""

import ast
import re
import time
from collections.abc import Callable
from pathlib import Path
from random import random
from statistics import median
from symtable import symtable
from typing import Any

import nbformat
import pytest
import reference
from cells import used
from kernels import ALL, kernel, restart
from test_kernel import leaves_nothing

from sockutils.errors.shown import manual
from sockutils.practice.progress import names, read_lesson

PATHS = reference.layers()
CLASSROOM = Path(__file__).parent.parent / "CLASSROOM.md"
STATEMENTS = {
    "00_start_here": {1, 2},
    "01_socket": {3, 4, 5, *range(22, 47)},
    "02_bind": {6, 7, *range(47, 55)},
    "03_listen": {8, *range(55, 63)},
    "04_accept": {12, 13, *range(63, 72)},
    "05_connect": {9, 10, 11, *range(72, 78)},
    "06_send_recv": {14, *range(29, 34)},
    "07_sendto_recvfrom": {34, 35, 36, 69, 74, 75, 76},
    "08_close": {15, 16},
    "09_resolvers": {17, *range(78, 90)},
    "10_select": {18, 19},
    "11_poll": {19},
    "12_epoll": {18},
    "13_sockopts": {20, 21},
    "14_server": {64},
}
TAGS = {"exercise", "ipv6", "nbval-ignore-output", "private-network", "quiz", "raises-exception"}
TAGS |= {"solution", "step", "verdicts"}
SLIDES = {"slide", "subslide", "fragment", "skip", "notes", "-"}

WATCH = """
import ipaddress, os, socket, sys, threading
from pathlib import Path

used = []

def watch(event, arguments):
    if event in ("socket.bind", "socket.connect", "socket.sendto", "socket.sendmsg"):
        end, address = arguments
        if end.family in (socket.AF_INET, socket.AF_INET6) and address is not None:
            used.append(address[0])

def listen(self, *arguments):  # without bind() it would take every address of the machine
    if self.family in (socket.AF_INET, socket.AF_INET6):
        used.append(self.getsockname()[0])
    return plain_listen(self, *arguments)

plain_listen = socket.socket.listen
socket.socket.listen = listen
sys.addaudithook(watch)

def foreign():
    found = [host for host in used if not ipaddress.ip_address(host).is_loopback]
    used.clear()
    return found

def target_of(entry):
    try:
        return os.readlink(entry)
    except FileNotFoundError:  # closed meanwhile
        return ""

def held():
    sockets = {target_of(entry) for entry in Path("/proc/self/fd").iterdir()}
    children = Path("/proc/self/task").glob("*/children")
    return (
        sorted(name for name in sockets if name.startswith("socket:")),
        sorted(thread.name for thread in threading.enumerate()),
        " ".join(path.read_text() for path in children).split(),
    )
"""

# From inside: ipykernel 7 loses its answer when an interrupt comes just after the cell's code.
INTERRUPT = """
import signal

def interrupt_next_cell(seconds):
    target = (threading.main_thread().ident, signal.SIGINT)
    timer = threading.Timer(seconds, signal.pthread_kill, target)
    events = get_ipython().events

    def arm():
        events.unregister("pre_execute", arm)
        events.register("post_execute", disarm)
        timer.start()

    def disarm():
        events.unregister("post_execute", disarm)
        timer.cancel()
        timer.join()

    events.register("pre_execute", arm)
"""

every_notebook = pytest.mark.parametrize("path", PATHS, ids=reference.name_of)
LESSONS = [path for path in PATHS if path != reference.PAGE]
DEEPER = [path for path in LESSONS if path.parent.name == "deeper"]
ABUSED = LESSONS if ALL else [path for path in LESSONS if path not in DEEPER or path in DEEPER[::3]]
every_lesson = pytest.mark.parametrize("path", LESSONS, ids=reference.name_of)


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def code_cells(path: Path) -> list[Any]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def tags(cell: Any) -> set[str]:
    return set(cell.metadata.get("tags", []))


def prose(path: Path) -> str:
    return "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")


@every_notebook
def test_outputs_are_fresh_and_clean(path: Path) -> None:
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        for output in cell.outputs:
            assert output.output_type != "error", cell.source
            assert "application/vnd.jupyter.widget-view+json" not in output.get("data", {})
            text = output.get("text", "") + output.get("data", {}).get("text/plain", "")
            assert not re.search(r"(/root|/home|/work|/tmp|/Users)/", text), text
    assert set(read(path).metadata) == {"kernelspec", "language_info"}
    assert read(path).metadata.kernelspec.name == "sockutils"


@every_notebook
def test_no_output_escapes_the_comparison(path: Path) -> None:
    for cell in read(path).cells:
        statements = {tag for tag in tags(cell) if re.fullmatch(r"note-\d+", tag)}
        assert tags(cell) - statements <= TAGS
        assert "NBVAL" not in cell.source
        # What differs from machine to machine is not compared; then the cell has to check itself.
        assert "nbval-ignore-output" not in tags(cell) or "assert " in cell.source
        # A cell may raise only where it lacks the private network.
        assert ("raises-exception" in tags(cell)) == ("private-network" in tags(cell))
        assert not re.search(r"sleep\((?!0\))", cell.source)  # asyncio.sleep(0) does not wait


@every_lesson
def test_reads_well(path: Path) -> None:
    cells = read(path).cells
    lines = [len(cell.source.splitlines()) for cell in code_cells(path)]
    assert len(lines) * 2 <= len(cells), "more code than prose"
    assert max(lines) <= 25
    assert path in DEEPER or median(lines) <= 8
    assert all(cell.metadata.slideshow.slide_type in SLIDES for cell in cells)
    since_heading = 0
    for cell in cells:
        since_heading = 0 if cell.source.startswith("#") else since_heading + 1
        assert since_heading <= 6, cell.source


def words(path: Path) -> int:
    """Of the prose; a solution's code is not meant to be read before the exercise is done."""
    return len(re.sub(r"```.*?```", "", prose(path), flags=re.DOTALL).split())


@pytest.mark.parametrize(
    "path", [path for path in LESSONS if path not in DEEPER], ids=reference.name_of
)
def test_can_be_finished(path: Path) -> None:
    code = code_cells(path)
    assert len(read(path).cells) <= 45
    assert words(path) <= 1700
    assert len(code) <= 22
    assert median(len(cell.source.splitlines()) for cell in code) <= 6
    assert minutes(path)[0] <= 30
    assert sum("panel(" in cell.source for cell in code) <= 1
    assert 2 <= sum("exercise" in tags(cell) for cell in code) <= 3
    assert 3 <= sum("quiz" in tags(cell) for cell in code) <= 4


def bound(source: str) -> set[str]:
    """The names that a cell makes."""
    symbols = symtable(source, "cell", "exec").get_symbols()
    return {each.get_name() for each in symbols if each.is_assigned() or each.is_imported()}


@pytest.mark.parametrize("path", DEEPER, ids=reference.name_of)
def test_in_depth_stands_alone_section_by_section(path: Path) -> None:
    """Linked from the lesson, opened by a question, and run with no other cell than the first."""
    assert f"(deeper/{path.name})" in prose(path.parents[1] / path.name)
    first, made = bound(code_cells(path)[0].source), set[str]()
    for cell in read(path).cells[2:]:
        if cell.source.startswith("## "):
            assert "?" in cell.source or cell.source.startswith("## Where else to read")
            made.clear()
        if cell.cell_type == "code":
            made |= bound(cell.source)
            assert used(symtable(cell.source, "cell", "exec")) <= first | made, cell.source


@every_notebook
def test_each_statement_of_the_notes_has_a_cell_and_a_verdict(path: Path) -> None:
    if path in DEEPER:
        return
    wanted = STATEMENTS.get(path.stem, set())
    layers = [each for each in PATHS if each.stem == path.stem]
    code = [cell for each in layers for cell in code_cells(each)]
    shown = {tag for cell in code for tag in tags(cell) if tag.startswith("note-")}
    assert {f"note-{number}" for number in wanted} <= shown
    assert shown <= {f"note-{number}" for number in range(1, 90)}
    tables = [cell.source for cell in read(path).cells if "verdicts" in tags(cell)]
    numbers = re.findall(r"^\| (\d+) \|", "\n".join(tables), re.MULTILINE)
    assert sorted(map(int, numbers)) == sorted(wanted)


def test_the_reference_is_what_the_notebooks_say() -> None:
    assert [cell.source for cell in read(reference.PAGE).cells] == reference.page()
    numbers = [row.split()[1] for row in reference.statements(list(reference.cells()))]
    assert [*map(int, numbers)] == [*range(1, 90)]


def test_each_row_of_the_reference_is_whole() -> None:
    for text in reference.page():
        _, begins, table = text.partition("\n|")
        rows = [f"|{row}" if not number else row for number, row in enumerate(table.splitlines())]
        assert all(row.startswith("|") and row.endswith("|") for row in rows), text[:80]
        assert len({row.count(" | ") for row in rows if "---" not in row}) <= 1, begins


def test_a_statement_has_one_verdict() -> None:
    found = reference.kinds(list(reference.cells()))
    assert {number: kinds for number, kinds in found.items() if len(kinds) > 1} == {}


def test_every_option_that_a_cell_sets_has_a_row() -> None:
    rows = "\n".join(reference.options(list(reference.cells())))
    for cell in (cell for path in LESSONS for cell in code_cells(path)):
        for call in re.findall(r"[gs]etsockopt\(([^()]*)", cell.source):
            for name in reference.OPTION.findall(call):
                assert f"| `{name}` |" in rows, cell.source


@every_notebook
def test_the_entries_meant_are_in_the_manual(path: Path) -> None:
    lists = manual().values()
    entries = [(entry["name"], entry["when"]) for page in lists for entry in page["entries"]]
    for cell in code_cells(path):
        for name, words in re.findall(r'fails\("(\w+)", "([^"]+)"\)', cell.source):
            assert any(name == known and words in when for known, when in entries), words


def minutes(path: Path) -> tuple[int, int]:
    """How long the lesson takes alone, as its head says, and as a lecture without exercises."""
    cells = read(path).cells
    alone = re.search(r"\*\*Time:\*\* (\d+) minutes", cells[0].source)
    assert alone
    return int(alone[1]), sum(cell.metadata.get("lecture", {}).get("minutes", 0) for cell in cells)


@every_lesson
def test_every_part_of_a_lecture_has_its_time(path: Path) -> None:
    noted = [cell for cell in read(path).cells if "lecture" in cell.metadata]
    assert {cell.metadata.slideshow.slide_type for cell in noted} == {"slide"}
    assert all(cell.metadata.lecture.keys() <= {"minutes", "ask", "beware"} for cell in noted)
    assert noted[0] == read(path).cells[0]
    assert sum("ask" in cell.metadata.lecture for cell in noted) >= 5
    assert any("beware" in cell.metadata.lecture for cell in noted)


def test_minutes_and_cells_add_up() -> None:
    known = {about["notebook"]: about["minutes"] for about in map(read_lesson, names())}
    taken = {reference.name_of(path): minutes(path) for path in LESSONS}
    for name, alone in known.items():
        assert taken[name.removesuffix(".ipynb")][0] == alone
    rows = [f"| {name} | {alone} | {lecture} |" for name, (alone, lecture) in taken.items()]
    alone, lecture = map(sum, zip(*taken.values(), strict=True))
    rows.append(f"| all | {alone // 60} h {alone % 60} | {lecture // 60} h {lecture % 60} |")
    assert "\n".join(rows) in CLASSROOM.read_text()
    cells = [cell for path in LESSONS for cell in code_cells(path)]
    private = sum("private-network" in tags(cell) for cell in cells)
    counts = f"Of the {len(cells)} code cells in the lessons and in depth, {private} need"
    assert counts in CLASSROOM.read_text()


def headings(path: Path) -> set[str]:
    """The names by which a link leads to them."""
    return {name.replace(" ", "-") for name in re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)}


@every_notebook
def test_links_lead_somewhere(path: Path) -> None:
    anchors = {f"#{heading}" for heading in headings(path)}
    for target in re.findall(r"\]\(((?:[^()]|\(\))+)\)", prose(path)):
        if target.startswith("#"):
            assert target in anchors
        elif not target.startswith("https://"):
            file, _, anchor = target.partition("#")
            assert (path.parent / file).is_file(), target
            assert not anchor or anchor in headings(path.parent / file), target


@every_lesson
def test_solutions_pass_their_own_checks(path: Path, tmp_path: Path) -> None:
    cells = [cell for cell in read(path).cells if tags(cell) & {"exercise", "step", "solution"}]
    with kernel() as (_, run):
        assert "Traceback" not in run(code_cells(path)[0].source)
        run(f"import os; os.chdir({str(tmp_path)!r})")
        for exercise, solution in zip(cells[::2], cells[1::2], strict=True):
            assert ": not attempted\n" in run(exercise.source)
            *files, answer = re.findall(r"```python\n(.*?)```", solution.source, re.DOTALL)
            check = exercise.source.splitlines()[-1]
            for file in [*files, answer] if "step" in tags(exercise) else []:
                assert run(file).startswith("Writing ")
            code = check if "step" in tags(exercise) else answer + check
            assert run(code).endswith(": passed\n")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", ABUSED, ids=reference.name_of)
def test_abused_it_stays_on_loopback_and_leaves_nothing_behind(path: Path) -> None:
    cells, seconds = code_cells(path), []
    with leaves_nothing(), kernel() as (_, run):
        run("import sockutils.libc, matplotlib.figure, ipywidgets; ipywidgets.HTML()")
        run("'a' * 200_000")  # ZeroMQ starts a thread with its first long message
        run(WATCH + INTERRUPT)
        before = run("held()")
        private = run("import os; print(os.environ['SOCKUTILS_NETWORK'])").startswith("private")
        for cell in reversed(cells):  # in the wrong order: many lack what another cell defines
            run(cell.source)
        for cell in cells:
            start = time.monotonic()
            for _ in range(2):  # a learner runs a cell again to see it again
                assert "Traceback" not in run(cell.source), cell.source
            seconds.append((time.monotonic() - start) / 2)
            foreign = run("foreign()")
            assert foreign == "[]\n" or (private and "private-network" in tags(cell)), cell.source
        assert run("import gc; gc.collect(); held()") == before
        interrupted(run, cells, seconds)


def interrupted(run: Callable[[str], str], cells: list[Any], seconds: list[float]) -> None:
    """Run each cell and interrupt it at a random moment.

    A port may stay in TIME-WAIT for a minute then, and IPython keeps the frames of the last
    traceback: the next cell may miss what it needs. It must answer, and end when it is told to.
    """
    for cell, usual in zip(cells, seconds, strict=True):
        run(f"interrupt_next_cell({random() * usual})")
        run(cell.source)
    assert run("print('alive')") == "alive\n"


@pytest.mark.timeout(600)
def test_interrupts_then_restart_and_run_all() -> None:
    cells = code_cells(PATHS[0].with_name("04_accept.ipynb"))
    with leaves_nothing(), kernel() as (manager, run):
        for _ in range(10 if ALL else 3):
            run(WATCH + INTERRUPT)
            interrupted(run, cells, [0.05] * len(cells))
            restart(manager, run)
            for cell in cells:
                assert "Traceback" not in run(cell.source), cell.source


def helpers(path: Path) -> set[str]:
    """What the lesson imports from sockutils."""
    statements = ast.parse(code_cells(path)[0].source).body
    ours = [each for each in statements if "sockutils" in (getattr(each, "module", "") or "")]
    names = [name for each in ours if isinstance(each, ast.ImportFrom) for name in each.names]
    return {name.name for name in names if name.asname != "lesson"}


@every_lesson
def test_every_helper_has_been_explained(path: Path) -> None:
    before = [each for each in LESSONS[: LESSONS.index(path)] if each not in DEEPER]
    so_far = "\n".join(map(prose, [*before, path]))
    assert [name for name in helpers(path) if f"`{name}" not in so_far] == []


@every_lesson
def test_the_prose_is_plain(path: Path) -> None:
    text = re.sub(r"```.*?```", "", prose(path), flags=re.DOTALL)
    assert re.findall(r"\b([a-z]+) \1\b", text, re.IGNORECASE) == []
    assert re.findall(r"\b(?:simply|obviously|of course|trivial\w*)\b", text, re.IGNORECASE) == []
