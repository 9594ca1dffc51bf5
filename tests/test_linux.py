"""Another kernel boots and runs a command here; which kernels are chosen. No archive is asked."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from linux.archive import fetched, newest

ROOT = Path(__file__).parents[1]
BOOT = ROOT / "tests/linux/boot"
KERNELS = ROOT / "build/linux"


def boot(kernel: Path, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BOOT, kernel, command],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_another_kernel_runs_a_command(tmp_path: Path) -> None:
    programs = [name for name in fetched() if name.endswith("-um")]
    if not programs:  # a virtual machine may need minutes
        pytest.skip("no user-mode Linux in build/linux: `make kernels` brings it")
    out, rest = tmp_path / "out", tmp_path / "rest"
    rest.mkdir()
    command = 'echo wrong >README.md; uname -r; echo "$PPID" >/out/parent; exit 3'
    before = (ROOT / "README.md").read_text()
    done = boot(KERNELS / programs[0], command, OUT=str(out), TMPDIR=str(rest), LIMIT="300")
    if done.returncode == 77:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 3, done.stderr
    version = (out / "stdout").read_text()
    assert version.startswith(programs[0].removesuffix("-um"))
    assert (out / "parent").read_text() == "1\n"
    assert (ROOT / "README.md").read_text() == before
    assert [*rest.iterdir()] == []


def test_says_what_is_missing(tmp_path: Path) -> None:
    done = boot(tmp_path, "true")
    assert (done.returncode, done.stderr) == (
        77,
        f"no other kernel here: {tmp_path} has no kernel\n",
    )
    image = tmp_path / "boot/vmlinuz-6.1.0-50-amd64"
    image.parent.mkdir()
    image.touch()
    (tmp_path / "lib/modules/6.1.0-50-amd64").mkdir(parents=True)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in "bash", "sed", "head", "ls", "realpath":
        (programs / name).symlink_to(shutil.which(name) or "")
    done = boot(tmp_path, "true", PATH=str(programs))
    assert done.returncode == 77
    assert done.stderr.startswith("no other kernel here: there is no ")


def test_the_newest_of_each_version() -> None:
    names = """
        linux-image-6.1-amd64 linux-image-6.1.0-0.deb11.52-amd64 linux-image-6.1.0-9-amd64
        linux-image-6.1.0-50-amd64 linux-image-6.1.0-51-cloud-amd64 linux-image-6.1.0-51-rt-amd64
        linux-image-6.12.90+deb12-amd64 linux-image-6.12.90+deb12.1-amd64
        linux-image-6.12.117+deb13-amd64 linux-image-6.12.118+deb13-amd64-unsigned
        linux-image-6.12.117+deb13-arm64 linux-image-6.12.117+deb13-arm64-16k
        linux-image-7.3-amd64 linux-image-7.3.4+deb13-amd64
    """
    assert newest(names.split()) == {
        "6.1": "linux-image-6.1.0-50-amd64",
        "6.12": "linux-image-6.12.117+deb13-amd64",
        "6.12-arm64": "linux-image-6.12.117+deb13-arm64",
        "7.3": "linux-image-7.3.4+deb13-amd64",
    }
