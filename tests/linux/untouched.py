"""Run the notebooks on a virtual machine, and compare the machine before and after.

python tests/linux/untouched.py [--kernel NAME] [NOTEBOOK...]

As root and as an ordinary user, nothing may differ: no kernel module, no setting, no mount, no
interface, no rule of a firewall, no device, no file in /etc. What may is in ALLOWED, with the
reason. What was seen is in build/linux/out/untouched-USER.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from archive import FOLDER, fetch
from hosts import total

ROOT = Path(__file__).parents[2]
BOOT = Path(__file__).with_name("boot")
KERNEL = "6.1-um"
MANY = 30  # lines that are enough to see what is wrong
USERS = {"learner": "65534", "root": ""}
PYTEST = ".venv/bin/python -m pytest -q -rs --tb=line -p no:cacheprovider -n0 --nbval"

# What is looked at, by root in the first network: a name, and shell text that lists it.
# The firewall first: to look at it loads modules, which then are there before and after.
LOOKS = {
    "firewall": "nft list ruleset 2>/dev/null; iptables-save 2>/dev/null",
    "modules": "cut -d' ' -f1 /proc/modules",
    "requests": "cat /run/requests 2>/dev/null",
    "settings": "sysctl -a 2>/dev/null",
    "mounts": "cut -d' ' -f1-4 /proc/mounts",
    "interfaces": "ip -o link; ip -o address; ip route; ip -6 route; ip rule",
    "devices": "ls -l --time-style=+ /dev /dev/net /dev/shm",
    "files": "find /etc -printf '%p %s %T@\\n'",
    "temporary": "ls -A /tmp /var/tmp /run",
    "namespaces": "lsns -n -o TYPE,COMMAND",
    "processes": "ps -eo ppid,comm | awk '$1 != 2 && $1 != 0' | grep -vE 'ps|awk|sort|grep| sh$'",
}

# What may differ: the look, a pattern for the whole line, the reason.
ASKED = (
    "the table of sockets is read through it, as `ss` does; lesson 00 says so where it first asks"
)
LINK = "a Link's driver: /dev/net/tun is there for everybody, and loads it; lesson 02 says so"
ALLOWED = [
    ("modules", r"(inet|tcp|unix)_diag", ASKED),
    ("requests", r"net-pf-16-proto-4-type-(1|(2|10)(-6)?)", ASKED),
    ("modules", "tun", LINK),
    ("requests", "char-major-10-200", LINK),
    (
        "settings",
        r"(fs\.(dentry-state|file-nr|inode-nr|inode-state)|kernel\.(random\.|ns_last_pid)).*",
        "what Linux counts, and not what it is told",
    ),
]


def look(when: str) -> str:
    """Shell text that writes each list, sorted, into /out/WHEN."""
    lists = [f"{{ {text}; }} | sort >/out/{when}/{name}" for name, text in LOOKS.items()]
    return "\n".join([f"mkdir -p /out/{when}", *lists])


# modprobe itself, which notes what it was asked for, if there is such a module, and then does it.
LISTEN = """echo '#!/bin/sh
/run/modprobe -n -q "$3" && echo "$3" >>/run/requests
exec /run/modprobe "$@"' >/run/listening
chmod +x /run/listening
echo /run/listening >/proc/sys/kernel/modprobe"""


def seen(user: str, kernel: str, notebooks: list[str]) -> Path:
    """Run the notebooks there; return the folder with what the machine was before and after."""
    out = FOLDER / "out" / f"untouched-{user}"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    pytest = f"{PYTEST} --nbval-cell-timeout=900 {shlex.join(notebooks or ['notebooks'])}"
    run = f"setpriv --reuid {USERS[user]} --regid {USERS[user]} --clear-groups --inh-caps=-all "
    learner = (run if USERS[user] else "") + pytest
    text = f"chmod 777 /tmp/home\n{look('before')}\n{learner}\n{look('after')}"
    wanted = {
        "OUT": str(out),
        "PROJECT": str(ROOT),
        "SETUP": f"/run/modprobe -a ipv6\n: >/run/requests\n{LISTEN}",
    }
    there = [str(BOOT), str(fetch(kernel)), text]
    subprocess.run(there, env={"LIMIT": "10800", **os.environ, **wanted}, check=False)
    return out


def differences(out: Path) -> list[str]:
    """Each line that is there only before or only after, where that is not allowed."""
    found = []
    for name in LOOKS:
        before, after = (lines(out / when / name) for when in ("before", "after"))
        changed = {f"-{line}": line for line in before - after}
        changed |= {f"+{line}": line for line in after - before}
        found += [f"{name}: {shown}" for shown, line in changed.items() if not allowed(name, line)]
    return sorted(found)


def lines(file: Path) -> set[str]:
    return set(file.read_text(errors="replace").splitlines())


def allowed(name: str, line: str) -> bool:
    return any(name == look and re.fullmatch(pattern, line) for look, pattern, _ in ALLOWED)


def main(arguments: list[str]) -> int:
    if "--help" in arguments:
        print(__doc__)
        return 0
    kernel = KERNEL
    if arguments[:1] == ["--kernel"]:
        kernel, arguments = arguments[1], arguments[2:]
    failed = False
    for user in USERS:
        out = seen(user, kernel, arguments)
        found = differences(out) if (out / "after/processes").exists() else ["it broke off"]
        print(f"{user}: {'TOUCHED' if found else 'nothing differs'}, {total(out)}", flush=True)
        print(*(f"  {line}\n" for line in found[:MANY]), sep="", end="", flush=True)
        failed = failed or bool(found)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
