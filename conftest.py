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

from sockutils.kernel.provisioner import SHIM


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


nbval.plugin.RunningKernel = Kernel
home = tempfile.TemporaryDirectory(prefix="course-home-")


@cache
def refusal(*files: str) -> str:
    """Why there is no private network here in which these files can be written, or nothing."""
    code = "import sys, sockutils; sockutils.needs_private_network(*sys.argv[1:])"
    command = [sys.executable, SHIM, sys.executable, "-c", code, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr.strip().rpartition("\n")[2]


def pytest_configure() -> None:
    os.environ["XDG_DATA_HOME"] = os.environ["IPYTHONDIR"] = home.name


def pytest_unconfigure() -> None:
    home.cleanup()


def pytest_xdist_auto_num_workers() -> int | None:
    return 1 if refusal() else None  # in one shared network the lessons' ports would collide


def pytest_collectstart(collector: pytest.Collector) -> None:
    if isinstance(collector, nbval.plugin.IPyNbFile):
        # What html shows, the text form says too; only the html has pixels in it.
        collector.skip_compare += ("text/html",)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, nbval.plugin.IPyNbCell):
            tags = item.cell.metadata.get("tags", [])
            files = re.findall(r'needs_private_network\("(.+?)"\)', item.cell.source)
            if "private-network" in tags and (why := refusal(*files)):
                item.add_marker(pytest.mark.skip(reason=why))
