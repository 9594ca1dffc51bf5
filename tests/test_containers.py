"""The course in containers: what each option gives, compose.yaml, and a container for each user.

Where no Docker daemon answers, `.ci/containers` starts one that leaves nothing behind.
"""

import hashlib
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
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
import yaml
from test_hub import CONFIG, course, each_has_a_network, proxy, reserved
from test_kernel import Channel, api

__all__ = ["proxy"]

ROOT = Path(__file__).parent.parent
NAME = f"sockutils-test-{os.getpid()}"  # of all that these tests make
PROFILE = json.loads((ROOT / "deploy/seccomp.json").read_text())
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
PATIENCE = 60  # seconds, for a machine that is busy with something else

# moby v26.1.5, profiles/seccomp/default.json, with sorted keys (see deploy/README.md).
DOCKERS_OWN = "33207991a16d8ac3c779c6fcdb0fc5c8ed41e8580d0110529039753d0db5046d"

OURS = ["--security-opt", f"seccomp={ROOT}/deploy/seccomp.json", "--security-opt"]
OURS += ["apparmor=unconfined"]  # Docker takes it where there is no AppArmor, too
UNCONFINED = ["--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"]
SYSTEM_PATHS = ["--security-opt", "systempaths=unconfined"]
SYS_ADMIN = ["--cap-add", "SYS_ADMIN", "--security-opt", "apparmor=unconfined"]
NO_POWERS = ["--cap-drop", "ALL", "--security-opt", "no-new-privileges:true"]
ROOTS = ["--user", "0"]

PROBE = """
import json
from sockutils import needs, network

def can(*things):
    try:
        needs(*things)
    except OSError:
        return False
    return True

here = network()
sysctl = can("/proc/sys/net/core/somaxconn")
print(json.dumps([here.private, can("/etc/hosts"), can("capture"), sysctl]))
"""
NOTHING = [False, False, False, False]
READ_ONLY = [True, True, True, False]
EVERYTHING = [True, True, True, True]


def run(*command: str, patience: int = PATIENCE) -> str:
    """Run it, show what it said where the test fails, and return what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=patience, check=False)
    print(*command, done.stdout, done.stderr, sep="\n")
    assert done.returncode == 0
    return done.stdout


def docker(*arguments: str, patience: int = PATIENCE) -> str:
    return run("docker", *arguments, patience=patience)


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
in_containers = [
    pytest.mark.skipif(bool(MISSING), reason=MISSING),
    pytest.mark.timeout(15 * PATIENCE),  # the first of them builds the image
]


def made_by_us() -> list[str]:
    lists = (["ps", "--all"], ["volume", "ls"], ["network", "ls"])
    return [
        found
        for words in lists
        for found in docker(*words, "--quiet", "--filter", f"name={NAME}").split()
    ]


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """The image, as compose.yaml would build it; BASE and PACKAGES as in the environment."""
    given = {name: os.environ[name] for name in ("BASE", "PACKAGES") if name in os.environ}
    with built(NAME, ROOT, "Containerfile", given) as name:
        yield name


@pytest.fixture(scope="module")
def hub_image(image: str) -> Iterator[str]:
    """The image for a Hub, with what a lesson's test needs beside it."""
    names = ("jupyterhub", "nbval", "psutil", "pytest", "pytest-timeout", "pytest-xdist")
    packages = " ".join(f"{name}=={version(name)}" for name in names)
    given = {"BASE": image, "PACKAGES": packages}
    with built(f"{NAME}-hub", ROOT / "deploy", "deploy/Containerfile", given) as name:
        yield name


@contextmanager
def built(name: str, context: Path, file: str, given: dict[str, str]) -> Iterator[str]:
    arguments = [word for each in given.items() for word in ("--build-arg", "=".join(each))]
    docker("build", "--quiet", "--force-rm", "--tag", name, "--file", str(ROOT / file), *arguments,
           str(context), patience=10 * PATIENCE)  # fmt: skip
    try:
        yield name
    finally:
        docker("rmi", name)
        assert made_by_us() == []


def test_the_profile_is_dockers_own_and_what_the_kernel_needs() -> None:
    *others, unshare, mount = PROFILE["syscalls"]
    text = json.dumps({**PROFILE, "syscalls": others}, sort_keys=True)
    assert hashlib.sha256(text.encode()).hexdigest() == DOCKERS_OWN
    assert unshare["names"] == ["unshare"]
    # <linux/sched.h>: all of CLONE_NEW* but NEWUSER, NEWNET and NEWNS must be absent.
    kinds = 0x80 | 0x02000000 | 0x04000000 | 0x08000000 | 0x20000000
    assert unshare["args"] == [{"index": 0, "value": kinds, "op": "SCMP_CMP_MASKED_EQ"}]
    assert mount["names"] == ["mount", "umount2"]


def test_every_way_in_has_the_options_of_compose() -> None:
    service = COMPOSE["services"]["course"]
    options = [text.removesuffix("deploy/seccomp.json") for text in service["security_opt"]]
    assert service["cap_drop"] == ["ALL"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    dev_container = (ROOT / ".devcontainer/devcontainer.json").read_text()
    for option in ["--init", "--cap-drop=ALL", *(f"--security-opt={text}" for text in options)]:
        assert f'"{option}' in dev_container
    hub = (ROOT / "deploy/jupyterhub_config.py").read_text()
    for option in [text for text in options if "systempaths" not in text]:
        assert f'"{option}' in hub


class TestContainers:
    pytestmark = in_containers

    @pytest.mark.parametrize(
        ("options", "wanted"),
        [
            pytest.param([], NOTHING, id="Docker's own options"),
            pytest.param(OURS, READ_ONLY, id="our profile"),
            pytest.param([*OURS, *ROOTS], READ_ONLY, id="our profile, root"),
            pytest.param(UNCONFINED, READ_ONLY, id="no profile"),
            pytest.param([*UNCONFINED, *ROOTS], READ_ONLY, id="no profile, root"),
            pytest.param(SYS_ADMIN, READ_ONLY, id="CAP_SYS_ADMIN"),
            pytest.param([*SYS_ADMIN, *ROOTS], READ_ONLY, id="CAP_SYS_ADMIN, root"),
            pytest.param([*OURS, *SYSTEM_PATHS], EVERYTHING, id="our profile, system paths"),
            pytest.param([*OURS, *SYSTEM_PATHS, *NO_POWERS], EVERYTHING, id="as in compose.yaml"),
        ],
    )
    def test_what_the_options_give(
        self, image: str, options: list[str], wanted: list[bool]
    ) -> None:
        command = ["python", "-m", "sockutils.kernel", "run", "python", "-c", PROBE]
        assert json.loads(docker("run", "--rm", *options, image, *command)) == wanted

    @pytest.mark.parametrize(
        ("call", "wanted"),
        [
            ("unshare", NOTHING),
            ("mount", [True, False, True, False]),
            ("umount2", [True, False, True, False]),
        ],
    )
    def test_the_profile_allows_no_call_in_vain(
        self, image: str, tmp_path: Path, call: str, wanted: list[bool]
    ) -> None:
        *others, unshare, mount = PROFILE["syscalls"]
        ours = [
            {**rule, "names": [name for name in rule["names"] if name != call]}
            for rule in (unshare, mount)
        ]
        rules = [*others, *(rule for rule in ours if rule["names"])]
        (tmp_path / "less.json").write_text(json.dumps({**PROFILE, "syscalls": rules}))
        options = ["--security-opt", f"seccomp={tmp_path}/less.json", *OURS[2:]]
        self.test_what_the_options_give(image, options, wanted)

    @pytest.mark.parametrize("lesson", ["03_listen", "05_connect", "09_resolvers"])
    def test_lesson(self, hub_image: str, lesson: str) -> None:
        files = ("conftest.py", "pyproject.toml", "notebooks", "sockutils")
        shown = [f"--volume={ROOT / name}:/checkout/{name}:ro" for name in files]
        tun = ["--device=/dev/net/tun"] if Path("/dev/net/tun").exists() else []
        command = ["pytest", "-p", "no:cacheprovider", "--nbval", "--nbval-cell-timeout=60"]
        told = docker("run", "--rm", "--init", *OURS, *SYSTEM_PATHS, *NO_POWERS, *shown, *tun,
                      hub_image, *command, f"/checkout/notebooks/{lesson}.ipynb",
                      patience=3 * PATIENCE)  # fmt: skip
        skipped = [line for line in told.splitlines() if line.startswith("SKIPPED")]
        assert all("/dev/net/tun" in line for line in skipped)

    def test_a_learner_who_starts_it_with_compose(self) -> None:
        with compose() as project:
            url, token = project.up()
            with pytest.raises(HTTPError, match="403"):
                api("GET", f"{url}api/contents", "wrong")
            lessons = {
                entry["name"] for entry in api("GET", f"{url}api/contents", token)["content"]
            }
            assert lessons == {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}
            assert a_kernel_can_do_all(url, token)
            own = "notebooks/00_start_here.ipynb"
            project("exec", "-T", "course", "sh", "-c", f"echo mine >{own}; rm notebooks/03*")
            project("down")
            project.up()
            kept = project("exec", "-T", "course", "sh", "-c", f"cat {own}; ls notebooks/03*")
            assert kept.split() == ["mine", "notebooks/03_listen.ipynb"]

    def test_a_volume_of_somebody_else(self, image: str) -> None:
        options = ["--rm", "--tmpfs", "/home/learner:mode=755"]
        done = subprocess.run(
            ["docker", "run", *options, image], capture_output=True, text=True, check=False
        )
        assert done.returncode != 0
        (line,) = [text for text in done.stderr.splitlines() if "Who owns the volume?" in text]
        assert "Permission denied" in line

    def test_users_of_a_hub_have_a_container_and_a_network_each(
        self, hub_image: str, proxy: str
    ) -> None:
        settings = CONTAINER_EACH.format(root=ROOT, image=hub_image, name=NAME)
        try:
            answers = course([sys.executable], 3, config=CONFIG + settings)
            assert [answer.result for answer in answers] == ["listening"] * 3
            assert all(answer.network.startswith("private") for answer in answers)
            assert each_has_a_network(answers)
            containers = docker("ps", "--all", "--quiet", "--filter", f"name={NAME}")
            assert containers == ""
        finally:
            docker("volume", "rm", *docker("volume", "ls", "-q", "-f", f"name={NAME}").split())


# The settings that administrators get, but on this machine's own network: hub and containers reach
# each other at 127.0.0.1, and a test sends to no other address. So the ports must differ.
CONTAINER_EACH = """
load_subconfig("{root}/deploy/jupyterhub_config.py")
del c.JupyterHub["hub_ip"]
from dockerspawner import DockerSpawner
class OnThisNetwork(DockerSpawner):
    async def get_ip_and_port(self):
        return "127.0.0.1", self.port
c.JupyterHub.spawner_class = OnThisNetwork
c.DockerSpawner.image, c.DockerSpawner.prefix = "{image}", "{name}"
c.DockerSpawner.volumes = {{"{name}-{{username}}": "/home/learner"}}
c.DockerSpawner.network_name, c.DockerSpawner.use_internal_ip = "host", True
c.DockerSpawner.cmd, c.DockerSpawner.args = "jupyterhub-singleuser", []
c.DockerSpawner.ip = "127.0.0.1"
c.DockerSpawner.env_keep = []
"""


class Compose:
    """A project of compose.yaml, under a name and a port of its own."""

    def __init__(self, command: list[str], port: int) -> None:
        self.command = [*command, "--project-name", NAME, "--file", str(ROOT / "compose.yaml")]
        self.port = port

    def __call__(self, *words: str) -> str:
        return run(*self.command, *words, patience=10 * PATIENCE)

    def up(self) -> tuple[str, str]:
        """Start it; return the address and the token that it prints for the learner."""
        self("up", "--detach")
        deadline = time.monotonic() + PATIENCE
        while not (found := re.findall(r"(http://\S+/)lab/\S+token=(\w+)", self("logs"))):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        url, token = found[-1]
        assert url == f"http://127.0.0.1:{self.port}/"
        while True:
            try:
                urlopen(f"{url}lab?token={token}", timeout=PATIENCE).close()
                return url, token
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.1)


@contextmanager
def compose() -> Iterator[Compose]:
    has_plugin = not subprocess.run(
        ["docker", "compose", "version"], capture_output=True
    ).returncode
    if not has_plugin and not shutil.which("docker-compose"):
        pytest.skip("there is no docker compose here")
    with reserved(1) as (port,), pytest.MonkeyPatch.context() as patch:
        patch.setenv("PORT", str(port))
        if not Path("/dev/net/tun").exists():
            patch.setenv("TUN", "/dev/null")
        project = Compose(["docker", "compose"] if has_plugin else ["docker-compose"], port)
        try:
            yield project
        finally:
            project("down", "--volumes", "--rmi", "local")


def a_kernel_can_do_all(url: str, token: str) -> bool:
    """Private network, capture, interrupt of a blocked accept(), restart."""
    identity = api("POST", f"{url}api/kernels", token, {"name": "sockutils"})["id"]
    channel = Channel(url, token, identity)
    try:
        probe: Any = json.loads(channel.run(PROBE))
        sent = channel.send("import socket; s = socket.create_server(('127.0.0.1', 5000))\n"
                            "print('waiting', flush=True); s.accept()")  # fmt: skip
        channel.wait(lambda m: m["content"].get("text") == "waiting\n")
        api("POST", f"{url}api/kernels/{identity}/interrupt", token)
        reply = channel.wait(
            lambda m: m["parent_header"].get("msg_id") == sent and m["msg_type"] == "error"
        )
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        api("POST", f"{url}api/kernels/{identity}/restart", token)
        channel.reconnect()
        return bool(probe == json.loads(channel.run(PROBE)) == EVERYTHING)
    finally:
        channel.socket.close()
        api("DELETE", f"{url}api/kernels/{identity}", token)
