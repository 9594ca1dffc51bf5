"""How private a network is, and what each degree keeps from the host."""

import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from kernels import PATIENCE, PRIVATE, kernel
from test_kernel import (
    HERE,
    LISTEN,
    NOBODY,
    jupyter_path,
    leaves_nothing,
    needs_namespaces,
    ordinary_python,
)

from sockutils.kernel import degrees
from sockutils.kernel.degrees import PROFILE
from sockutils.kernel.namespaces import for_private_use

FACTS = """
import errno, os, socket
from pathlib import Path
from sockutils.kernel.network import network
print(network())
print(os.getuid(), os.getpid() == Path('/proc/self').resolve().name)
status = dict(line.split(':', 1) for line in Path('/proc/self/status').read_text().splitlines())
print([status[kind].strip() for kind in ('CapEff', 'CapBnd', 'CapAmb')])
try:
    socket.socket().bind(('127.0.0.1', 80))
except OSError as error:
    print(errno.errorcode[error.errno])
Path('/etc/hosts').write_text('127.0.0.9 course.example\\n')
ports = Path('/proc/sys/net/ipv4/ip_local_port_range')
ports.write_text('40000 40003')
print(socket.gethostbyname('course.example'), *ports.read_text().split())
print([line for line in Path('/etc/nsswitch.conf').read_text().splitlines() if 'hosts:' in line])
socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM).bind(('lo', 3))
"""


@needs_namespaces
def test_private_network_facts() -> None:
    hosts = Path("/etc/hosts").read_bytes()
    with leaves_nothing(), kernel() as (_, run):
        told = run(FACTS).splitlines()
    assert told[0].startswith("private network: ")
    assert told[1] == f"{os.getuid()} False"
    # CAP_NET_ADMIN and CAP_NET_RAW, and for root CAP_SETFCAP
    assert told[2] == str(["0000000000003000" if os.getuid() else "0000000080003000"] * 3)
    assert told[3] == "EACCES"
    assert told[4] == "127.0.0.9 40000 40003"
    assert told[5] == "['hosts: files dns']"
    assert len(told) == 6  # AF_PACKET did not fail
    assert Path("/etc/hosts").read_bytes() == hosts


@needs_namespaces
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_private_network_for_an_ordinary_user(tmp_path: Path) -> None:
    command = ordinary_python()
    if command is None:
        pytest.skip("no Python with our packages is readable for other users here")
    home = Path(tempfile.mkdtemp(dir="/tmp"))
    os.chown(home, NOBODY, NOBODY)
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "JUPYTER_PATH": jupyter_path()}
    done = subprocess.run(
        [*command, str(HERE / "kernels.py"), FACTS],
        env=environment,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    subprocess.run(["rm", "-rf", str(home)], check=True)
    told = done.stdout.splitlines()
    assert told[0].startswith("private network: "), done.stderr
    assert told[1] == f"{NOBODY} False"
    assert told[2] == str(["0000000000003000"] * 3)
    assert told[3:5] == ["EACCES", "127.0.0.9 40000 40003"]


@needs_namespaces
def test_a_private_network_inside_another(private: Callable[[str], str]) -> None:
    inner = "import sockutils; print(sockutils.network()); import socket; " + LISTEN
    printed = private(
        f"import socket, subprocess, sys\n{LISTEN}\n"
        f"subprocess.run([*{PRIVATE!r}, sys.executable, '-c', {inner!r}], check=True)"
    )
    assert sorted(printed.splitlines())[:2] == ["listening", "listening"]
    assert "\nprivate network: " in "\n" + printed


# Runs where /etc is a scratch copy; the replacement is what a change of networks does.
REPLACE = f"""
import os, subprocess, sys
from pathlib import Path

inside = '''
print("ready", flush=True)
input()
try:
    print(open("/etc/resolv.conf", "a").write("from inside"))
except OSError as error:
    print(type(error).__name__, error.errno)
'''
command = [*{PRIVATE!r}, sys.executable, "-c", inside]
with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
    print(child.stdout.readline(), end="")
    Path("/etc/new").write_text("from outside")
    os.rename("/etc/new", "/etc/resolv.conf")
    print(child.communicate("\\n")[0] + Path("/etc/resolv.conf").read_text())
"""


@needs_namespaces
def test_a_file_that_is_replaced_outside_cannot_be_written_inside() -> None:
    files = "/etc/hosts /etc/resolv.conf /etc/nsswitch.conf /etc/passwd"
    copies = f'mount -t tmpfs none /mnt && cp {files} /mnt && mount --bind /mnt /etc && exec "$@"'
    command = ["unshare", "-Urm", "sh", "-c", copies, "sh", sys.executable, "-c", REPLACE]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == f"ready\nOSError {errno.EROFS}\nfrom outside\n"


def test_names_are_asked_of_files_and_dns_only() -> None:
    known = b"passwd: files\n  hosts: resolve [!UNAVAIL=return] dns # all\nnetworks: files"
    wanted = b"hosts: files dns\npasswd: files\nnetworks: files"
    assert for_private_use("/etc/nsswitch.conf", known) == wanted
    assert for_private_use("/etc/nsswitch.conf", b"") == b"hosts: files dns\n"
    assert for_private_use("/etc/hosts", b"x").startswith(b"127.0.0.1 localhost\n")
    assert for_private_use("/etc/gai.conf", known) == known


LOCAL = b"127.0.0.1 localhost\n::1 localhost\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b""),
        (LOCAL, b""),
        (b"127.0.0.1\tlocalhost  # me", b""),
        (b"127.0.0.1 localhost vm\n\n# localhost\n", b"127.0.0.1 vm\n\n# localhost\n"),
        (b"::1 ip6-localhost localhost ip6-loopback", b"::1 ip6-localhost ip6-loopback\n"),
        (b"10.0.0.9 localhost.example\n192.0.2.1 x", b"10.0.0.9 localhost.example\n192.0.2.1 x"),
    ],
)
def test_the_private_hosts_has_localhost_once(before: bytes, after: bytes) -> None:
    assert for_private_use("/etc/hosts", before) == LOCAL + after


ADDRESSES = """
import socket
found = [each[4][0] for each in socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)]
print(len(found) - len({*found}))
"""


@needs_namespaces
def test_localhost_has_each_address_once() -> None:
    command = [sys.executable, "-m", "sockutils.kernel", "run", sys.executable, "-c", ADDRESSES]
    assert subprocess.check_output(command, text=True).splitlines()[-1] == "0"


@pytest.mark.parametrize(
    ("before", "after"), [((256, 4096), 1024), ((99, 500), 500), ((2000, 4096), 2000)]
)
def test_a_low_limit_of_descriptors_is_raised(before: tuple[int, int], after: int) -> None:
    limits = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, {before})\n"
    told = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE))"
    command = [*PRIVATE, sys.executable, "-c", told]
    lowered = [sys.executable, "-c", f"{limits}import os; os.execv({command[0]!r}, {command})"]
    done = subprocess.run(lowered, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == f"({after}, {before[1]})\n"


MACHINE = [sys.executable, str(HERE / "machine.py")]
SYSCTL = "/proc/sys/net/ipv4/tcp_syn_retries"
THINGS = [
    "network",
    "capture",
    "namespaces",
    "mount",
    "/etc/hosts",
    SYSCTL,
]
TRY = f"""
from sockutils import needs, network
print(network())
for thing in {THINGS}:
    try:
        needs(thing)
    except PermissionError:
        print(thing)
"""
AS_ROOT = os.getuid() == 0
MOUNT = "mount(): Permission denied; a seccomp filter forbids it; Docker: --security-opt seccomp="
USERS = "unshare(): No space left on device; allow it with: sudo sysctl user.max_user_namespaces="


@needs_namespaces
@pytest.mark.parametrize(
    ("conditions", "line", "missing"),
    [
        ([], "private network: ", []),
        (
            ["no-mount"],
            f"private network, but without private files in /etc: {MOUNT}",
            ["mount", "/etc/hosts"],
        ),
        (
            ["no-users"],
            f"private network, but without user namespaces: {USERS}",
            ["namespaces", "mount"],
        ),
        (
            ["no-users", "no-mount"],
            f"private network, but without private files in /etc and user namespaces: {MOUNT}",
            ["namespaces", "mount", "/etc/hosts"],
        ),
        (
            ["refused"],
            f"shared network: {USERS}",
            [thing for thing in THINGS if thing != "capture"],
        ),
        (["ordinary", "no-users"], f"shared network: {USERS}", THINGS),
        (
            ["ordinary", "no-mount"],
            f"private network, but without private files in /etc: {MOUNT}",
            ["mount", "/etc/hosts"],
        ),
    ],
    ids=" ".join,
)
def test_degree(conditions: list[str], line: str, missing: list[str]) -> None:
    if not AS_ROOT and "ordinary" not in conditions:
        conditions = ["root", *conditions]
    command = [*MACHINE, *conditions, "--", *PRIVATE, sys.executable, "-c", TRY]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    told, *refused = done.stdout.splitlines()
    assert told.startswith(line)
    assert refused == missing
    assert done.stderr == ("" if not missing else f"{told}\n")


# What a cell that does not ask may touch in the degrees in which the network is private.
TOUCH = f"""
from pathlib import Path
file = Path({SYSCTL!r})
file.write_text("2")
print(file.read_text().strip())
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print([status[kind].strip() for kind in ("CapEff", "CapBnd")])
"""


@needs_namespaces
@pytest.mark.parametrize("conditions", [[], ["no-mount"], ["no-users"], ["no-users", "no-mount"]])
def test_a_private_network_has_settings_and_few_powers_in_every_degree(
    conditions: list[str],
) -> None:
    before = Path(SYSCTL).read_text()
    root = [] if AS_ROOT else ["root"]
    command = [*MACHINE, *root, *conditions, "--", *PRIVATE, sys.executable, "-c", TOUCH]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.splitlines() == ["2", str(["0000000080003000"] * 2)]
    assert Path(SYSCTL).read_text() == before


def test_threads_that_run_already_mean_a_shared_network() -> None:
    code = """
import threading
from sockutils.kernel.degrees import enter_private_network
end = threading.Event()
threading.Thread(target=end.wait).start()
print(enter_private_network())
end.set()
"""
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.startswith("shared network: ")


SWITCH = "kernel/apparmor_restrict_unprivileged_userns"
REFUSED, DENIED = (f"unshare(): {os.strerror(number)}" for number in (errno.EPERM, errno.EACCES))
MOUNT_DENIED = f"mount(): {os.strerror(errno.EACCES)}"
CONFINED, FILTERED = b"docker-default (enforce)\n", b"Seccomp:\t2\n"
ALLOW = f"allow it with: sudo sysctl {SWITCH.replace('/', '.')}=0"
PROFILE_SAYS = "the AppArmor profile docker-default forbids it; Docker: --security-opt apparmor="
FILTER_SAYS = "a seccomp filter forbids it; Docker: --security-opt seccomp=unconfined"


@pytest.mark.parametrize(
    ("why", "profile", "filtered", "switch", "told"),
    [
        pytest.param(REFUSED, b"unconfined\n", b"", b"1", ALLOW, id="Ubuntu"),
        pytest.param(REFUSED, CONFINED, FILTERED, b"1", FILTER_SAYS, id="Docker on Ubuntu"),
        pytest.param(REFUSED, CONFINED, FILTERED, b"", FILTER_SAYS, id="Docker on Debian"),
        pytest.param(MOUNT_DENIED, CONFINED, FILTERED, b"1", PROFILE_SAYS, id="without its filter"),
        pytest.param(DENIED, CONFINED, b"", b"0", PROFILE_SAYS, id="a profile without userns"),
        pytest.param(REFUSED, CONFINED, b"", b"1", PROFILE_SAYS, id="without its capabilities"),
        pytest.param(REFUSED, b"", b"", b"", "it needs Linux with user namespaces", id="other"),
    ],
)
def test_the_switch_is_named_that_refuses(
    why: str, profile: bytes, filtered: bytes, switch: bytes, told: str
) -> None:
    shown = {PROFILE: profile, f"/proc/sys/{SWITCH}": switch, "/proc/self/status": filtered}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(degrees, "read", lambda path: shown.get(path, b""))
        assert degrees.remedy(why).startswith(told)
