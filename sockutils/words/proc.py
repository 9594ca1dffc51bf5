"""Which process has a socket, from /proc, until sockutils.tables can say who owns one."""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress

SESSION = "JPY_SESSION_NAME="  # in the environment of Jupyter's kernels


def entries(port: int, kind: int) -> list[tuple[str, str]]:
    """Inode and state of each socket of this network that has a local port, see proc(5)."""
    found: list[tuple[str, str]] = []
    table = "udp" if kind == socket.SOCK_DGRAM else "tcp"
    for version in ("", "6"):
        with suppress(OSError), open(f"/proc/net/{table}{version}") as file:
            rows = map(str.split, file.readlines()[1:])
            found += [(row[9], row[3]) for row in rows if int(row[1].split(":")[1], 16) == port]
    return found


def owners(inodes: set[str]) -> Iterator[tuple[int, int]]:
    """Each process that has one of these sockets open, and its descriptor; this one first."""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    numbers = [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    for pid in sorted(numbers, key=lambda pid: pid != os.getpid()):
        with suppress(OSError):  # it has ended, or belongs to another user
            for number in os.listdir(f"/proc/{pid}/fd"):
                with suppress(OSError):
                    if os.readlink(f"/proc/{pid}/fd/{number}") in wanted:
                        yield pid, int(number)


def is_child(pid: int) -> bool:
    while pid not in (0, os.getpid()):
        pid = parent(pid)
    return pid != 0


def parent(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat") as file:  # the name, in (), may hold anything
            return int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def program(pid: int, port: int) -> str:
    words = read(f"/proc/{pid}/cmdline")
    line = " ".join([os.path.basename(words[0]), *words[1:2]]) if words else "a program"
    if any("ipykernel" in word or word == "sockutils.kernel" for word in words):
        line = "the kernel of " + next(
            (each.partition("=")[2] for each in read(f"/proc/{pid}/environ") if SESSION in each),
            "another notebook",
        )
        return f"Port {port} is held by {line} (pid {pid}): close its socket there."
    if is_child(pid):
        return f"A child of this notebook, {line}, has port {port}: end it with !kill {pid}"
    return f"Another process, {line} (pid {pid}), has port {port}: end it, or take another port."


def read(file: str) -> list[str]:
    try:
        with open(file, errors="replace") as opened:
            return opened.read().split("\0")[:-1]
    except OSError:
        return []
