"""Which network this Python is in: one of its own, or the one it shares with the whole machine."""

import errno
import os
import socket
from pathlib import Path
from typing import NamedTuple, TypeVar

Failure = TypeVar("Failure", bound=Exception)
# In the environment, set by sockutils.kernel, inherited by child processes with the network.
MODE = "SOCKUTILS_NETWORK"
PRIVATE, SHARED_FILES, SHARED = "private", "private, shared files", "shared"
TUN = "/dev/net/tun"
LOAD_TUN = " (sudo modprobe tun, or Docker's --device /dev/net/tun)"


class Network(NamedTuple):
    """Whether packets, ports and sysctls are private; whether /etc is; why something is not."""

    private: bool
    files: bool
    why: str

    def __repr__(self) -> str:
        if not self.private:
            return f"shared network: {self.why}"
        if not self.files:
            return f"private network, but /etc is the system's own: {self.why}"
        return "private network: no packet comes in, none goes out, every port is free"


def network() -> Network:
    """Tell which network this process is in, and, if it is shared, why and what would change that.

    The kernel "Sockets (private network)" leaves its answer in the environment, from where child
    processes inherit it together with the network.
    """
    mode = os.environ.get(MODE, f"{SHARED}: choose the kernel 'Sockets (private network)'")
    kind, _, why = mode.partition(": ")
    return Network(kind in (PRIVATE, SHARED_FILES), kind == PRIVATE, why)


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

    Each of the things is "network" (addresses, ports and packets that nobody else has), "capture"
    (packets that cross lo can be recorded), "ipv6", or a file that the cell writes: below /proc/sys
    and for /dev/net/tun that takes a private network, below /etc private files. Raises
    OSError(EPERM) for the first that is missing; run by root, such a cell would change the settings
    of the whole machine. Before Linux 6.3 a private network has fewer files in /proc/sys/net/core.
    """
    for thing in things:
        if missing := _missing(thing):
            line = f"this cell needs {missing}"
            raise in_one_line(OSError(errno.EPERM, line), line)


def _missing(thing: str) -> str:
    here = network()
    if thing == "capture":
        return "" if _may_capture() else f"a private network, or CAP_NET_RAW ({here.why})"
    if thing == "ipv6":
        return "" if has_ipv6() else "IPv6, and this system has none"
    if thing != "network" and not thing.startswith(("/proc/sys/", "/etc/", TUN)):
        raise ValueError(f'needs() knows "network", "capture", "ipv6" and files, not {thing!r}')
    if not here.private:
        return f"a private network ({here.why}); the others work without"
    if thing.startswith("/etc/") and not here.files:
        return f"private files in /etc ({here.why}); the others work without"
    return "" if thing == "network" or _writable(thing) else _not_writable(thing)


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
