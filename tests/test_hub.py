"""The course under JupyterHub: several users on one machine, and each of them has port 5000."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from urllib.request import Request, urlopen

import psutil
import pytest
import websocket
from kernels import ALL, PATIENCE, refusal
from test_kernel import (
    Channel,
    api,
    jupyter_path,
    leaves_nothing,
    needs_namespaces,
    ordinary_python,
)

pytestmark = pytest.mark.timeout(3 * PATIENCE)

PROXY = "configurable-http-proxy"
PASSWORD = "of every user in this test"
TOKEN = "of-this-test"  # it may add users
HUB = "from jupyterhub.app import main; main()"
SERVER = "from jupyterhub.singleuser import main; main()"
CONFIG = f"""
import os, sys
ports = [int(port) for port in os.environ["PORTS"].split()]  # see reserved()
urls = (f"http://127.0.0.1:{{ports.pop()}}" for _ in range(3))
c.JupyterHub.bind_url, c.JupyterHub.hub_bind_url, c.ConfigurableHTTPProxy.api_url = urls
c.JupyterHub.db_url = "sqlite:///:memory:"
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = {PASSWORD!r}
c.Authenticator.allow_all = True
c.JupyterHub.services = [{{"name": "test", "api_token": {TOKEN!r}}}]
c.JupyterHub.load_roles = [{{"name": "test", "services": ["test"], "scopes": ["admin:users"]}}]
c.JupyterHub.spawner_class = "simple"  # no system users: all servers run as the hub's user
c.SimpleLocalProcessSpawner.home_dir_template = os.path.abspath("home-{{username}}")
c.Spawner.cmd = [sys.executable, "-c", {SERVER!r}]
c.Spawner.args = ["--allow-root"]
c.Spawner.env_keep = ["JUPYTER_PATH", "PATH", "PYTHONPATH", "STARTED_BY", "TMPDIR"]
c.Spawner.http_timeout = c.Spawner.start_timeout = {PATIENCE}
c.Spawner.pre_spawn_hook = lambda spawner: setattr(spawner, "port", ports.pop())
"""

# Inside a user namespace of our own its root may set the limit to nothing: a real refusal.
REFUSED = ["unshare", "-Ur", "sh", "-c"]
REFUSED += [
    'for kind in user net; do echo 0 > /proc/sys/user/max_${kind}_namespaces; done; exec "$@"'
]
REFUSED += ["sh", sys.executable]

# What each user runs; the socket stays open, so that all of them need the port at once.
CELL = """
import errno, json, os, socket
from sockutils import network
try:
    listener, result = socket.create_server(("127.0.0.1", {port})), "listening"
except OSError as error:
    result = errno.errorcode[error.errno]
namespace = os.readlink("/proc/self/ns/net")
print(json.dumps([str(network()), result, namespace]))
"""


class Answer(NamedTuple):
    network: str
    result: str
    namespace: str


class Hub(NamedTuple):
    """A running JupyterHub."""

    url: str

    def log_in(self, name: str) -> str:
        """Return a token of the user's own."""
        body = {"auth": {"username": name, "password": PASSWORD}}
        return str(api("POST", f"{self.url}hub/api/users/{name}/tokens", "", body)["token"])

    def start_server(self, name: str, token: str) -> None:
        address = f"{self.url}hub/api/users/{name}/server"
        api("POST", address, token, {})
        request = Request(f"{address}/progress", headers={"Authorization": f"token {token}"})
        with urlopen(request, timeout=PATIENCE) as events:
            told = [json.loads(line[5:]) for line in events if line.startswith(b"data:")]
        assert told[-1].get("ready"), told

    def answer(self, name: str, port: int) -> Answer:
        """What the user's cell says, in a kernel of their own."""
        token = self.log_in(name)
        self.start_server(name, token)
        server = f"{self.url}user/{name}/"
        identity = api("POST", f"{server}api/kernels", token, {"name": "sockutils"})["id"]
        channel = UserChannel(server, token, identity)
        try:
            return Answer(*json.loads(channel.run(CELL.format(port=port))))
        finally:
            channel.socket.close()


class UserChannel(Channel):
    """A kernel's websocket behind the hub's proxy, for whoever has the token."""

    def __init__(self, url: str, token: str, kernel_id: str) -> None:
        self.address = url.replace("http", "ws", 1) + f"api/kernels/{kernel_id}/channels"
        headers = [f"Authorization: token {token}"]
        self.socket = websocket.create_connection(self.address, header=headers, timeout=PATIENCE)


@pytest.fixture(scope="module")
def proxy() -> str:
    """Where the hub's proxy is installed."""
    missing = [] if find_spec("jupyterhub") else ["jupyterhub (pip install jupyterhub)"]
    path = shutil.which(PROXY)
    missing += [] if path else [f"{PROXY} (npm install --global {PROXY})"]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    return str(path)


@contextmanager
def reserved(count: int) -> Iterator[list[int]]:
    """Ports that a program with SO_REUSEADDR may listen on, and that nobody else is given."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            each.bind(("127.0.0.1", 0))
        yield [each.getsockname()[1] for each in sockets]


@contextmanager
def jupyterhub(command: list[str], ports: list[int], config: str) -> Iterator[Hub]:
    """Run a hub in TMPDIR; afterwards no process that comes from it is left."""
    directory = Path(os.environ["TMPDIR"])
    directory.chmod(0o777)  # the command may be one for another user
    (directory / "config.py").write_text(config)
    told = {"HOME": str(directory), "JUPYTER_PATH": jupyter_path()}
    told["PORTS"] = " ".join(map(str, ports))
    start = [*command, "-c", HUB, "--config=config.py"]
    with (directory / "log").open("w") as log:
        server = subprocess.Popen(start, env=os.environ | told, cwd=directory, stderr=log)
    hub, started = Hub(f"http://127.0.0.1:{ports[-1]}/"), []
    try:
        wait_for(hub, server)
        yield hub
        started = psutil.Process(server.pid).children(recursive=True)
    finally:
        server.terminate()
        server.wait(PATIENCE)
        print((directory / "log").read_text())  # pytest shows it where the test fails
    _, alive = psutil.wait_procs(started, timeout=PATIENCE)
    assert not alive


def wait_for(hub: Hub, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        with suppress(OSError):  # the proxy does not listen yet, or does not know the hub yet
            urlopen(f"{hub.url}hub/api/", timeout=PATIENCE).close()
            return
        assert server.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


def course(command: list[str], users: int, port: int = 5000, config: str = CONFIG) -> list[Answer]:
    """What so many users are told who take the course at the same time, under one hub."""
    names = [f"user-{number}" for number in range(users)]
    with leaves_nothing(), reserved(users + 3) as ports, jupyterhub(command, ports, config) as hub:
        api("POST", f"{hub.url}hub/api/users", TOKEN, {"usernames": names})
        with ThreadPoolExecutor(users) as pool:
            return list(pool.map(hub.answer, names, [port] * users))


def each_has_a_network(answers: list[Answer], users: int) -> bool:
    assert {answer.result for answer in answers} == {"listening"}
    assert all(answer.network.startswith("private network: ") for answer in answers), answers
    own = {answer.namespace for answer in answers} - {os.readlink("/proc/self/ns/net")}
    return len(own) == users


@needs_namespaces
def test_users_have_a_network_each(proxy: str) -> None:
    users = 10 if ALL else 3
    answers = course([sys.executable], users)
    assert each_has_a_network(answers, users)


@needs_namespaces
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_hub_that_is_not_root(proxy: str) -> None:
    command = ordinary_python()
    if command is None or not can_run(command, proxy):
        pytest.skip("no Python with our packages, or no node, is readable for other users here")
    answers = course(command, 3)
    assert each_has_a_network(answers, 3)


def can_run(command: list[str], proxy: str) -> bool:
    code = "import jupyterhub.app, subprocess, sys; subprocess.run(sys.argv[1:], check=True)"
    probe = [*command, "-c", code, proxy, "--version"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def test_users_share_one_network_where_namespaces_are_refused(proxy: str) -> None:
    with reserved(1) as (port,):
        answers = course([sys.executable] if refusal() else REFUSED, 3, port)
    assert all(answer.network.startswith("shared network: ") for answer in answers)
    assert {answer.namespace for answer in answers} == {os.readlink("/proc/self/ns/net")}
    results = sorted(answer.result for answer in answers)
    assert results == ["EADDRINUSE", "EADDRINUSE", "listening"]
