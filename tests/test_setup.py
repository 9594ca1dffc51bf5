import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from jupyter_client.kernelspec import KernelSpecManager
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from sockutils.course.source import lessons

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
LOCKS = ("requirements.txt", "requirements-dev.txt")

# What a conda package is called where its name is not the project's.
CONDA_NAMES = {"matplotlib-base": "matplotlib"}
# They need a Chromium, a proxy or a Docker daemon as well, which conda does not give.
NOT_FOR_CONDA = {"axe-core-python", "dockerspawner", "jupyterhub", "nbclassic", "notebook"}
NOT_FOR_CONDA |= {"playwright"}


def group(name: str) -> list[Requirement]:
    found = []
    for entry in PYPROJECT["dependency-groups"][name]:
        found += group(entry["include-group"]) if isinstance(entry, dict) else [Requirement(entry)]
    return found


def dependencies() -> list[Requirement]:
    return [Requirement(text) for text in PROJECT["dependencies"]]


def named(requirements: list[Requirement]) -> dict[str, SpecifierSet]:
    return {canonicalize_name(found.name): found.specifier for found in requirements}


def locked(file: str) -> list[tuple[Requirement, list[str]]]:
    text = (ROOT / file).read_text()
    entries = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", text)).splitlines()
    found = []
    for entry in entries:
        requirement, *hashes = entry.split("--hash=")
        found.append((Requirement(requirement.strip()), [text.strip() for text in hashes]))
    return found


def versions(file: str) -> dict[str, list[Version]]:
    found: dict[str, list[Version]] = {}
    for requirement, _ in locked(file):
        (pin,) = requirement.specifier
        assert pin.operator == "=="
        found.setdefault(canonicalize_name(requirement.name), []).append(Version(pin.version))
    return found


def assert_satisfied(wanted: list[Requirement], file: str) -> None:
    have = versions(file)
    for requirement in wanted:
        pinned = have.get(canonicalize_name(requirement.name), [])
        assert pinned, f"{requirement} is not in {file}: make lock"
        assert all(version in requirement.specifier for version in pinned), (
            f"{requirement}: {pinned}"
        )


def test_lock_satisfies_the_project_and_its_build() -> None:
    build = [Requirement(text) for text in PYPROJECT["build-system"]["requires"]]
    assert_satisfied([*dependencies(), *build], "requirements.txt")


def test_dev_lock_satisfies_the_project_and_the_dev_group() -> None:
    assert_satisfied([*dependencies(), *group("dev")], "requirements-dev.txt")


def test_both_locks_agree() -> None:
    dev = versions("requirements-dev.txt")
    shared = {name: pins for name, pins in versions("requirements.txt").items() if name in dev}
    assert shared == {name: dev[name] for name in shared}
    assert set(named(dependencies())) <= set(shared)


@pytest.mark.parametrize("file", LOCKS)
def test_every_locked_version_has_hashes(file: str) -> None:
    for requirement, hashes in locked(file):
        assert hashes, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", text) for text in hashes), requirement


@pytest.mark.parametrize("file", LOCKS)
def test_lock_names_no_address(file: str) -> None:
    text = (ROOT / file).read_text()
    assert not re.search(r"://|file:|index|find-links| @ |(?m:^[./-])", text)


def conda() -> list[Requirement]:
    texts = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    found = [Requirement(text) for text in texts if isinstance(text, str) and "python=" not in text]
    for requirement in found:
        requirement.name = CONDA_NAMES.get(requirement.name, requirement.name)
    return [requirement for requirement in found if requirement.name != "pip"]


def test_environment_has_the_dependencies_and_the_test_group() -> None:
    wanted = named([*dependencies(), *group("test")])
    assert named(conda()) == {
        name: specifier for name, specifier in wanted.items() if name not in NOT_FOR_CONDA
    }


def test_environment_pins_a_python_that_binder_understands() -> None:
    texts = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (python,) = [text for text in texts if isinstance(text, str) and text.startswith("python=")]
    version = python.removeprefix("python=")
    assert re.fullmatch(r"3\.\d+", version)
    assert Version(version) in SpecifierSet(PROJECT["requires-python"])


def test_environment_installs_the_project_itself() -> None:
    texts = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert {"pip": ["--editable ."]} in texts


def test_version_is_the_same_everywhere() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    newest = re.search(r"(?m)^## (\S+)", (ROOT / "CHANGELOG.md").read_text())
    assert newest
    assert citation["version"] == newest[1] == PROJECT["version"]


def test_kernelspec_is_installed() -> None:
    spec = KernelSpecManager().get_kernel_spec("sockutils")
    assert spec.display_name == "Sockets (private network)"
    assert Path(spec.resource_dir).is_relative_to(sys.prefix)


def test_the_kernelspec_needs_nothing_but_its_argv() -> None:
    spec = KernelSpecManager().get_kernel_spec("sockutils")
    assert spec.argv[1:] == ["-P", "-m", "sockutils.kernel", "-f", "{connection_file}"]
    assert "kernel_provisioner" not in spec.metadata


def test_wheel_holds_the_package_and_the_kernelspec(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="no hatchling to build the wheel with")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.iterdir()
    names = set(zipfile.ZipFile(wheel).namelist())
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "sockutils").rglob("*")
        if path.is_file() and not {"__pycache__", ".ipynb_checkpoints"} & set(path.parts)
    }
    assert package <= names
    assert {f"sockutils/notebooks/{name}" for name in lessons()} <= names
    assert any(name.endswith("data/share/jupyter/kernels/sockutils/kernel.json") for name in names)
    extensions = (
        "slides/static/slides.js",
        "practice/static/practice.js",
        "panels/static/panels.js",
    )
    for extension in extensions:
        assert any(name.endswith(f"labextensions/sockutils-{extension}") for name in names)


Make = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    if not shutil.which("make"):
        pytest.skip("no make")
    for name in ("Makefile", "pyproject.toml", *LOCKS):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "sockutils/kernel").mkdir(parents=True)
    shutil.copy(ROOT / "sockutils/kernel/kernel.json", tmp_path / "sockutils/kernel")
    for extension in ("slides", "panels", "practice/lab"):
        shutil.copytree(ROOT / "sockutils" / extension, tmp_path / "sockutils" / extension)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks/00_start_here.ipynb").touch()

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = ["make", "--no-print-directory", *arguments]
        # Inside `make test` this would be a make within a make, with its variables.
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    return run


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


# A Python that says it is too old, and one without ensurepip.
TOO_OLD = f"""case "$1" in
-V) echo Python 3.10.9;;
-c) exec '{sys.executable}' -c "import sys; sys.version_info = (3, 10, 9); $2";;
esac"""
WITHOUT_VENV = 'case "$2" in *venv*) exit 1;; *) exit 0;; esac'


def complaint(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode != 0
    assert done.stdout == ""
    line, end = done.stderr.splitlines()
    assert end.startswith("make: ***")
    return line


def test_make_lists_every_target(make: Make) -> None:
    done = make()
    phony = re.search(r"(?m)^\.PHONY: (.*)$", (ROOT / "Makefile").read_text())
    assert phony
    assert [line.split()[1] for line in done.stdout.splitlines()] == phony[1].split()


def test_too_old_a_python_gives_one_line(make: Make, tmp_path: Path) -> None:
    python = script(tmp_path / "python3", TOO_OLD)
    line = complaint(make("lab", f"PYTHON={python}"))
    assert "needs Python 3.11 or newer" in line
    assert "Python 3.10.9" in line
    assert "make lab PYTHON=" in line


def test_no_python_gives_one_line(make: Make, tmp_path: Path) -> None:
    line = complaint(make("lab", f"PYTHON={tmp_path}/nothing"))
    assert "needs Python 3.11 or newer" in line
    assert "not found" in line


def test_no_venv_gives_one_line(make: Make, tmp_path: Path) -> None:
    python = script(tmp_path / "python3.12", WITHOUT_VENV)
    line = complaint(make("lab", f"PYTHON={python}"))
    assert "apt install python3.12-venv" in line


def installed(tmp_path: Path, python: str) -> None:
    script(tmp_path / ".venv/bin/python", python)
    for stamp in ("locked", "project", "dev"):
        (tmp_path / ".venv" / stamp).touch()


def test_second_start_installs_nothing_and_passes_arguments_on(make: Make, tmp_path: Path) -> None:
    installed(tmp_path, 'case "$1" in -Ic) ;; *) echo "$@";; esac')
    done = make("lab", "ARGS=--no-browser --port=8890")
    (line,) = done.stdout.splitlines()
    assert line.startswith("-m sockutils lab my_course ")
    assert line.endswith(" --no-browser --port=8890")


def test_moved_checkout_is_installed_again(make: Make, tmp_path: Path) -> None:
    installed(tmp_path, "exit 1")
    python = script(tmp_path / "python3", TOO_OLD)
    assert "Python 3.10.9" in complaint(make("lab", f"PYTHON={python}"))


def test_interrupted_installation_starts_again(make: Make, tmp_path: Path) -> None:
    installed(tmp_path, "exit 0")
    (tmp_path / ".venv/locked").unlink()
    python = script(tmp_path / "python3", TOO_OLD)
    assert "Python 3.10.9" in complaint(make("lab", f"PYTHON={python}"))
