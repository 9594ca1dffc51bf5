"""Who holds a socket: every process that has a descriptor of it, as /proc tells."""

import os
import sys
from collections.abc import Collection, Iterable, Iterator
from functools import partial
from typing import NamedTuple

from sockutils.peers.waits import wait_until


class Holder(NamedTuple):
    """A process with a descriptor of the socket.

    `program` is the name that the kernel keeps, at most 15 bytes: proc_pid_comm(5). `child` tells
    a child of this process, or a child's child.
    """

    pid: int
    program: str
    child: bool

    def __str__(self) -> str:
        we = _we()
        if self.pid == os.getpid():
            return we
        return f"{self.program} ({f'a child of {we}' if self.child else f'pid {self.pid}'})"


def holders_of(inodes: Collection[int]) -> dict[int, tuple[Holder, ...]]:
    """Return the holders of each of these sockets; an inode is what `os.fstat()` says.

    A child that inherits the descriptor holds the socket like its parent. Nobody is found where
    the process is another user's and you are not root, in another container, or over meanwhile.
    Source: proc_pid_fd(5).
    """
    pids: dict[int, list[int]] = {inode: [] for inode in inodes}
    for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))):
        for inode in descriptors(pid).keys() & pids.keys():
            pids[inode].append(pid)
    return {inode: tuple(_known(found)) for inode, found in pids.items()}


def descriptors(pid: int) -> dict[int, int]:
    """Return the inode of each socket that a process holds, with a descriptor of it.

    None are found where you may not look, as in `holders_of()`. Source: proc_pid_fd(5).
    """
    links = ((number, _link(f"/proc/{pid}/fd/{number}")) for number in _listed(f"/proc/{pid}/fd"))
    return {int(link[8:-1]): int(number) for number, link in links if link.startswith("socket:[")}


def told(found: Iterable[Holder]) -> str:
    """Return the holders as text, "?" for none: this process first, then children, then others."""
    ordered = sorted(found, key=lambda one: (one.pid != os.getpid(), not one.child, str(one)))
    names = [str(one) for one in ordered]
    counted = [
        name + f" \N{MULTIPLICATION SIGN}{names.count(name)}" * (names.count(name) > 1)
        for name in dict.fromkeys(names)
    ]
    return ", ".join(counted) or "?"


def _we() -> str:
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return "this notebook" if hasattr(shell, "kernel") else "this process"


def _listed(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:  # it is over, or another user's
        return []


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:  # closed meanwhile
        return ""


def _known(pids: list[int]) -> Iterator[Holder]:
    for pid in pids:
        wait_until(partial(_has_its_name, pid), 0.5)
        program, _ = _status(pid)
        if program:
            yield Holder(pid, program, _is_child(pid))


def _has_its_name(pid: int) -> bool:
    """Whether it is not in the middle of execve(), which names a process late.

    It closes what is close-on-exec first, so a parent may know that its child has begun while the
    child still has the parent's name. Until it has its own, the command line is empty (in the
    kernel, `begin_new_exec()` and `load_elf_binary()`).
    """
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read(1) != b""
    except OSError:
        return True


def _is_child(pid: int) -> bool:
    while pid > 1:
        _, pid = _status(pid)
        if pid == os.getpid():
            return True
    return False


def _status(pid: int) -> tuple[str, int]:
    """Return the name of the program and the parent's pid, "" and 0 when it is over."""
    try:
        with open(f"/proc/{pid}/status", errors="backslashreplace") as file:
            fields = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    except OSError:
        return "", 0
    return fields["Name"], int(fields["PPid"])
