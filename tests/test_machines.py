"""The lessons on less friendly machines, and run by every program that runs notebooks."""

import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
import papermill
import pytest
from kernels import ALL, PATIENCE
from nbclient import NotebookClient
from reference import PAGE, layers, name_of
from test_classroom import errors
from test_kernel import leaves_nothing, needs_namespaces

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
PATHS = [path for path in layers() if path != PAGE]
LISTEN = NOTEBOOKS / "03_listen.ipynb"
MACHINE = [sys.executable, str(Path(__file__).with_name("machine.py"))]
PYTEST = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "-n0"]
NBVAL = [*PYTEST, "--nbval", f"--nbval-cell-timeout={PATIENCE}"]
NAMESPACES = "this cell needs a private network (unshare(): No space left on device"
NO_IPV6 = {"this cell needs IPv6, and this system has none", "it shows IPv6, and there is none"}
pytestmark = [needs_namespaces, pytest.mark.timeout(3 * PATIENCE)]


def lessons(first: int) -> pytest.MarkDecorator:
    """Three lessons; with ALL=1 three by three all of them: starting pytest takes longer than one.

    Together, the four tests below see twelve of the fifteen.
    """
    groups = [sorted(PATHS)[number::5] for number in range(5)]
    groups = groups if ALL else [groups[first]]
    return pytest.mark.parametrize("paths", groups, ids=lambda paths: name_of(paths[0]))


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A learner's new home, in /tmp, where other users may go; and no word of the test around."""
    for name in os.environ:
        if name.startswith(("PYTEST", "JUPYTER", "XDG_", "IPYTHON", "LC_", "LANG")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        monkeypatch.setenv("HOME", directory)
        yield Path(directory)


@pytest.fixture(scope="session")
def turkish(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a Turkish locale: there, the capital of i is not I."""
    source = Path("/usr/share/i18n")
    if not (source / "locales/tr_TR").exists() or not shutil.which("localedef"):
        return {"LC_ALL": "tr_TR.UTF-8"}  # not installed here: programs fall back to C
    folder = tmp_path_factory.mktemp("locales")
    (folder / "UTF-8").write_bytes(gzip.decompress((source / "charmaps/UTF-8.gz").read_bytes()))
    made = folder / "tr_TR.UTF-8"
    subprocess.run(["localedef", "-i", "tr_TR", "-f", folder / "UTF-8", made], check=True)
    return {"LC_ALL": "tr_TR.UTF-8", "LOCPATH": str(folder)}


def run(command: list[str], **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def reasons(output: str) -> set[str]:
    """Why cells were skipped."""
    found = re.findall(r"^SKIPPED \[\d+\] .*?: (?:.*\[Errno 1\] )?(.*)$", output, re.MULTILINE)
    return set(found)


@lessons(0)
def test_ordinary_user_no_ipv6_few_descriptors_turkish_read_only(
    paths: list[Path], home: Path, turkish: dict[str, str]
) -> None:
    machine = ["ordinary", "no-ipv6", "descriptors=256", f"read-only={ROOT}", f"read-only={home}"]
    with leaves_nothing():
        told = run([*MACHINE, *machine, "--", *NBVAL, *map(str, paths)], **turkish)
    assert reasons(told) <= NO_IPV6


@lessons(1)
def test_no_namespaces_and_plain_c(paths: list[Path], home: Path) -> None:
    with leaves_nothing():
        told = run([*MACHINE, "refused", "--", *NBVAL, *map(str, paths)], LC_ALL="C")
    assert {reason[: len(NAMESPACES)] for reason in reasons(told)} <= {NAMESPACES}


@pytest.mark.usefixtures("home")
def test_no_namespaces_and_a_port_is_taken() -> None:
    told = run([*MACHINE, "refused", "taken=5001", "--", sys.executable, __file__, str(LISTEN)])
    cells = [cell for cell in nbformat.read(LISTEN, 4).cells if cell.cell_type == "code"]
    concerned = [cell for cell in cells if "5001" in cell.source]
    kernel_says = ("shared network: ", "[SocketsKernelApp] ")
    failed = [line for line in told.splitlines() if not line.startswith(kernel_says)]
    assert 0 < len(failed) <= len(concerned)
    # In brackets it tells the address, where create_server() was called.
    assert {line.partition(" (")[0] for line in failed} == {"[Errno 98] Address already in use"}


def failures(path: Path) -> list[str]:
    notebook = nbformat.read(path, 4)
    patience = {"timeout": PATIENCE, "startup_timeout": PATIENCE}
    NotebookClient(notebook, allow_errors=True, **patience).execute()
    return errors(notebook)


SOLVED = """
from sockutils.lessons import start
import socket
def open_both():
    tcp, udp = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
    tcp.bind(("127.0.0.1", 0))
    udp.bind(tcp.getsockname())
    return tcp, udp
start.twins(open_both)
"""


def test_progress_in_a_read_only_home(home: Path, tmp_path: Path) -> None:
    kernels = Path(__file__).with_name("kernels.py")
    inside = [sys.executable, str(kernels), SOLVED]
    told = run([*MACHINE, f"read-only={home}", "--", *inside], JUPYTER_RUNTIME_DIR=str(tmp_path))
    passed, saved = told.splitlines()[-2:]
    assert passed == "twins: passed"
    assert saved.startswith("progress cannot be saved: [Errno 30] Read-only file system: ")


def test_no_chromium(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    told = run([*PYTEST, "tests/browser.py"], PATH=str(home))
    assert reasons(told) == {"no Chromium is installed (apt install chromium)"}


@lessons(2)
@pytest.mark.usefixtures("home")
def test_papermill(paths: list[Path], tmp_path: Path) -> None:
    with leaves_nothing():
        for path in paths:
            made, quietly = tmp_path / path.name, {"progress_bar": False, "cwd": path.parent}
            papermill.execute_notebook(path, made, start_timeout=PATIENCE, **quietly)


@lessons(3)
@pytest.mark.usefixtures("home")
def test_nbmake(paths: list[Path]) -> None:
    with leaves_nothing():
        assert f"{len(paths)} passed" in run([*PYTEST, "--nbmake", *map(str, paths)])


if __name__ == "__main__":
    print(*failures(Path(sys.argv[1])), sep="\n")
