"""Leave the host's network: a private TCP/IP network for this process and what it starts.

The process gets a network namespace of its own (see namespaces(7)): an empty TCP/IP stack with
nothing but `lo`; where it may, also private copies of the resolver's files in /etc. The user stays
who they are; of root's powers only CAP_NET_ADMIN and CAP_NET_RAW are left, root or not (and for
root CAP_SETFCAP, which no socket call asks for).
Nothing needs cleaning up: the last process that ends takes the namespaces and the copies with it.
"""

import _socket
import ctypes
import errno
import fcntl
import os
import struct

# <linux/sched.h>
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
# <linux/sockios.h>, <linux/if.h>
SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1
# <sys/mount.h>
MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 0x1000, 0x4000, 0x40000, 0x2
MS_RDONLY, MS_REMOUNT, MS_LOCKED = 0x1, 0x20, 0xE  # the last: no set-user-id, devices, programs
# <linux/capability.h>
CAP_NET_ADMIN, CAP_NET_RAW, CAP_SETFCAP, CAPABILITY_VERSION_3 = 12, 13, 31, 0x20080522
# <linux/prctl.h>
PR_CAPBSET_DROP, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 24, 47, 2

RESOLVER_FILES = ("hosts", "resolv.conf", "nsswitch.conf", "gai.conf")


def call(function: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, function):
        raise OSError(errno.ENOSYS, f"this system has no {function}()")
    if getattr(libc, function)(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{function}(): {os.strerror(number)}")


def read(path: str) -> bytes:
    """Return what is in the file, or nothing where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def write(path: str, text: bytes) -> None:
    with open(path, "wb") as file:
        file.write(text)


def new_user_namespace(others: int) -> None:
    """Make it, and the others in one go: inside it the process has all powers over them."""
    user, group = os.getuid(), os.getgid()
    call("unshare", CLONE_NEWUSER | others)
    # user_namespaces(7): an ordinary user may map a group only after giving up setgroups().
    write("/proc/self/setgroups", b"deny")
    write("/proc/self/uid_map", f"{user} {user} 1".encode())
    write("/proc/self/gid_map", f"{group} {group} 1".encode())


def bring_loopback_up() -> None:
    any_socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM)
    fcntl.ioctl(any_socket.fileno(), SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
    any_socket.close()


def copy_resolver_files() -> None:
    """Lay copies that belong to the user over the files in /etc, for this process and its children.

    The copies live in a tmpfs that is mounted over /tmp only while they are made: no name leads
    there afterwards, and the kernel frees it with the namespace.
    """
    paths = [f"/etc/{name}" for name in RESOLVER_FILES]
    texts = {path: read(path) for path in paths if os.access(path, os.R_OK)}
    call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)
    for directory in {os.path.dirname(os.path.realpath(path)) for path in texts}:
        make_read_only(directory.encode())
    call("mount", b"tmpfs", b"/tmp", b"tmpfs", 0, b"mode=755")
    for number, (path, text) in enumerate(texts.items()):
        copy = f"/tmp/{number}"
        write(copy, for_private_use(path, text))
        call("mount", copy.encode(), path.encode(), None, MS_BIND, None)
    call("umount2", b"/tmp", MNT_DETACH)
    if os.path.isdir("/run/nscd"):  # a cache of names that the C library asks first
        call("mount", b"tmpfs", b"/run/nscd", b"tmpfs", 0, b"mode=755")


def make_read_only(directory: bytes) -> None:
    """Forbid writing there from inside.

    Whoever replaces a file outside (a rename, as on a change of networks) takes our copy away: what
    is there then belongs to everybody, and root could write it.
    """
    call("mount", directory, directory, None, MS_BIND | MS_REC, None)
    locked = os.statvfs(directory).f_flag & MS_LOCKED  # mount_namespaces(7): these have to stay
    call("mount", None, directory, None, MS_BIND | MS_REMOUNT | MS_RDONLY | locked, None)


def for_private_use(path: str, text: bytes) -> bytes:
    if path == "/etc/hosts":  # some begin otherwise, or are empty
        named = map(without_localhost, text.splitlines(keepends=True))
        return b"".join([b"127.0.0.1 localhost\n::1 localhost\n", *named])
    if path != "/etc/nsswitch.conf":
        return text
    # nsswitch.conf(5): any other source of host names is a daemon outside, behind a Unix socket.
    lines = text.splitlines(keepends=True)
    others = [line for line in lines if line.split(b":")[0].strip() != b"hosts"]
    return b"".join([b"hosts: files dns\n", *others])


def without_localhost(line: bytes) -> bytes:
    """The line of /etc/hosts, or nothing if it has no other name: each address would come twice."""
    address, *names = line.partition(b"#")[0].split() or [b""]
    if b"localhost" not in names:
        return line
    others = [name for name in names if name != b"localhost"]
    return b" ".join([address, *others]) + b"\n" if others else b""


def keep_only_network_powers() -> None:
    powers = [CAP_NET_ADMIN, CAP_NET_RAW]
    if not os.getuid():  # or root could not map itself again, in a private network inside this one
        powers.append(CAP_SETFCAP)
    keep = sum(1 << capability for capability in powers)
    last = int(read("/proc/sys/kernel/cap_last_cap"))
    for capability in range(last + 1):
        if not keep >> capability & 1:
            call("prctl", PR_CAPBSET_DROP, capability, 0, 0, 0)
    # capset(2): effective, permitted, inheritable of capabilities 0-31, then of 32-63.
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    call("capset", header, struct.pack("=6I", keep, keep, keep, 0, 0, 0))
    for capability in powers:  # ambient: an ordinary user's exec keeps them
        call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)


def enter(user_namespace: bool, private_files: bool) -> None:
    """Go into a new network; there is no way back, and none out of a half-made one.

    Without a user namespace of its own the process needs CAP_SYS_ADMIN, without private files it
    does not need mount(). OSError: as unshare(2), mount(2) and capset(2) say, and EINVAL for a
    process of several threads.
    """
    namespaces = CLONE_NEWNET | (CLONE_NEWNS if private_files else 0)
    if user_namespace:
        new_user_namespace(namespaces)
    else:
        call("unshare", namespaces)
    bring_loopback_up()
    if private_files:
        copy_resolver_files()
    keep_only_network_powers()
