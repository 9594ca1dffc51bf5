"""Who has a port: a variable, a thread, a child, another process, or nobody any more."""

import gc
import os
import socket
import sys
import threading
from contextlib import suppress
from typing import Any, NamedTuple

from sockutils.words.proc import entries, owners, program
from sockutils.words.shown import Failed, made_in

TIME_WAIT = "06"  # <net/tcp_states.h>, as in /proc/net/tcp


class Wanted(NamedTuple):
    host: Any
    port: int
    kind: int  # SOCK_STREAM or SOCK_DGRAM
    by: object  # the socket that wants the port, where it can be told
    held: dict[int, str]  # the ports that background functions had until their block ended


def holder(wanted: Wanted, shell: Any, failed: Failed) -> str:
    """Say who has a port, and how to get it; "" where that cannot be told."""
    host, port, kind, by, held = wanted
    for sock in own_sockets(port, kind):
        if sock is not by and collide(sock.getsockname()[0], host):
            return own(sock, port, shell, failed)
    table = entries(port, kind)
    inodes = {inode for inode, _ in table}
    for pid, number in owners(inodes - {"0"}):
        if pid == os.getpid():
            return f"Descriptor {number} of this notebook has port {port}: os.close({number})."
        return program(pid, port)
    if inodes - {"0"}:
        return f"A process of another user has port {port}: take another port."
    if TIME_WAIT in {state for _, state in table}:
        return (
            f"Nobody has port {port}, but a connection on it is in TIME_WAIT, for a minute.\n"
            "Set SO_REUSEADDR on your server before bind(), or let the client close first."
        )
    if table:
        return ""
    if port in held:
        return f"{held[port]}() had port {port} in the background, until the block ended."
    return f"Port {port} is free by now: a socket of this cell had it, or a program that has ended."


def own_sockets(port: int, kind: int) -> list[socket.socket]:
    """The open sockets of this process that have a port, listeners first."""
    found = []
    for thing in gc.get_objects():
        if issubclass(type(thing), socket.socket):
            with suppress(OSError):  # it is closed
                if thing.family in (socket.AF_INET, socket.AF_INET6) and thing.type == kind:
                    found += [thing] * (thing.getsockname()[1] == port)
    return sorted(found, key=listens, reverse=True)


def collide(one: str, other: Any) -> bool:
    return one == other or not {one, other}.isdisjoint({"0.0.0.0", "::", "", None, "localhost"})


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
