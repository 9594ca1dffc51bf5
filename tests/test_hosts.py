"""What is judged of a host that restricts, and of a machine before and after. None is booted."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).with_name("linux")))  # its programs import one another so

from linux import hosts, untouched

WHY = "unshare(): Operation not permitted; allow it with: sudo sysctl some.switch=1"
HOST = hosts.Host(f"shared network: {WHY}", stops=("no descriptor",))
SUMMARY = "=== short test summary info ===\n"
SKIPPED = "SKIPPED [1] conftest.py:9: this cell needs a private network ({}; the others work)\n"
FAILED = "___ notebooks/a.ipynb::Cell 3 ___\nOSError: {}\n" + SUMMARY + "FAILED notebooks/a.ipynb\n"


@pytest.mark.parametrize(
    ("line", "told", "found"),
    [
        (WHY, SUMMARY + SKIPPED.format(WHY), []),
        ("other", "", [f"the kernel says: shared network: {'other'}"]),
        (WHY, SUMMARY + SKIPPED.format("other"), ["a cell stops with: "]),
        (WHY, FAILED.format("no descriptor 1000 here"), []),
        (WHY, FAILED.format("\x1b[31mother"), ["notebooks/a.ipynb::Cell 3 fails"]),
        (WHY, FAILED.format("/syscall tells nothing on this kernel"), []),
    ],
    ids=["right", "another switch", "another reason", "stops", "fails", "user mode"],
)
def test_what_is_wrong_on_a_host(line: str, told: str, found: list[str], tmp_path: Path) -> None:
    (tmp_path / "status").write_text("0")
    (tmp_path / "stdout").write_text(f"shared network: {line}\n{told}3 passed in 1 s\n")
    lines = hosts.wrong(HOST, tmp_path, "6.1-um")
    assert len(lines) == len(found)
    assert all(line.startswith(start) for line, start in zip(lines, found, strict=True))


def test_a_host_that_ran_nothing_is_wrong(tmp_path: Path) -> None:
    assert hosts.wrong(HOST, tmp_path, "6.1-um") == ["it did not come as far as the lessons"]
    (tmp_path / "status").write_text("0")
    (tmp_path / "stdout").write_text(f"{HOST.says}\n2 errors in 1 s\n")
    assert hosts.wrong(HOST, tmp_path, "6.1-um") == ["nothing has run"]


@pytest.mark.parametrize(
    ("name", "before", "after", "found"),
    [
        ("mounts", "tmpfs /tmp\n", "tmpfs /tmp\n", []),
        ("mounts", "", "tmpfs /mnt\n", ["mounts: +tmpfs /mnt"]),
        (
            "settings",
            "net.a = 1\n",
            "net.a = 2\n",
            ["settings: +net.a = 2", "settings: -net.a = 1"],
        ),
        ("modules", "", "tun\ntcp_diag\nsctp\ntunnel4\n", ["modules: +sctp", "modules: +tunnel4"]),
        ("requests", "", "net-pf-2-proto-132\n", ["requests: +net-pf-2-proto-132"]),
        ("requests", "", "net-pf-16-proto-4-type-2-6\n", []),
        (
            "requests",
            "",
            "net-pf-16-proto-4-type-2-17\n",
            ["requests: +net-pf-16-proto-4-type-2-17"],
        ),
        ("settings", "fs.file-nr = 1\n", "fs.file-nr = 2\n", []),
    ],
)
def test_what_differs(name: str, before: str, after: str, found: list[str], tmp_path: Path) -> None:
    for when, text in (("before", before), ("after", after)):
        (tmp_path / when).mkdir()
        for look in untouched.LOOKS:
            (tmp_path / when / look).write_text(text if look == name else "")
    assert untouched.differences(tmp_path) == found
