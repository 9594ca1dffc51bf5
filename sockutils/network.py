"""Which network this Python is in: one of its own, or the one it shares with the whole machine."""

import errno
import os
import socket
from pathlib import Path
from typing import NamedTuple, TypeVar

Failure = TypeVar("Failure", bound=Exception)
# In the environment, set by sockutils.kernel, inherited by child processes with the network.
MODE = "SOCKUTILS_NETWORK"
TUN = "/dev/net/tun"
LOAD_TUN = " (sudo modprobe tun, or Docker's --device /dev/net/tun)"


class Network(NamedTuple):
    """What is private here, and what the system said where something is not.

    `private`: addresses, ports, packets and the sysctls of the network. `files`: the resolver's
    files in /etc. `namespaces`: whether more user namespaces can be made.
    """

    private: bool
    files: bool
    namespaces: bool
    why: str

    def __repr__(self) -> str:
        if not self.private:
            return f"shared network: {self.why}"
        parts = (("private files in /etc", self.files), ("user namespaces", self.namespaces))
        if missing := " and ".join(part for part, there in parts if not there):
            return f"private network, but without {missing}: {self.why}"
        return "private network: no packet comes in, none goes out, every port is free"


def network() -> Network:
    """Tell which network this process is in, and, if it is shared, why and what would change that.

    The kernel "Sockets (private network)" leaves its answer in the environment, from where child
    processes inherit it together with the network.
    """
    mode = os.environ.get(MODE, ": choose the kernel 'Sockets (private network)'")
    words, _, why = mode.partition(": ")
    private, files, namespaces = (word in words.split() for word in Network._fields[:3])
    return Network(private, files, namespaces, why)


def has_ipv6() -> bool:
    """Tell whether an IPv6 socket can be made here, and bound to ::1."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:  # EAFNOSUPPORT or, switched off by a sysctl, EADDRNOTAVAIL
        return False
    return True


def needs(*things: str) -> None:
    """Stop a cell that cannot run here, with one line that says what is missing.

    A thing is "network" (addresses, ports and packets that nobody else has), "capture" (of packets
    that cross lo), "ipv6", "namespaces" (more of them, for users), "mount" (in such a namespace),
    or the path of a file that the cell writes: for /proc/sys and /dev/net/tun the network has to be
    private as well, for /etc the files. Run by root elsewhere, such a cell would change the
    settings of the whole machine. Raises OSError(EPERM) for the first that is missing; ValueError
    for an unknown thing. Before Linux 6.3 a private network has fewer files in /proc/sys/net/core.
    """
    for thing in things:
        if missing := _missing(thing):
            line = f"this cell needs {missing}"
            raise in_one_line(OSError(errno.EPERM, line), line)


def _missing(thing: str) -> str:
    here = network()
    kinds = {
        "network": (here.private, "a private network"),
        "capture": (_may_capture(), "a private network, or CAP_NET_RAW"),
        "namespaces": (here.namespaces, "user namespaces"),
        "mount": (here.namespaces and here.files, "to mount a file system in a namespace"),
        "ipv6": (has_ipv6(), "IPv6, and this system has none"),
        "/etc": (here.files, "private files in /etc"),
        "/proc/sys": (here.private, "a private network"),
        TUN: (here.private, "a private network"),
    }
    kind = next((kind for kind in kinds if f"{thing}/".startswith(f"{kind}/")), None)
    if kind is None:
        raise ValueError(f"needs() does not know {thing!r}; it knows {', '.join(kinds)}")
    there, what = kinds[kind]
    if not there:
        return what if kind == "ipv6" else f"{what} ({here.why}); the others work without"
    return "" if not thing.startswith("/") or _writable(thing) else _not_writable(thing)


def _not_writable(file: str) -> str:
    why = "does not allow it" if Path(file).exists() else "has no such file"
    return f"to write {file}, and this system {why}{LOAD_TUN if file == TUN else ''}"


def _writable(file: str) -> bool:
    # Not access(2): it judges without the capabilities that an ordinary user has in here.
    try:
        os.close(os.open(file, os.O_WRONLY))
    except OSError:
        return False
    return True


def _may_capture() -> bool:
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM).close()
    except (AttributeError, OSError):  # not Linux; EPERM
        return False
    return True


def in_one_line(error: Failure, line: str) -> Failure:
    """Give an error one line that a notebook shows in place of its traceback."""
    error.__dict__["_render_traceback_"] = lambda: [line]  # IPython looks for it
    return error
