"""A socket of another process, borrowed for a moment, to ask it for an option."""

import ctypes
import os
import socket

from sockutils.tables.holders import descriptors, holders_of

PIDFD_GETFD = 438  # <asm-generic/unistd.h>, since Linux 5.6


def option(inode: int, level: int, name: int) -> int | None:
    """What an option of this socket is, an int; None where you may not ask.

    You may ask a child of this process, unless the system forbids it. Source: pidfd_getfd(2),
    ptrace(2), "Ptrace access mode checking"
    """
    for holder in holders_of({inode})[inode]:
        try:
            with borrowed(holder.pid, descriptors(holder.pid)[inode]) as end:
                return end.getsockopt(level, name)
        except (OSError, KeyError):  # not allowed, or gone meanwhile
            continue
    return None


def borrowed(pid: int, descriptor: int) -> socket.socket:
    process = os.pidfd_open(pid)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        number = libc.syscall(PIDFD_GETFD, process, descriptor, 0)
    finally:
        os.close(process)
    if number < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return socket.socket(fileno=number)
