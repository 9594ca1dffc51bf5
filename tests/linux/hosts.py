"""Run the notebooks on hosts that restrict what a lesson may do: virtual machines, made for this.

python tests/linux/hosts.py [--kernel NAME] [HOST...] [-- NOTEBOOK...]

On each host the kernel has to be as private as can be and to say in one line what forbids more; the
cells that need more have to stop with a line that says the same, and all others to give the outputs
that are stored. Without a name it is every host below, without a notebook all of them. What a host
printed is in build/linux/out/HOST.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from itertools import dropwhile, takewhile
from pathlib import Path
from typing import NamedTuple

from apparmor import PROFILES, load, parser
from archive import FOLDER, fetch

ROOT = Path(__file__).parents[2]
BOOT = Path(__file__).with_name("boot")
KERNEL = "6.1-um"
MANY = 30  # lines that are enough to see what is wrong
NOBODY, LEARNER = "", "65534"  # whom boot's RUN_AS makes of it: root, an ordinary user
PRIVATE = "private network: no packet comes in, none goes out, every port is free"
NO_FILES = "private network, but without private files in /etc: mount(): Permission denied; "
NO_SPACE = "shared network: unshare(): No space left on device; "
TUN = "needs to write /dev/net/tun, and this system "
# User-mode Linux has no /proc/PID/syscall, and Popen() returns before its child runs the program.
USER_MODE = (r"/syscall tells nothing on this kernel", r"python \(a child of this notebook\)")
# Before Linux 6.3 nobody sees this file in a user namespace's network.
OLD = ("this cell needs to write /proc/sys/net/core/somaxconn, and this system has no such file",)
DISTRIBUTION = "/run/modprobe -a ipv6"  # what every distribution has before anybody logs in


def without(*modules: str) -> str:
    """Let Linux find none of these modules, by the names by which it asks for them; modprobe(8)."""
    script = f'case "$*" in {"|".join(f"*{name}" for name in modules)}) exit 1 ;; esac'
    lines = ["#!/bin/sh", script, 'exec /run/modprobe "$@"']
    return f"""printf '%s\\n' {shlex.join(lines)} >/run/without && chmod +x /run/without &&
        echo /run/without >/proc/sys/kernel/modprobe"""


class Host(NamedTuple):
    """A machine, how its kernel's line begins, and with what cells may stop there (patterns)."""

    says: str = PRIVATE
    stops: tuple[str, ...] = ()
    setup: str = ":"  # shell text, run by root before anybody is there
    boots_with: str = ""  # on the kernel's command line
    profile: str = ""  # of AppArmor, that a learner is confined by
    user: str = LEARNER
    kernel: str = ""


HOSTS = {
    "debian-root": Host(user=NOBODY),
    "userns-clone": Host(
        "shared network: unshare(): Operation not permitted; "
        "allow it with: sudo sysctl kernel.unprivileged_userns_clone=1",
        setup="sysctl kernel.unprivileged_userns_clone=0",
    ),
    "userns-clone-root": Host(user=NOBODY, setup="sysctl kernel.unprivileged_userns_clone=0"),
    "net-namespaces": Host(
        f"{NO_SPACE}allow it with: sudo sysctl user.max_net_namespaces=10000",
        setup="sysctl user.max_net_namespaces=0",
    ),
    "net-namespaces-root": Host(
        f"{NO_SPACE}allow it with: sudo sysctl user.max_net_namespaces=10000",
        setup="sysctl user.max_net_namespaces=0",
        user=NOBODY,
    ),
    "apparmor-mount": Host(
        f"{NO_FILES}the AppArmor profile course-no-mount forbids it; ", profile="course-no-mount"
    ),
    # What Ubuntu 24.04 makes of a program that no profile allows user namespaces.
    "apparmor-powers": Host(
        "shared network: unshare(): Operation not permitted; "
        "the AppArmor profile course-no-powers forbids it; ",
        profile="course-no-powers",
    ),
    "apparmor-users": Host(
        "shared network: unshare(): Permission denied; "
        "the AppArmor profile course-no-users forbids it; ",
        profile="course-no-users",
        kernel="6.12",  # the first with this is 6.7
    ),
    "no-tun": Host(
        stops=(rf"{TUN}has no such file \(sudo modprobe tun, ",), setup="rm /dev/net/tun"
    ),
    "no-tun-module": Host(
        stops=(rf"{TUN}does not allow it \(sudo modprobe tun, ",),
        setup=without("char-major-10-200"),
    ),
    "no-diag": Host(
        setup=without(*(f"net-pf-16-proto-4-type-{name}" for name in ("2-17", "10-17", "1"))),
    ),
    "small-buffers": Host(setup="sysctl net.core.rmem_max=212992 net.core.wmem_max=212992"),
    "no-ipv6": Host(
        stops=(
            "this cell needs IPv6, and this system has none",
            "it shows IPv6, and there is none",
            "this cell needs to write /proc/sys/net/ipv6/.*, and this system has no such file",
        ),
        boots_with="ipv6.disable=1",
    ),
    "little-memory": Host(
        setup="""group=/sys/fs/cgroup; mount -t cgroup2 group $group
            echo +memory >$group/cgroup.subtree_control; mkdir $group/course
            echo 512M >$group/course/memory.max; echo $$ >$group/course/cgroup.procs"""
    ),
    "few-descriptors": Host(setup="ulimit -Sn 256"),
    "fewest-descriptors": Host(
        stops=(r"no descriptor \d+ here: ulimit -Hn, the hard limit, is 256",),
        setup="ulimit -n 256",
    ),
    "clock": Host(
        # Of a cell that may raise, nbval tells no more than that it has no output.
        stops=("the machine's clock was set, or it slept", "Missing output fields from running"),
        # Not by more: Jupyter's clients wait for a kernel by this clock.
        setup="""while sleep 0.5; do
            for way in + -; do date -s "@$(($(date +%s) $way 100))" >/dev/null; sleep 0.5; done
        done & """,
    ),
}

SKIPPED = r"^SKIPPED \[\d+\] .*?: (?:.*\[Errno 1\] )?(.*)$"
TELL = ".venv/bin/python -m sockutils.kernel run .venv/bin/python -c"
NETWORK = f"{TELL} 'import sockutils; print(sockutils.network())' 2>/dev/null"
PYTEST = ".venv/bin/python -m pytest -q -rfEs --tb=short -p no:cacheprovider -n0 --nbval"


def command(host: Host, notebooks: list[str]) -> str:
    """What sh does there: say how private it is, then run pytest."""
    enter = f"printf 'exec {host.profile}' >/proc/self/attr/exec" if host.profile else ":"
    pytest = f"{PYTEST} --nbval-cell-timeout=900 {shlex.join(notebooks or ['notebooks'])}"
    confined = f'confined() {{ ({enter} && exec sh -c "$1"); }}'
    calls = [f"confined {shlex.quote(text)}" for text in (NETWORK, pytest)]
    return "\n".join([confined, *calls])


def boot(name: str, host: Host, kernel: str, notebooks: list[str]) -> Path:
    """Run the notebooks on that host; return the folder with what it printed."""
    out = FOLDER / "out" / name
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    setup = [DISTRIBUTION, host.setup]
    append = host.boots_with
    if host.profile:
        shutil.copytree(parser(), out / "apparmor", symlinks=True)
        (out / "profiles").write_text(PROFILES)
        setup.insert(0, load("/out/apparmor", "/out/profiles"))
        append += " apparmor=1 security=apparmor"
    wanted = {"OUT": str(out), "PROJECT": str(ROOT), "SETUP": "\n".join(setup), "APPEND": append}
    if host.user:
        wanted["RUN_AS"] = host.user
    there = [str(BOOT), str(fetch(host.kernel or kernel)), command(host, notebooks)]
    subprocess.run(there, env={"LIMIT": "10800", **os.environ, **wanted}, check=False)
    return out


def wrong(host: Host, out: Path, kernel: str) -> list[str]:
    """What is not as it should be, a line each."""
    if not (out / "status").exists():
        return ["it did not come as far as the lessons"]
    booted = host.kernel or kernel
    old = OLD * bool(re.match(r"5\.10|6\.1\b", booted))
    line, _, told = (out / "stdout").read_text(errors="replace").partition("\n")
    found = [] if line.startswith(host.says) else [f"the kernel says: {line}"]
    why = line.partition(": ")[2] if line != PRIVATE else None
    expected = [*host.stops, *old] if why is None else [*host.stops, *old, re.escape(why)]
    reasons = [one for one in set(re.findall(SKIPPED, told, re.M)) if not any_in(expected, one)]
    found += [f"a cell stops with: {reason}" for reason in reasons]
    excused = (*host.stops, *USER_MODE * booted.endswith("-um"))
    found += [f"{case} fails" for case, text in failures(told) if not any_in(excused, text)]
    return found if re.search(r"\b\d+ passed", told) else [*found, "nothing has run"]


def any_in(patterns: Iterable[str], text: str) -> bool:
    return any(re.search(pattern, text) for pattern in patterns)


def failures(told: str) -> Iterator[tuple[str, str]]:
    """Each cell that failed, and what pytest says about it, without colours."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", told)
    _, *parts = re.split(
        r"^_{3,} (.+) _{3,}$", plain.partition("short test summary")[0], flags=re.M
    )
    yield from zip(parts[::2], parts[1::2], strict=True)


def total(out: Path) -> str:
    """The last line of pytest's."""
    file = out / "stdout"
    return file.read_text(errors="replace").strip().rpartition("\n")[2] if file.exists() else ""


def main(arguments: list[str]) -> int:
    if "--help" in arguments:
        print(__doc__, " ".join(HOSTS), sep="\n")
        return 0
    kernel = KERNEL
    if arguments[:1] == ["--kernel"]:
        kernel, arguments = arguments[1], arguments[2:]
    names = [*takewhile("--".__ne__, arguments)] or [*HOSTS]
    notebooks = [*dropwhile("--".__ne__, arguments)][1:]
    failed = False
    for name in names:
        out = boot(name, HOSTS[name], kernel, notebooks)
        lines = wrong(HOSTS[name], out, kernel)
        verdict = f"WRONG, see {out.relative_to(ROOT)}" if lines else "as it should be"
        print(f"{name}: {verdict}, {total(out)}", flush=True)
        print(*(f"  {line}\n" for line in lines[:MANY]), sep="", end="", flush=True)
        failed = failed or bool(lines)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
