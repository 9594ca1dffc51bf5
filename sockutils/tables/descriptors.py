"""The table of descriptors of this process: what it has open, and what if it is full."""

import errno
import gc
import os
import resource
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from sockutils.kernel.network import in_one_line


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
def left_to_python() -> Iterator[list[str]]:
    """Note what a block opens and leaves to Python, unclosed: "unclosed <socket …>".

    What is part of a cycle stays open, so that nothing of an earlier block is noted either.
    """
    usual = gc.isenabled()
    gc.disable()  # collecting first would take longer than most blocks
    left: list[str] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ResourceWarning)
            yield left
    finally:
        if usual:
            gc.enable()
        left += [str(each.message) for each in caught if each.category is ResourceWarning]


def no_descriptor(number: int, hard: int) -> OSError:
    """EMFILE, in one line, for a number that no limit of this process can reach."""
    line = f"no descriptor {number} here: ulimit -Hn, the hard limit, is {hard}"
    return in_one_line(OSError(errno.EMFILE, line), line)


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
