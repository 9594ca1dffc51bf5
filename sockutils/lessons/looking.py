"""What checks and demos wait for and do to a socket, and what this process has open."""

import errno
import os
import resource
import select
import socket
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

PAUSE = 0.005  # seconds between two looks


def wait_until(true: Callable[[], object], seconds: float = 5.0) -> bool:
    """Look until it is true, for so many seconds at most; return whether it is."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        select.select([], [], [], PAUSE)
    return True


def wait_for_threads(end: socket.socket, number: int = 1) -> None:
    """Return when so many threads of this process wait in a call on the socket.

    Raises TimeoutError after five seconds. proc(5): a thread's `syscall` begins with the call's
    number and its first argument. Not counted: a socket with a timeout, for which Python waits in
    poll(). Where the kernel has no such file: OSError (ENOSYS).
    """
    if not wait_until(lambda: _inside(end.fileno()) >= number):
        raise TimeoutError(f"fewer than {number} threads wait in a call on this socket")


def _inside(descriptor: int) -> int:
    arguments = []
    for path in Path("/proc/self/task").glob("*/syscall"):
        # That thread has just ended, or nobody may look into this process.
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            arguments.append(path.read_text().split()[1:2])
    if not arguments:
        raise OSError(errno.ENOSYS, "/proc/self/task/*/syscall tells nothing on this kernel")
    return arguments.count([hex(descriptor)])


def reset(end: socket.socket) -> None:
    """Close the socket so that the other end gets a reset."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()


def fill(end: socket.socket) -> int:
    """Send until the kernel takes no more, now and in a while; return how many bytes it took."""
    usual, sent, before = end.gettimeout(), 0, -1
    end.setblocking(False)
    while sent > before:  # an acknowledgement may make room again
        before = sent
        with suppress(BlockingIOError):
            while True:
                sent += end.send(bytes(1 << 20))
        select.select([], [], [], 0.1)
    end.settimeout(usual)
    return sent


@contextmanager
def counted(calls: Counter[str]) -> Iterator[None]:
    """Count this thread's calls of functions written in C, such as poll() and recv(), by name."""

    def note(frame: FrameType, event: str, function: Any) -> None:
        if event == "c_call":
            calls[function.__name__] += 1

    usual = sys.getprofile()
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(usual)


def links() -> list[str]:
    """What this process has descriptors for, once each, as /proc/self/fd names it."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile, as the one that reads the folder is
            found.append(os.readlink(entry))
    return found


def held() -> set[str]:
    """The sockets that this process has descriptors for: socket:[INODE]."""
    return {link for link in links() if link.startswith("socket:")}


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    """Lower this process's limit (RLIMIT_NOFILE) to what it has open, for a block.

    Numbers that are free in between are used up, so each one that the block closes is the only one.
    That takes long where this process has inherited a descriptor with a very high number.
    """
    _let_ipython_save()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = max(map(int, os.listdir("/proc/self/fd"))) + 1
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)  # an inherited descriptor may be above it
    with ExitStack() as fillers:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        fillers.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        with suppress(OSError):  # EMFILE, when the last one is in use
            while True:
                fillers.enter_context(open(os.devnull, "rb", buffering=0))
        yield


def _let_ipython_save() -> None:
    # A thread of IPython's writes the cell into a file, and would find no descriptor either.
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell and shell.history_manager:
        shell.history_manager.writeout_cache()
