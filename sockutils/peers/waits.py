"""Waiting for what is on its way: looked for until it is there, never slept for."""

import errno
import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PAUSE = 0.005  # seconds between two looks


def wait_until(true: Callable[[], object], seconds: float = 5.0) -> bool:
    """Look until it is true, for so many seconds at most; return whether it is."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        select.select([], [], [], PAUSE)
    return True


def starved() -> float:
    """Seconds in which this thread has waited for a processor; 0 if the kernel does not tell.

    The second number of schedstat: Documentation/scheduler/sched-stats.rst
    """
    with suppress(OSError):
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    return 0.0


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
