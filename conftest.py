"""How nbval runs the notebooks: as a learner would, in a home without any progress."""

import os
import re
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import randrange
from typing import Any

import nbval.plugin
import pytest
from jupyter_client.connect import LocalPortCache
from xdist.scheduler.loadscope import LoadScopeScheduling

from sockutils.kernel.network import has_ipv6

PRIVATE = [sys.executable, "-m", "sockutils.kernel", "run"]
QUICK = Path(__file__).parent / "tests/quick"
PATIENCE = 300  # seconds, for a machine that is busy with something else
BY_LESSON = {"tests/notebooks.py", "tests/test_machines.py"}
BY_TEST = {"tests/test_clients.py", "tests/test_hub.py", "tests/test_machines.py"}
# What takes long comes first, so that at the end no worker is busy for minutes with one of these.
FIRST = ["tests/browser.py", "tests/test_hub.py", "tests/test_machines.py", "tests/test_slides.py"]
FIRST += [
    "tests/notebooks.py::test_interrupts",
    "tests/notebooks.py",
    "notebooks/",
    "tests/test_link.py",
    "tests/test_kernel.py",
]


def find_port(cache: LocalPortCache, ip: str) -> int:
    """A port for a kernel to be bound later, which nobody gets by chance meanwhile.

    Jupyter's own choice is an ephemeral port, and the next bind() or connect() may get it, too.
    """
    while True:
        port = randrange(10_000, 30_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((ip, port))
            if port not in cache.currently_used_ports:
                cache.currently_used_ports.add(port)
                return port


LocalPortCache.find_available_port = find_port  # type: ignore[method-assign]


class Kernel(nbval.plugin.RunningKernel):  # type: ignore[misc]
    """nbval's kernel, without what makes it differ from a learner's."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(dir=home.name)
        # ipykernel does not show what child processes print where it sees this variable.
        current = os.environ.pop("PYTEST_CURRENT_TEST")
        try:
            super().__init__(*arguments, **keywords | {"startup_timeout": PATIENCE})
        finally:
            os.environ["PYTEST_CURRENT_TEST"] = current

    def get_message(self, stream: str, timeout: float = 1) -> Any:
        # nbval waits for ten seconds for a first answer, and for five for the rest of an output.
        # It begins with probes of a second each, which have to fail.
        return super().get_message(stream, PATIENCE if timeout > 1 else timeout)

    def execute_cell_input(self, cell_input: str, allow_stdin: bool | None = None) -> Any:
        # Without history IPython would not see a trailing semicolon.
        return self.kc.execute(cell_input, allow_stdin=allow_stdin, stop_on_error=False)


class PartByPart(LoadScopeScheduling):
    """A file's tests go to one worker; some files are divided further."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        name, _, lesson = test.partition("[")
        if file == "tests/browser.py":  # each part starts a JupyterLab and a Chromium
            return f"{file} {lesson < 'm'}"
        return " ".join([file, name * (file in BY_TEST), lesson * (file in BY_LESSON)])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    config.option.loadscopereorder = False  # by how many tests they have
    return PartByPart(config, log)


def begins(item: pytest.Item) -> int:
    places = (place for place, file in enumerate(FIRST) if item.nodeid.startswith(file))
    return next(places, len(FIRST))


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
    os.environ.setdefault("PYTHONPATH", str(QUICK))  # for all that is started from here


def pytest_unconfigure() -> None:
    home.cleanup()


def pytest_xdist_auto_num_workers() -> int:
    if refusal('needs("network")'):
        return 1  # in one shared network the lessons' ports would collide
    return len(os.sched_getaffinity(0)) * 2  # tests wait more than they compute


def pytest_collectstart(collector: pytest.Collector) -> None:
    if isinstance(collector, nbval.plugin.IPyNbFile):
        # What html shows, the text form says too; only the html has measured times in it.
        collector.skip_compare += ("text/html",)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=begins)
    for item in items:
        if isinstance(item, nbval.plugin.IPyNbCell):
            tags = item.cell.metadata.get("tags", [])
            calls = re.findall(r"needs\(.*?\)", item.cell.source)
            calls = calls or ['needs("network", "mount")']  # it sums up cells that need all
            if "private-network" in tags and (why := refusal(*calls)):
                item.add_marker(pytest.mark.skip(reason=why))
            if "ipv6" in tags and not has_ipv6():
                item.add_marker(pytest.mark.skip(reason="it shows IPv6, and there is none"))
