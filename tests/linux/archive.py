"""Linux kernels from the Debian archive, by an apt that changes nothing of this machine.

A kernel has a short name here: `6.1` is the newest linux-image of that version, `6.1-um` the
user-mode Linux, and `6.1-arm64` the linux-image for that architecture.
"""

import os
import re
import shutil
import subprocess
import time
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "build/linux"
SUITES = [
    "bullseye",
    "bookworm",
    "bookworm-backports",
    "trixie",
    "trixie-backports",
    "forky",
    "sid",
]
KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
ARCHITECTURES = ["amd64", "arm64"]
DAY = 24 * 60 * 60  # seconds


def address() -> str:
    """Where this machine gets Debian from, as its own sources say; sources.list(5)."""
    files = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    texts = "\n".join(file.read_text() for file in files if file.exists())
    found = re.search(r"^(?:URIs:|deb\s+(?:\[.*?\])?)\s*(\S+/debian/?)(?:\s|$)", texts, re.M)
    if not found or not Path(KEYS).exists():
        raise SystemExit("the kernels are Debian's, and this machine knows no Debian archive")
    return found[1]


@cache
def configuration() -> dict[str, str]:
    """An environment in which apt has lists of its own, of all suites and architectures."""
    apt = FOLDER / "apt"
    for folder in "lists/partial", "cache/archives/partial":
        (apt / folder).mkdir(parents=True, exist_ok=True)
    lines = [f"deb [signed-by={KEYS}] {address()} {suite} main" for suite in SUITES]
    (apt / "sources.list").write_text("\n".join(lines) + "\n")
    settings = {
        "Dir::State": apt,
        "Dir::State::lists": apt / "lists",
        "Dir::State::status": apt / "status",
        "Dir::Cache": apt / "cache",
        "Dir::Etc::sourcelist": apt / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "root",  # _apt may not write below a checkout
    }
    text = "".join(f'{name} "{value}";\n' for name, value in settings.items())
    text += "APT::Architectures {" + "".join(f'"{name}";' for name in ARCHITECTURES) + "};\n"
    (apt / "apt.conf").write_text(text)
    (apt / "status").touch()  # nothing is installed, as far as these lists are concerned
    environment = {**os.environ, "APT_CONFIG": str(apt / "apt.conf"), "LC_ALL": "C"}
    updated = apt / "updated"
    if not updated.exists() or time.time() - updated.stat().st_mtime > DAY:
        # A suite may be served no longer: the others have kernels, too.
        subprocess.run(["apt-get", "-qq", "update"], env=environment, check=False)
        updated.touch()
    return environment


def ask(*command: str) -> str:
    return subprocess.run(
        command, env=configuration(), stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", text)))


def newest(packages: list[str]) -> dict[str, str]:
    """Of each short name the newest linux-image, without those for clouds and for real time."""
    found: dict[str, str] = {}
    pattern = r"linux-image-(\d+\.\d+)\.\d+[-+.](?:deb|[\d.+-])*-(amd64|arm64)"
    for package in sorted(packages, key=numbers):
        if kind := re.fullmatch(pattern, package):
            version, architecture = kind.groups()
            found[version if architecture == "amd64" else f"{version}-arm64"] = package
    return dict(sorted(found.items(), key=lambda item: numbers(item[0])))


@cache
def available() -> dict[str, str]:
    """What apt calls each kernel that the archive has, by its short name, oldest first."""
    lines = ask("apt-cache", "search", "--names-only", "^linux-image-[0-9]").splitlines()
    images = newest([line.split(" - ")[0] for line in lines])
    table = ask("apt-cache", "madison", "user-mode-linux").splitlines()
    versions = {line.split("|")[1].strip() for line in table}
    programs = {
        f"{re.match(r'[0-9]+[.][0-9]+', version)[0]}-um": f"user-mode-linux={version}"  # type: ignore[index]
        for version in sorted(versions, key=numbers)
    }
    return images | programs


def fetch(name: str) -> Path:
    """The folder with that kernel, unpacked; it is downloaded where it is not here yet."""
    folder = FOLDER / name
    if folder.exists():
        return folder
    if name not in available():
        raise SystemExit(f"no kernel {name}; there are {' '.join(available())}")
    image = available()[name]
    parts = [image]  # a newer one is spread over four packages
    for part in "base", "binary", "modules":
        package = image.replace("linux-image-", f"linux-{part}-")
        if package != image and ask(
            "apt-cache", "search", "--names-only", f"^{re.escape(package)}$"
        ):
            parts.append(package)
    fresh = FOLDER / f"{name}.part"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    suffix = ":arm64" if name.endswith("arm64") else ""
    for part in parts:
        before, _, version = part.partition("=")
        wanted = f"{before}{suffix}" + (f"={version}" if version else "")
        subprocess.run(
            ["apt-get", "-qq", "download", wanted], cwd=fresh, env=configuration(), check=True
        )
    for package in fresh.glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, fresh], check=True)
        package.unlink()
    return fresh.rename(folder)


def fetched() -> list[str]:
    """The kernels that are here already, oldest first."""
    folders = (path.name for path in FOLDER.glob("[0-9]*") if path.suffix != ".part")
    return sorted(folders, key=numbers)
