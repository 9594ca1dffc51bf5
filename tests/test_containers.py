"""The course in containers: what each option gives, a learner's start, a container for each user.

Where no Docker daemon answers, `.ci/containers` starts one that leaves nothing behind.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from platform import machine
from typing import NamedTuple
from urllib.error import HTTPError

import pytest
from test_deploy import PROFILE, ROOT, compose_service
from test_hub import CONFIG, course, each_has_a_network, proxy, reserved
from test_kernel import Channel, api

from sockutils.course.source import lessons

__all__ = ["proxy"]

NAME = f"sockutils-test-{os.getpid()}"  # of all that these tests make
PATIENCE = 60  # seconds, for a machine that is busy with something else

ONCE = ["docker", "run", "--rm", f"--name={NAME}"]
PROCESSORS = {"x86_64": "amd64", "aarch64": "arm64"}
# Docker takes apparmor=unconfined where there is no AppArmor, too.
NO_APPARMOR = ["--security-opt", "apparmor=unconfined"]
OURS = ["--security-opt", f"seccomp={ROOT}/deploy/seccomp.json", *NO_APPARMOR]
UNCONFINED = ["--security-opt", "seccomp=unconfined", *NO_APPARMOR]
SYS_ADMIN = ["--cap-add", "SYS_ADMIN", *NO_APPARMOR]
SYSTEM_PATHS = ["--security-opt", "systempaths=unconfined"]
NO_POWERS = ["--cap-drop", "ALL", "--security-opt", "no-new-privileges:true"]
AS_IN_COMPOSE = ["--init", *OURS, *SYSTEM_PATHS, *NO_POWERS]
ROOTS = ["--user", "0"]

# Which of these a learner has: a private network, captures, private files in /etc, sysctls.
PROBE = """
import json
from sockutils import needs

def can(thing):
    try:
        needs(thing)
    except OSError:
        return False
    return True

things = "network", "capture", "/etc/hosts", "/proc/sys/net/core/somaxconn"
print(json.dumps([can(thing) for thing in things]))
"""
NOTHING = [False, False, False, False]
CAPTURES = [False, True, False, False]  # Docker leaves CAP_NET_RAW to root
NO_FILES = [True, True, False, False]
READ_ONLY = [True, True, True, False]
EVERYTHING = [True, True, True, True]

# The settings that administrators get, but on this machine's own network: hub and containers reach
# each other at 127.0.0.1, for a test sends to no other address.
CONTAINER_EACH = """
load_subconfig("{root}/deploy/jupyterhub_config.py")
del c.JupyterHub["hub_ip"]
from dockerspawner import DockerSpawner
class OnThisNetwork(DockerSpawner):
    async def get_ip_and_port(self):
        return "127.0.0.1", self.port
c.JupyterHub.spawner_class = OnThisNetwork
c.DockerSpawner.network_name, c.DockerSpawner.use_internal_ip = "host", True
c.DockerSpawner.ip = "127.0.0.1"
c.DockerSpawner.image, c.DockerSpawner.prefix = "{image}", "{name}"
c.DockerSpawner.volumes = {{"{name}-{{username}}": "/home/learner"}}
c.DockerSpawner.cmd = "jupyterhub-singleuser"
c.DockerSpawner.args = c.DockerSpawner.env_keep = []
"""


def no_daemon() -> str:
    """Why containers cannot be tried here, or nothing."""
    if not shutil.which("docker"):
        return "there is no docker here"
    command = ["docker", "version", "--format", "{{.Server.Os}}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"no Docker daemon answers: {done.stderr.strip()}"
    return "" if done.stdout.strip() == "linux" else f"containers are {done.stdout.strip()}'s here"


MISSING = no_daemon()
pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=MISSING),
    pytest.mark.timeout(15 * PATIENCE),  # the first test builds the image
]


def run(*command: str, patience: int = PATIENCE) -> str:
    """Run it, show what it said where the test fails, and return what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=patience, check=False)
    print(*command, done.stdout, done.stderr, sep="\n")
    assert done.returncode == 0
    return done.stdout


def removed() -> list[str]:
    """Remove what has our name, and return it: containers, volumes, networks."""
    everything = []
    for kind, options in (("container", ["--all"]), ("volume", []), ("network", [])):
        found = run("docker", kind, "ls", *options, "--quiet", "--filter", f"name={NAME}").split()
        if found:
            run("docker", kind, "rm", *["--force"] * (kind != "network"), *found)
        everything += found
    return everything


@contextmanager
def built(name: str, file: str, context: Path, given: dict[str, str]) -> Iterator[str]:
    arguments = [f"--build-arg={each}={value}" for each, value in given.items()]
    command = [
        "docker",
        "build",
        "--quiet",
        "--force-rm",
        "--tag",
        name,
        "--file",
        f"{ROOT / file}",
    ]
    run(*command, *arguments, str(context), patience=10 * PATIENCE)
    yield name
    left = removed()
    run("docker", "rmi", name)
    assert not left


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """The course's image, with the environment's BASE and PACKAGES as compose.yaml has them."""
    given = {name: os.environ[name] for name in ("BASE", "PACKAGES") if name in os.environ}
    with built(NAME, "Containerfile", ROOT, given) as name:
        yield name


@pytest.fixture(scope="module")
def hub_image(image: str) -> Iterator[str]:
    """The image for a Hub, with what it takes to test a lesson."""
    names = ("jupyterhub", "nbval", "psutil", "pytest", "pytest-timeout", "pytest-xdist")
    packages = " ".join(f"{name}=={version(name)}" for name in names)
    given = {"BASE": image, "PACKAGES": packages}
    with built(f"{NAME}-hub", "deploy/Containerfile", ROOT / "deploy", given) as name:
        yield name


def powers(image: str, *options: str) -> list[bool]:
    command = ["python", "-m", "sockutils.kernel", "run", "python", "-c", PROBE]
    told: list[bool] = json.loads(run(*ONCE, *options, image, *command))
    return told


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        pytest.param([], NOTHING, id="Docker's own options"),
        pytest.param(ROOTS, CAPTURES, id="Docker's own options, root"),
        pytest.param(OURS, READ_ONLY, id="our profile"),
        pytest.param([*OURS, *ROOTS], READ_ONLY, id="our profile, root"),
        pytest.param(UNCONFINED, READ_ONLY, id="no profile"),
        pytest.param([*UNCONFINED, *ROOTS], READ_ONLY, id="no profile, root"),
        pytest.param(SYS_ADMIN, READ_ONLY, id="CAP_SYS_ADMIN"),
        pytest.param([*SYS_ADMIN, *ROOTS], READ_ONLY, id="CAP_SYS_ADMIN, root"),
        pytest.param([*OURS, *SYSTEM_PATHS], EVERYTHING, id="our profile, system paths"),
        pytest.param(AS_IN_COMPOSE, EVERYTHING, id="as in compose.yaml"),
    ],
)
def test_what_the_options_give(image: str, options: list[str], wanted: list[bool]) -> None:
    assert powers(image, *options) == wanted


@pytest.mark.parametrize(
    ("call", "wanted"), [("unshare", NOTHING), ("mount", NO_FILES), ("umount2", NO_FILES)]
)
def test_the_profile_allows_no_call_in_vain(
    image: str, tmp_path: Path, call: str, wanted: list[bool]
) -> None:
    *others, unshare, mount = PROFILE["syscalls"]
    for rule in (unshare, mount):
        names = [name for name in rule["names"] if name != call]
        others += [{**rule, "names": names}] if names else []
    (tmp_path / "less.json").write_text(json.dumps({**PROFILE, "syscalls": others}))
    profile = f"seccomp={tmp_path}/less.json"
    assert powers(image, "--security-opt", profile, *NO_APPARMOR) == wanted


def test_the_profile_for_kubernetes(image: str, tmp_path: Path) -> None:
    script = str(ROOT / "deploy/seccomp_for_kubernetes.py")
    (tmp_path / "oci.json").write_text(run(sys.executable, script, PROCESSORS[machine()]))
    profile = f"seccomp={tmp_path}/oci.json"
    assert powers(image, "--security-opt", profile, *NO_APPARMOR, *NO_POWERS) == READ_ONLY


@pytest.mark.parametrize("lesson", ["03_listen", "05_connect", "09_resolvers"])
def test_lesson(hub_image: str, lesson: str) -> None:
    files = ("conftest.py", "pyproject.toml", "notebooks", "sockutils")
    options = [f"--volume={ROOT / name}:/checkout/{name}:ro" for name in files]
    options += ["--device=/dev/net/tun"] if Path("/dev/net/tun").exists() else []
    command = ["pytest", "-p", "no:cacheprovider", "--nbval", "--nbval-cell-timeout=60"]
    command += [f"/checkout/notebooks/{lesson}.ipynb"]
    everything = [*ONCE, *AS_IN_COMPOSE, *options, hub_image, *command]
    told = run(*everything, patience=5 * PATIENCE)
    skipped = [line for line in told.splitlines() if line.startswith("SKIPPED")]
    assert all(
        "/dev/net/tun" in line for line in skipped
    )  # not every system lets a learner open it


class Way(NamedTuple):
    """How a learner starts the course, and what else they may do: commands."""

    start: list[str]
    log: list[str]
    shell: list[str]
    stop: list[str]
    remove: list[str]


def by_compose() -> Way:
    command = ["docker", "compose", "--project-name", NAME, "--file", str(ROOT / "compose.yaml")]
    probe = subprocess.run([*command, "config", "--quiet"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("there is no docker compose here")
    return Way(
        [*command, "up", "--detach"],
        [*command, "logs"],
        [*command, "exec", "-T", "course", "sh", "-c"],
        [*command, "down"],
        [*command, "down", "--volumes", "--rmi", "local"],
    )


def by_docker(image: str) -> Way:
    """What compose.yaml says, in the words of Docker's own client."""
    service = compose_service()
    words = [f"--volume={NAME}_{volume}" for volume in service["volumes"]]
    words += [f"--env={name}={value}" for name, value in service["environment"].items()]
    words += [f"--cap-drop={name}" for name in service["cap_drop"]]
    words += [f"--security-opt={option}" for option in service["security_opt"]]
    words += [f"--publish={port}" for port in service["ports"]]
    words += [f"--device={device}" for device in service["devices"]]
    return Way(
        ["docker", "run", "--detach", "--init", f"--name={NAME}", *words, image],
        ["sh", "-c", f"docker logs {NAME} 2>&1"],
        ["docker", "exec", NAME, "sh", "-c"],
        ["docker", "rm", "--force", NAME],
        ["docker", "volume", "rm", "--force", f"{NAME}_learner"],
    )


@pytest.fixture(params=["docker compose up", "docker run"])
def way(request: pytest.FixtureRequest, image: str) -> Iterator[Way]:
    with reserved(1) as (port,), pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)  # compose.yaml names the profile from there
        patch.setenv("PORT", str(port))
        if not Path("/dev/net/tun").exists():
            patch.setenv("TUN", "/dev/null")
        chosen = by_compose() if "compose" in request.param else by_docker(image)
        yield chosen
        run(*chosen.stop)
        run(*chosen.remove)


def started(way: Way) -> tuple[str, str]:
    """Start it; return the address and the token that it prints for the learner."""
    run(*way.start, patience=10 * PATIENCE)
    deadline = time.monotonic() + PATIENCE
    while not (found := re.findall(r"(http://\S+/)lab/\S+token=(\w+)", run(*way.log))):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert len(set(found)) == 1  # there is but one to click
    return str(found[0][0]), str(found[0][1])


def test_a_learner_starts_it_and_comes_back(way: Way) -> None:
    url, token = started(way)
    assert url == f"http://127.0.0.1:{os.environ['PORT']}/"
    with pytest.raises(HTTPError, match="403"):
        api("GET", f"{url}api/contents", "wrong")
    shown = {entry["name"] for entry in api("GET", f"{url}api/contents", token)["content"]}
    assert shown == {name.partition("/")[0] for name in lessons()}
    use_a_kernel(url, token)
    run(*way.shell, "echo mine >notebooks/00_start_here.ipynb; rm notebooks/03*")
    run(*way.stop)
    started(way)
    kept = run(*way.shell, "cat notebooks/00_start_here.ipynb; ls notebooks/03*")
    assert kept.split() == ["mine", "notebooks/03_listen.ipynb"]


def use_a_kernel(url: str, token: str) -> None:
    """Everything is private, a blocked accept() can be interrupted, and the kernel restarted."""
    identity = api("POST", f"{url}api/kernels", token, {"name": "sockutils"})["id"]
    channel = Channel(url, token, identity)
    try:
        assert json.loads(channel.run(PROBE)) == EVERYTHING
        sent = channel.send(
            "import socket; server = socket.create_server(('127.0.0.1', 5000))\n"
            "print('waiting', flush=True); server.accept()"
        )
        channel.wait(lambda message: message["content"].get("text") == "waiting\n")
        api("POST", f"{url}api/kernels/{identity}/interrupt", token)
        reply = channel.wait(
            lambda message: (
                message["parent_header"].get("msg_id") == sent
                and message["msg_type"] == "execute_reply"
            )
        )
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        api("POST", f"{url}api/kernels/{identity}/restart", token)
        channel.reconnect()
        assert json.loads(channel.run(PROBE)) == EVERYTHING
    finally:
        channel.socket.close()
        api("DELETE", f"{url}api/kernels/{identity}", token)


def test_a_volume_of_somebody_else(image: str) -> None:
    command = [*ONCE, "--tmpfs", "/home/learner:mode=755", image]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode != 0
    (line,) = [text for text in done.stderr.splitlines() if "Who owns the volume?" in text]
    assert "Permission denied" in line


def test_users_of_a_hub_have_a_container_and_a_network_each(hub_image: str, proxy: str) -> None:
    settings = CONTAINER_EACH.format(root=ROOT, image=hub_image, name=NAME)
    try:
        answers = course([sys.executable], 3, config=CONFIG + settings)
    finally:
        left = removed()
    # Their volumes are left; DockerSpawner writes a hyphen as -2d.
    assert sorted(left) == [f"{NAME}-user-2d{number}" for number in range(3)]
    assert each_has_a_network(answers, 3)
