"""Run a command on a less friendly machine, which lasts as long as the command.

python tests/machine.py CONDITION... -- COMMAND...

ordinary         the user is not root
root             the user is root
refused          no namespaces can be made; the network is the machine's, here an empty one
no-users         no user namespaces can be made; root can make others
no-mount         mount() is refused, as by Docker's AppArmor profile
taken=PORT       somebody listens on that TCP port (in such a network)
no-ipv6          the kernel has no IPv6, as with the boot parameter ipv6.disable=1
descriptors=N    the soft limit of open files
read-only=PATH   nothing below can be written
"""

import ctypes
import os
import platform
import resource
import socket
import struct
import sys
from errno import EACCES, EAFNOSUPPORT
from itertools import takewhile

from sockutils.kernel.namespaces import (
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWUSER,
    MS_PRIVATE,
    MS_REC,
    bring_loopback_up,
    call,
    make_read_only,
    write,
)

ORDINARY = 1000

# <linux/prctl.h>, <linux/seccomp.h>, <linux/filter.h>, and the numbers of socket(2) and mount(2)
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
SECCOMP_RET_ERRNO, SECCOMP_RET_ALLOW = 0x00050000, 0x7FFF0000
LOAD, IF_EQUAL, RETURN = 0x20, 0x15, 0x06
SOCKET, MOUNT = {"x86_64": 41, "aarch64": 198}, {"x86_64": 165, "aarch64": 40}


class Filter(ctypes.Structure):
    """struct sock_fprog: how many instructions, and the instructions."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def namespaces(user: int, kinds: int) -> None:
    """Enter a user namespace, in which this user has that number and all powers until exec()."""
    outside, group = os.getuid(), os.getgid()
    call("unshare", CLONE_NEWUSER | CLONE_NEWNS | kinds)
    write("/proc/self/setgroups", b"deny")
    write("/proc/self/uid_map", f"{user} {outside} 1".encode())
    write("/proc/self/gid_map", f"{user} {group} 1".encode())
    call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)


def refuse(*kinds: str) -> None:
    for kind in kinds:
        write(f"/proc/sys/user/max_{kind}_namespaces", b"0")


def take(port: int) -> None:
    listener = socket.create_server(("127.0.0.1", port))
    os.set_inheritable(listener.detach(), True)


def forbid_ipv6() -> None:
    """socket(AF_INET6, ...) fails, for this process and its children."""
    forbid(
        (LOAD, 0, 0, 0),  # the number of the system call
        (IF_EQUAL, 0, 3, SOCKET[platform.machine()]),  # another: three further on
        (LOAD, 0, 0, 16),  # its first argument
        (IF_EQUAL, 0, 1, socket.AF_INET6),
        (RETURN, 0, 0, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
        (RETURN, 0, 0, SECCOMP_RET_ALLOW),
    )


def forbid_mount() -> None:
    forbid(
        (LOAD, 0, 0, 0),
        (IF_EQUAL, 0, 1, MOUNT[platform.machine()]),
        (RETURN, 0, 0, SECCOMP_RET_ERRNO | EACCES),
        (RETURN, 0, 0, SECCOMP_RET_ALLOW),
    )


def forbid(*program: tuple[int, int, int, int]) -> None:
    """Lay a seccomp filter on this process and its children: classic BPF, seccomp(2)."""
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    call("prctl", PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(Filter(len(program), code)))


def become(conditions: list[str]) -> None:
    users = {"ordinary": ORDINARY, "root": 0}
    user = next((users[name] for name in conditions if name in users), os.getuid())
    namespaces(user, CLONE_NEWNET if "refused" in conditions else 0)
    for condition in conditions:
        name, _, value = condition.partition("=")
        if name == "refused":
            bring_loopback_up()
            refuse("user", "net")
        elif name == "no-users":
            refuse("user")
        elif name == "no-mount":
            forbid_mount()
        elif name == "taken":
            take(int(value))
        elif name == "no-ipv6":
            forbid_ipv6()
        elif name == "descriptors":
            _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (int(value), hard))
        elif name == "read-only":
            make_read_only(value.encode())


if __name__ == "__main__":
    conditions = [*takewhile("--".__ne__, sys.argv[1:])]
    become(conditions)
    command = sys.argv[len(conditions) + 2 :]
    os.execvp(command[0], command)
