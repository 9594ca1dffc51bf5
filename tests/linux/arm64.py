"""Debian for arm64: what a machine of that architecture has in the place of this one's /usr."""

import shutil
import subprocess
import sys
from pathlib import Path

from archive import FOLDER, configuration

ROOT = Path(__file__).parents[2]
SUITE, PYTHON = "bookworm", "3.11"
PACKAGES = """
    busybox-static coreutils dash hostname iproute2 kmod libc-bin libstdc++6 mount procps
    python3 util-linux
"""


def make_root() -> Path:
    """The folder with its usr and etc; it is made where it is not here yet."""
    root, fresh = FOLDER / "root-arm64", FOLDER / "root-arm64.part"
    if root.exists():
        return root
    shutil.rmtree(fresh, ignore_errors=True)
    packages = fresh / "packages"
    (packages / "partial").mkdir(parents=True)
    settings = {
        "APT::Architecture": "arm64",
        "APT::Default-Release": SUITE,
        "Dir::Cache::archives": str(packages),
    }
    options = [word for item in settings.items() for word in ("-o", "=".join(item))]
    command = ["apt-get", "-qq", "--yes", "--no-install-recommends", "--download-only", "install"]
    names = [f"{name}:arm64" for name in PACKAGES.split()]
    subprocess.run([*command, *options, *names], env=configuration(), check=True)
    for package in packages.glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, fresh], check=True)
    shutil.rmtree(packages)
    for name in "bin", "sbin", "lib":  # which are links into usr once a system is installed
        shutil.copytree(fresh / name, fresh / "usr" / name, symlinks=True, dirs_exist_ok=True)
        shutil.rmtree(fresh / name)
    (fresh / "usr/lib64").mkdir(exist_ok=True)
    configure(fresh / "etc")
    install(fresh / "usr/local")
    return fresh.rename(root)


def configure(etc: Path) -> None:
    """What a package's scripts would write on installation, as far as it is needed."""
    etc.mkdir(exist_ok=True)
    (etc / "passwd").write_text("root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
    (etc / "group").write_text("root:x:0:\nnogroup:x:65534:\n")
    (etc / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    (etc / "resolv.conf").write_text("")
    (etc / "nsswitch.conf").write_text("hosts: files dns\n")


def install(local: Path) -> None:
    """The locked packages, the course, and its kernel for Jupyter."""
    target = local / f"lib/python{PYTHON}/dist-packages"
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps"]
    command += ["--only-binary", ":all:", "--python-platform", "aarch64-manylinux_2_28"]
    command += ["--python-version", PYTHON, "--target", str(target)]
    command += ["-r", "requirements.txt", "-r", "requirements-dev.txt"]
    subprocess.run(command, cwd=ROOT, check=True)
    (target / "course.pth").write_text(f"{ROOT}\n")
    kernels = Path(sys.prefix) / "share/jupyter/kernels"
    shutil.copytree(kernels, local / "share/jupyter/kernels")
