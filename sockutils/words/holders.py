"""Who has a port: a variable, a thread, a child, another process, or nobody any more."""

import gc
import os
import socket
import sys
import threading
from contextlib import suppress
from typing import Any, NamedTuple

from sockutils.tables.busy import collide, who_holds
from sockutils.tables.holders import Holder, descriptors
from sockutils.tables.rows import Row
from sockutils.words.shown import Failed, made_in

SESSION = "JPY_SESSION_NAME="  # in the environment of Jupyter's kernels


class Wanted(NamedTuple):
    host: Any
    port: int
    kind: int  # SOCK_STREAM or SOCK_DGRAM
    by: object  # the socket that wants the port, where it can be told
    held: dict[int, str]  # the ports that background functions had until their block ended


def holder(wanted: Wanted, shell: Any, failed: Failed) -> str:
    """Say who has a port, and how to get it; "" where that cannot be told."""
    host, port = in_numbers(wanted.host), wanted.port
    for sock in own_sockets(port, wanted.kind):
        if sock is not wanted.by and (not host or collide(host, sock.getsockname()[0])):
            return own(sock, port, shell, failed)
    try:
        rows = others(wanted, host)
    except OSError:  # a kernel without these tables
        return ""
    for row in rows:
        for each in row.holders or ():
            return process(each, port, row.inode)
    if any(row.inode for row in rows):
        return f"A process of another user has port {port}: take another port."
    if "TIME-WAIT" in [row.state for row in rows]:
        return (
            f"Nobody has port {port}, but a connection on it is in TIME_WAIT, for a minute.\n"
            "Set SO_REUSEADDR on your server before bind(), or let the client close first."
        )
    if rows:
        return ""
    if port in wanted.held:
        return f"{wanted.held[port]}() had port {port} in the background, until the block ended."
    return f"Port {port} is free by now: a socket of this cell had it, or a program that has ended."


def in_numbers(host: Any) -> str:
    """The host if it is an address; "" for a name, which may stand for any."""
    from ipaddress import ip_address

    try:
        return str(ip_address(str(host)))
    except ValueError:
        return ""


def others(wanted: Wanted, host: str) -> list[Row]:
    """The sockets in the way, except the one that wants the port; first those of this process."""
    protocol = "udp" if wanted.kind == socket.SOCK_DGRAM else "tcp"
    inode = 0
    if isinstance(wanted.by, socket.socket) and wanted.by.fileno() >= 0:
        inode = os.fstat(wanted.by.fileno()).st_ino
    found = who_holds(wanted.port, host, protocol)
    rows = [row for row in found if not row.inode or row.inode != inode]
    return sorted(rows, key=lambda row: row.inode not in descriptors(os.getpid()))


def own_sockets(port: int, kind: int) -> list[socket.socket]:
    """The open sockets of this process that have a port, listeners first."""
    found = []
    for thing in gc.get_objects():
        if issubclass(type(thing), socket.socket):
            with suppress(OSError):  # it is closed
                if thing.family in (socket.AF_INET, socket.AF_INET6) and thing.type == kind:
                    found += [thing] * (thing.getsockname()[1] == port)
    return sorted(found, key=listens, reverse=True)


def listens(sock: socket.socket) -> bool:
    return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def own(sock: socket.socket, port: int, shell: Any, failed: Failed) -> str:
    does = f"still listens on port {port}" if listens(sock) else f"still has port {port}"
    for name, thing in list(shell.user_ns.items()):
        if name.startswith("_"):
            continue
        if thing is sock:
            cell = made_in(name, shell, failed)
            made = "" if cell is None else f", made in cell [{cell}],"
            return f"`{name}`{made} {does}: {name}.close() gives it back."
        if any(inside is sock for inside in parts(thing)):
            return f"A socket in `{name}` {does}: close it first."
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and uses(thread, sock):
            return f"A socket of the thread `{thread.name}`, which still runs, {does}."
    return f"A socket that no variable names {does}: restart the kernel to get it back."


def parts(thing: Any) -> list[Any]:
    if isinstance(thing, dict):
        return list(thing.values())
    if isinstance(thing, (list, tuple, set)):
        return list(thing)
    return [] if isinstance(thing, type) else list(getattr(thing, "__dict__", {}).values())


def uses(thread: threading.Thread, sock: socket.socket) -> bool:
    frame = sys._current_frames().get(thread.ident or 0)
    while frame is not None:
        if any(each is sock for each in frame.f_locals.values()):
            return True
        frame = frame.f_back
    return False


def process(found: Holder, port: int, inode: int) -> str:
    """Who has it, if no object of this process stands for the socket."""
    if found.pid == os.getpid():
        number = descriptors(found.pid)[inode]
        return f"Descriptor {number} of this notebook has port {port}: os.close({number})."
    words = read(f"/proc/{found.pid}/cmdline")
    line = " ".join([os.path.basename(words[0]), *words[1:2]]) if words else found.program
    if any("ipykernel" in word or word == "sockutils.kernel" for word in words):
        line = "the kernel of " + next(
            (e.partition("=")[2] for e in read(f"/proc/{found.pid}/environ") if SESSION in e),
            "another notebook",
        )
        return f"Port {port} is held by {line} (pid {found.pid}): close its socket there."
    if found.child:
        return f"A child of this notebook, {line}, has port {port}: end it with !kill {found.pid}"
    return (
        f"Another process, {line} (pid {found.pid}), has port {port}: end it, or take another port."
    )


def read(file: str) -> list[str]:
    try:
        with open(file, errors="replace") as opened:
            return opened.read().split("\0")[:-1]
    except OSError:
        return []
