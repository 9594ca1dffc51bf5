"""How private a network may be here: what the system refuses is refused piece by piece.

Tried in this order: everything; without private files in /etc (a container's AppArmor refuses
mount()); the same two without a user namespace, where the process has CAP_SYS_ADMIN; nothing, the
network that all share. SOCKUTILS_NETWORK tells child processes which it is and what was refused.
"""

import errno
import os
import resource
import sys
from typing import NamedTuple

from sockutils.kernel.namespaces import enter, read
from sockutils.kernel.network import MODE, network

PROFILE = "/proc/self/attr/current"  # AppArmor's: "unconfined", or "NAME (enforce)"
DESCRIPTORS = 1024  # Linux's own soft limit, INR_OPEN_CUR in <linux/fs.h>
SWITCHES = {  # sysctl: (value that forbids namespaces, what to do)
    "kernel/apparmor_restrict_unprivileged_userns": ("1", "0"),
    "kernel/unprivileged_userns_clone": ("0", "1"),
    "user/max_user_namespaces": ("0", "10000"),
    "user/max_net_namespaces": ("0", "10000"),
}


class Degree(NamedTuple):
    user_namespace: bool
    private_files: bool


DEGREES = [Degree(user, files) for user in (True, False) for files in (True, False)]


def rehearse(degree: Degree) -> str:
    """Try it all in a child, since there is no way back; return why it fails, or nothing."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            enter(*degree)
            check_what_is_needed_inside()
        except Exception as error:
            os.write(writer, str(getattr(error, "strerror", None) or error).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        why = answer.read().decode()
    os.waitpid(child, 0)
    return why


def check_what_is_needed_inside() -> None:
    # Root in there is not the host's root: a home directory of somebody else is closed to it.
    os.stat(".")
    if not os.access(sys.executable, os.X_OK):
        raise PermissionError(errno.EACCES, f"{sys.executable} cannot be run from inside")


def remedy(why: str) -> str:
    """Name the switch that forbids it, judged by what this system shows."""
    profile = read(PROFILE).strip(b"\0\n").decode()
    confined = profile.endswith("(enforce)")
    for name, (bad, good) in SWITCHES.items():
        applies = not why.startswith("mount") and not (confined and "apparmor" in name)
        if applies and read(f"/proc/sys/{name}").strip().decode() == bad:
            return f"allow it with: sudo sysctl {name.replace('/', '.')}={good}"
    filtered = b"Seccomp:\t2" in read("/proc/self/status")
    # A filter may say anything, and Docker's says EPERM: so does a profile without a capability,
    # but to mount() and to user namespaces AppArmor says EACCES.
    if confined and not (filtered and os.strerror(errno.EPERM) in why):
        forbids = f"the AppArmor profile {profile.split()[0]} forbids it"
        return f"{forbids}; Docker: --security-opt apparmor=unconfined"
    if filtered:
        return "a seccomp filter forbids it; Docker: --security-opt seccomp=unconfined"
    return "it needs Linux with user namespaces"


def enter_private_network() -> str:
    """Take this process into the most private network that it may have.

    Return the line that says what was refused, or nothing. Must come before the first thread:
    unshare(2) refuses a user namespace to a process that has several.
    """
    refusals: list[str] = []
    try:
        for degree in DEGREES:
            if not (why := rehearse(degree)):
                enter(*degree)
                return tell(words(degree), refusals[-1] if refusals else "")
            refusals.append(why)
    except (AttributeError, OSError) as error:  # no fork() or unshare(); threads that run already
        refusals.append(str(error))
    return tell("", refusals[0])


def words(degree: Degree) -> str:
    """Name the fields of a Network that are true in this degree."""
    files, namespaces = degree.private_files, degree.user_namespace
    return " ".join(["private", *["files"] * files, *["namespaces"] * namespaces])


def tell(words: str, why: str) -> str:
    """Leave it in the environment, for network(); return the line about what was refused."""
    os.environ[MODE] = f"{words}: {why}; {remedy(why)}" if why else words
    return str(network()) if why else ""


def allow_enough_descriptors() -> None:
    """Raise a soft limit that somebody has lowered: lessons use numbers up to 1000."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft not in range(DESCRIPTORS):
        return
    enough = min(DESCRIPTORS, hard) if hard != resource.RLIM_INFINITY else DESCRIPTORS
    resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))
