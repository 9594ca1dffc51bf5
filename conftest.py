"""How nbval runs the notebooks: as a learner would, in a home without any progress."""

import os
import re
import subprocess
import sys
import tempfile
from functools import cache
from typing import Any

import nbval.plugin
import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

from sockutils.kernel.network import has_ipv6

PRIVATE = [sys.executable, "-m", "sockutils.kernel", "run"]
BY_LESSON = {"tests/browser.py", "tests/notebooks.py", "tests/test_machines.py"}


class Kernel(nbval.plugin.RunningKernel):  # type: ignore[misc]
    """nbval's kernel, without what makes it differ from a learner's."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(dir=home.name)
        # ipykernel does not show what child processes print where it sees this variable.
        current = os.environ.pop("PYTEST_CURRENT_TEST")
        try:
            super().__init__(*arguments, **keywords)
        finally:
            os.environ["PYTEST_CURRENT_TEST"] = current

    def execute_cell_input(self, cell_input: str, allow_stdin: bool | None = None) -> Any:
        # Without history IPython would not see a trailing semicolon.
        return self.kc.execute(cell_input, allow_stdin=allow_stdin, stop_on_error=False)


class PartByPart(LoadScopeScheduling):
    """A file's tests go to one worker; in a file that tests every lesson, a lesson's tests do."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        lesson = test.partition("[")[2] if file in BY_LESSON else ""
        return f"{file} {lesson}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return PartByPart(config, log)


nbval.plugin.RunningKernel = Kernel
home = tempfile.TemporaryDirectory(prefix="course-home-")


@cache
def refusal(*calls: str) -> str:
    """Why a cell with these calls of needs() cannot run here, or nothing."""
    code = "\n".join(["from sockutils import needs", *calls])
    command = [*PRIVATE, sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr.strip().rpartition("\n")[2] if done.returncode else ""


def pytest_configure() -> None:
    os.environ["XDG_DATA_HOME"] = os.environ["IPYTHONDIR"] = home.name


def pytest_unconfigure() -> None:
    home.cleanup()


def pytest_xdist_auto_num_workers() -> int:
    if refusal('needs("network")'):
        return 1  # in one shared network the lessons' ports would collide
    return len(os.sched_getaffinity(0)) + 1  # tests wait more than they compute


def pytest_collectstart(collector: pytest.Collector) -> None:
    if isinstance(collector, nbval.plugin.IPyNbFile):
        # What html shows, the text form says too; only the html has measured times in it.
        collector.skip_compare += ("text/html",)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, nbval.plugin.IPyNbCell):
            tags = item.cell.metadata.get("tags", [])
            calls = re.findall(r"needs\(.*?\)", item.cell.source)
            calls = calls or ['needs("network", "mount")']  # it sums up cells that need all
            if "private-network" in tags and (why := refusal(*calls)):
                item.add_marker(pytest.mark.skip(reason=why))
            if "ipv6" in tags and not has_ipv6():
                item.add_marker(pytest.mark.skip(reason="it shows IPv6, and there is none"))
