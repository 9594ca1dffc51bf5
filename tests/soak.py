"""Run every notebook again and again while every core is busy, to find what fails now and then.

`python tests/soak.py 20` runs them 20 times and fails if one cell did.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

ROOT = Path(__file__).parent.parent

# It ends with its parent, so nothing spins on when the parent is killed.
SPIN = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    pass"

PYTEST = (
    *(sys.executable, "-m", "pytest", "--quiet", "--nbval", "--nbval-cell-timeout=300"),
    *("--numprocesses=auto", "--dist=loadscope", "notebooks"),
)


class Run(NamedTuple):
    cells: int
    failures: int
    seconds: float
    output: str


def spinner() -> subprocess.Popen[bytes]:
    # In a session of its own, so that Ctrl-C reaches only this program, which then stops them all.
    return subprocess.Popen([sys.executable, "-c", SPIN], start_new_session=True)


@contextlib.contextmanager
def every_core_busy() -> Iterator[None]:
    spinners = [spinner() for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in spinners:
            process.kill()
            process.wait()


def run() -> Run:
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory, "report.xml")
        start = time.monotonic()
        done = subprocess.run(
            [*PYTEST, f"--junitxml={report}"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        seconds = time.monotonic() - start
        cells, failures = counts(report) if report.exists() else (0, 0)
    if done.returncode and not failures:  # nothing collected, or pytest itself failed
        failures = 1
    return Run(cells, failures, seconds, done.stdout + done.stderr)


def counts(report: Path) -> tuple[int, int]:
    suites = list(ElementTree.parse(report).getroot().iter("testsuite"))

    def total(name: str) -> int:
        return sum(int(suite.get(name, 0)) for suite in suites)

    return total("tests"), total("failures") + total("errors") + total("skipped")


def soak(runs: int) -> bool:
    cells = failures = 0
    with every_core_busy():
        for number in range(1, runs + 1):
            result = run()
            cells += result.cells
            failures += result.failures
            print(
                f"run {number}: {result.cells} cells, {result.failures} failures, "
                f"{result.seconds:.0f} s",
                flush=True,
            )
            if result.failures:
                print(result.output, flush=True)
    print(f"{runs} runs, {cells} cells, {failures} failures")
    return failures == 0


if __name__ == "__main__":
    try:
        sys.exit(not soak(int(sys.argv[1])))
    except KeyboardInterrupt:
        sys.exit(130)
