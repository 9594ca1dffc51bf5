"""Which network this Python is in: one of its own, or the one it shares with the whole machine."""

import errno
import os
import socket
from typing import NamedTuple, TypeVar

REMEDIES = {"/dev/net/tun": " (sudo modprobe tun, or Docker's --device /dev/net/tun)"}
Failure = TypeVar("Failure", bound=Exception)
MODE = "SOCKUTILS_NETWORK"  # in the environment, set by kernel/shim.py


class Network(NamedTuple):
    private: bool
    why: str  # empty in a private network

    def __repr__(self) -> str:
        if self.private:
            return "private network: no packet comes in, none goes out, every port is free"
        return f"shared network: {self.why}"


def network() -> Network:
    """Tell which network this process is in, and, if it is shared, why and what would change that.

    The kernel "Sockets (private network)" leaves its answer in the environment, from where child
    processes inherit it together with the network.
    """
    mode = os.environ.get(MODE, "shared: choose the kernel 'Sockets (private network)'")
    kind, _, why = mode.partition(": ")
    return Network(kind == "private", why)


def has_ipv6() -> bool:
    """Tell whether an IPv6 socket can be made here, and bound to ::1."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:  # EAFNOSUPPORT or, switched off by a sysctl, EADDRNOTAVAIL
        return False
    return True


def _writable(file: str) -> bool:
    # Not access(2): it judges without the capabilities that an ordinary user has in here.
    try:
        os.close(os.open(file, os.O_WRONLY))
    except OSError:
        return False
    return True


def needs_private_network(*files: str, ipv6: bool = False) -> None:
    """Stop a cell that cannot run here, with one line that says what is missing.

    Raises OSError(EPERM) outside a private network, where such a cell could not work, or, run by
    root, would change the settings of the whole machine; where one of `files` cannot be written;
    and without IPv6, if it needs that. Before Linux 6.3 a private network has fewer files in
    /proc/sys/net/core.
    """
    here = network()
    missing = [file for file in files if not _writable(file)]
    line = ""
    if not here.private:
        line = f"this cell needs a private network ({here.why}); the others work without"
    elif ipv6 and not has_ipv6():
        line = "this cell needs IPv6, and this system has none"
    elif missing:
        why = "does not allow it" if os.path.exists(missing[0]) else "has no such file"
        line = f"this cell needs to write {missing[0]}, and this system {why}"
        line += REMEDIES.get(missing[0], "")
    if line:
        raise in_one_line(OSError(errno.EPERM, line), line)


def in_one_line(error: Failure, line: str) -> Failure:
    """Give an error one line that a notebook shows in place of its traceback."""
    error.__dict__["_render_traceback_"] = lambda: [line]  # IPython looks for it
    return error
