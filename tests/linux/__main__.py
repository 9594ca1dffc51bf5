"""Run the notebooks and the tests that a kernel can break on other Linux kernels.

python tests/linux [--list] [KERNEL...] [-- ARGUMENT OF PYTEST...]

KERNEL is a short name as `--list` prints it, or `newest`, or `all`. Without a name it is Debian's
5.10, 6.1, 6.12 and the newest: as virtual machines, or as user-mode Linux where there is no KVM.
One that ends in -arm64 is emulated, and runs a sample. What a kernel printed is in
build/linux/out/KERNEL.
"""

import os
import re
import shlex
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from archive import FOLDER, available, fetch
from arm64 import make_root

ROOT = Path(__file__).parents[2]
BOOT = Path(__file__).with_name("boot")
SUPPORTED = ["5.10", "6.1", "6.12", "newest"]
FILES = "kernel network degrees diag holders trace link capture packet peers"
TESTS = ["notebooks", *(f"tests/test_{name}.py" for name in FILES.split())]
# The helpers' words on a kernel without this file, as user-mode Linux is up to 6.12.
UNTOLD = "/proc/self/task/*/syscall tells nothing on this kernel"
# What is run where all is emulated: on arm64 pages and epoll's structure may have other sizes.
SAMPLE = [f"notebooks/{name}.ipynb" for name in ("01_socket", "03_listen", "12_epoll")]
SAMPLE += [f"tests/test_{name}.py" for name in ("kernel", "degrees", "diag", "trace", "packet")]
PYTEST = "-u -m pytest -q -rf -p no:cacheprovider --junitxml=/out/results.xml"
NBVAL = "--nbval --nbval-cell-timeout=300 --numprocesses=auto --dist=loadscope"


def has_kvm() -> bool:
    """Whether the processor's own virtual machines can be used; boot asks the same."""
    flags = re.search(r"\b(vmx|svm)\b", Path("/proc/cpuinfo").read_text())
    return bool(flags) and os.access("/dev/kvm", os.W_OK)


def chosen(names: list[str]) -> list[str]:
    """The short names that are meant."""
    suffix = "" if has_kvm() else "-um"
    every = [name for name in available() if not name.endswith("-arm64")]
    alike = [name for name in every if name.endswith("-um") == bool(suffix)]
    meant: list[str] = []
    for name in names or [f"{name}{suffix}" * (name != "newest") or name for name in SUPPORTED]:
        meant += every if name == "all" else [alike[-1] if name == "newest" else name]
    return list(dict.fromkeys(meant))


def run(name: str, arguments: list[str]) -> bool:
    """Boot that kernel, run pytest there, print what came of it; whether all passed."""
    out = FOLDER / "out" / name
    results = out / "results.xml"
    results.unlink(missing_ok=True)
    begun = time.monotonic()
    environment = {"LIMIT": "10800", **os.environ, "OUT": str(out), "PROJECT": str(ROOT)}
    python, tests = ".venv/bin/python", TESTS
    if name.endswith("-arm64"):
        environment["ROOT"] = str(make_root())
        python, tests = "python3", SAMPLE
    command = f"{python} {PYTEST} {NBVAL} {shlex.join(arguments or tests)}"
    boot = [str(BOOT), str(fetch(name)), command]
    done = subprocess.run(boot, env=environment, stderr=subprocess.PIPE, text=True, check=False)
    seconds = round(time.monotonic() - begun)
    if not results.exists():
        print(f"{name}: nothing was run in {seconds} s. {done.stderr.strip()}")
        return False
    text, failed = report(name, seconds, results)
    print(text, flush=True)
    return not failed and done.returncode in (0, 1)  # 1: pytest's word for a failure


def report(name: str, seconds: int, results: Path) -> tuple[str, int]:
    """A line of counts; then what failed, and why something was skipped. And how many failed."""
    failed, skipped, counts = [], Counter[str](), Counter[tuple[str, str]]()
    for case in ElementTree.parse(results).iter("testcase"):
        file = case.get("classname", "")
        kind = "cells" if file.startswith("notebooks") else "tests"
        verdict = next(
            (child for child in case if child.tag in ["failure", "error", "skipped"]), None
        )
        if verdict is None:
            counts[kind, "passed"] += 1
        elif verdict.tag == "skipped" or UNTOLD in "".join(verdict.itertext()):
            counts[kind, "skipped"] += 1
            skipped[
                f"{kind}: {verdict.get('message') if verdict.tag == 'skipped' else UNTOLD}"
            ] += 1
        else:
            counts[kind, "failed"] += 1
            failed.append(f"{file} {case.get('name')}")
    words = [f"{number} {kind} {verdict}" for (kind, verdict), number in sorted(counts.items())]
    lines = [f"{name}: {', '.join(words)}, {seconds} s"]
    lines += [f"  failed: {case}" for case in failed]
    lines += [f"  skipped {number} {why}" for why, number in skipped.most_common()]
    return "\n".join(lines), len(failed)


def main(arguments: list[str]) -> int:
    if "--help" in arguments:
        print(__doc__)
        return 0
    if "--list" in arguments:
        for name, package in available().items():
            print(f"{name:12} {package}")
        return 0
    names, passed_on = arguments, []
    if "--" in arguments:
        where = arguments.index("--")
        names, passed_on = arguments[:where], arguments[where + 1 :]
    results = [run(name, passed_on) for name in chosen(names)]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
