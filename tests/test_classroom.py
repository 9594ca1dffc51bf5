"""A full classroom: many kernels on one machine at once, each running a whole lesson.

Four in the normal suite; `make classroom` runs thirty and prints what each of them takes.
"""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pytest
from nbclient import NotebookClient
from test_kernel import leaves_nothing, needs_namespaces

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
KERNELS = int(os.environ.get("KERNELS", "4"))
PATIENCE = 60 + 15 * KERNELS  # seconds, for a machine that is busy with something else
pytestmark = pytest.mark.timeout(2 * PATIENCE)


class Seat(NamedTuple):
    """One kernel after its lesson: memory in MiB, its network, and what went wrong."""

    lesson: str
    memory: float
    network: str
    errors: list[str]


def lessons() -> Iterator[Path]:
    """Every notebook that is in git, or, where git does not know, every notebook; and again."""
    names: list[str] = []
    if git := shutil.which("git"):
        command = [git, "ls-files", "*.ipynb"]
        done = subprocess.run(command, cwd=NOTEBOOKS, capture_output=True, text=True, check=False)
        names = done.stdout.split()
    return cycle([NOTEBOOKS / name for name in names] or sorted(NOTEBOOKS.glob("*.ipynb")))


def proportional_memory(pid: int) -> float:
    """The process's pages in MiB, each divided by how many processes share it: proc(5), Pss."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def errors(notebook: Any) -> list[str]:
    """What cells raised, except those that may lack something here and say so in one line."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    values = [output.evalue for output in outputs if output.output_type == "error"]
    return [value for value in values if not value.startswith("[Errno 1] this cell needs ")]


async def take(path: Path, home: Path, all_are_done: asyncio.Barrier) -> Seat:
    """Run the lesson for a learner with that home; measure when the whole class has finished."""
    notebook = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": str(NOTEBOOKS)}}
    client: Any = NotebookClient(notebook, timeout=PATIENCE, allow_errors=True, resources=place)
    client.startup_timeout = PATIENCE
    environment = os.environ | {"XDG_DATA_HOME": str(home), "IPYTHONDIR": str(home)}
    async with client.async_setup_kernel(env=environment):
        for index, cell in enumerate(notebook.cells):
            await client.async_execute_cell(cell, index)
        await all_are_done.wait()
        pid = client.km.provisioner.process.pid
        memory, network = proportional_memory(pid), os.readlink(f"/proc/{pid}/ns/net")
        await all_are_done.wait()
    return Seat(path.stem, memory, network, errors(notebook))


async def classroom(directory: Path) -> list[Seat]:
    all_are_done = asyncio.Barrier(KERNELS)

    async def sit(number: int, path: Path) -> Seat:
        try:
            return await take(path, directory / str(number), all_are_done)
        except BaseException:
            await all_are_done.abort()  # nobody waits for a kernel that died
            raise

    seats = [sit(number, path) for number, path in enumerate(islice(lessons(), KERNELS))]
    # The others go on to their end when one fails, so that each of them cleans up.
    results = await asyncio.gather(*seats, return_exceptions=True)
    if failures := [result for result in results if isinstance(result, BaseException)]:
        raise BaseExceptionGroup("a lesson did not end", failures)
    return [result for result in results if isinstance(result, Seat)]


@needs_namespaces
def test_a_class_runs_its_lessons_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # ipykernel does not show what child processes print where it sees this variable.
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    with leaves_nothing():
        seats = asyncio.run(classroom(tmp_path))
    for seat in seats:
        print(f"{seat.lesson:20} {seat.memory:4.0f} MiB")
    print(f"{sum(seat.memory for seat in seats):25.0f} MiB in {KERNELS} kernels")
    assert [(seat.lesson, seat.errors) for seat in seats if seat.errors] == []
    assert len({seat.network for seat in seats}) == KERNELS
