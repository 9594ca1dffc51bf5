"""The private-network kernel, started for real in every way that Jupyter has."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
import psutil
import pytest
import websocket
from kernels import PATIENCE, kernel, refusal, restart
from nbclient import NotebookClient

from sockutils.kernel.namespaces import RESOLVER_FILES

HERE = Path(__file__).parent
NOBODY = 65534
MODE = "from sockutils.kernel.network import network; network()"
LISTEN = "import socket; s = socket.create_server(('127.0.0.1', 5000)); print('listening')"
needs_namespaces = pytest.mark.skipif(bool(refusal()), reason="namespaces are refused here")


def ordinary_python() -> list[str] | None:
    """A command that runs this Python version, with our packages, for a user other than root."""
    as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    version = f"python3.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        paths = os.pathsep.join(path for path in sys.path if path)
        command = [*as_nobody, "env", f"PYTHONPATH={paths}", python]
        probe = "import os, zmq, ipykernel, sockutils; os.access(os.sys.executable, os.X_OK) or 1/0"
        try:
            done = subprocess.run([*command, "-c", probe], capture_output=True, check=False)
        except OSError:
            return None
        if done.returncode == 0:
            return command
    return None


def jupyter_path() -> str:
    return str(Path(sys.prefix, "share", "jupyter"))


@contextmanager
def leaves_nothing() -> Iterator[None]:
    """No process, directory or mount of a kernel survives the block for long."""
    mounts = our_mounts()
    with (
        tempfile.TemporaryDirectory(dir="/tmp") as directory,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(tempfile, "tempdir", directory)
        patch.setenv("TMPDIR", directory)
        patch.setenv("STARTED_BY", directory)  # marks every process that comes from the block
        yield
        while left := started_by(directory):  # one that ends may just have started another
            _, alive = psutil.wait_procs(left, timeout=PATIENCE)
            assert not alive
        assert [*Path(directory).glob("sockutils-*")] == []
    assert our_mounts() == mounts


def our_mounts() -> set[str]:
    """What is mounted where a kernel mounts something for itself: others may mount elsewhere."""
    files = [os.path.realpath(f"/etc/{name}") for name in RESOLVER_FILES]
    ours = {"/tmp", "/run/nscd", *files, *map(os.path.dirname, files)}
    places = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    return ours & set(places)


def started_by(directory: str) -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if marked(process, directory)]


def marked(process: psutil.Process, directory: str) -> bool:
    try:
        return process.pid != os.getpid() and process.environ().get("STARTED_BY") == directory
    except psutil.Error:
        return False


def test_tracebacks_of_child_processes_have_no_colours() -> None:
    # Jupyter asks all programs for colours, and from 3.13 on Python's tracebacks follow.
    child = "subprocess.run([sys.executable, '-c', '1/0'], capture_output=True, text=True)"
    with kernel() as (_, run):
        told = run(f"import subprocess, sys; print({child}.stderr.splitlines()[-1])")
    assert told == "ZeroDivisionError: division by zero\n"


@needs_namespaces
def test_two_kernels_listen_on_one_port() -> None:
    with leaves_nothing(), kernel() as (_, first), kernel() as (_, second):
        assert first(LISTEN) == second(LISTEN) == "listening\n"


@needs_namespaces
def test_capture_sees_only_its_own_packets() -> None:
    talk = "[s.sendto(b'x', ('127.0.0.1', 5001)) for _ in range(9)]"
    receiver = (
        "import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('127.0.0.1',5001))"
    )
    recorder = (
        "import socket, sys\n"
        "r = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM); r.bind(('lo', 3))\n"
        "r.setblocking(False)"
    )
    count = (
        "n = 0\ntry:\n    while True:\n"
        "        n += b'x' in r.recv(99)[28:] and r.getsockname()[0] == 'lo'\n"
        "except BlockingIOError: print(n)"
    )
    with kernel() as (_, first), kernel() as (_, second):
        for run in (first, second):
            run(receiver)
            run(recorder)
        first(talk)
        assert second(count) == "0\n"
        assert first(count) == "18\n"  # each leaves and arrives


def test_interrupt_of_a_blocked_accept() -> None:
    with leaves_nothing(), kernel() as (_, run):
        run("import os, signal, socket, threading; s = socket.create_server(('127.0.0.1', 0))")
        # The alarm makes the accept() wait for certain when the interrupt comes.
        run("signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))")
        assert "KeyboardInterrupt" in run("signal.setitimer(signal.ITIMER_REAL, 0.1); s.accept()")
        assert run("print('alive')") == "alive\n"


def test_restart_and_shutdown() -> None:
    with leaves_nothing(), kernel() as (manager, run):
        run("before = 1")
        restart(manager, run)
        assert "NameError" in run("before")
        assert run("print(1)") == "1\n"


def test_dead_server_leaves_nothing() -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(HERE)!r})\n"
        "from kernels import kernel\n"
        "with kernel() as (manager, run):\n"
        "    print(run('import os; print(os.getpid())'), flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with leaves_nothing():
        server = subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
        )
        assert server.stdout is not None
        with server.stdout:
            pid = int(server.stdout.readline())
            assert psutil.pid_exists(pid)
            server.kill()
            server.wait()


def test_long_home_and_temporary_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / ("h" * 120)
    home.mkdir()
    for name in ("JUPYTER_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    with leaves_nothing():
        environment = {**os.environ, "HOME": str(home), "TMPDIR": str(home)}
        done = subprocess.run(
            [sys.executable, str(HERE / "kernels.py"), "print('fine')"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert done.stdout == "fine\n", done.stderr


@contextmanager
def jupyter_server(directory: Path) -> Iterator[tuple[str, str, int]]:
    options = ["--port=0", "--no-browser", "--allow-root", f"--ServerApp.root_dir={directory}"]
    options.append("--KernelRestarter.time_to_dead=0.2")
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyter_server", *options],
        env={**os.environ, "JUPYTER_RUNTIME_DIR": str(directory)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    with server.stderr:
        try:
            lines = (re.search(r"(http://127.0.0.1:\d+/).*token=(\w+)", x) for x in server.stderr)
            address = next(found for found in lines if found)
            wait_for_port(urlsplit(address[1]).port)  # it says where before it listens there
            yield address[1], address[2], server.pid
        finally:
            server.terminate()
            server.wait()


def wait_for_port(port: int | None) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def api(method: str, url: str, token: str, body: dict[str, Any] | None = None) -> Any:
    request = urllib.request.Request(
        url,
        method=method,
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Authorization": f"token {token}"},
    )
    with urllib.request.urlopen(request) as answer:
        text = answer.read()
    return json.loads(text) if text else None


class Channel:
    """A kernel's websocket, as JupyterLab uses it."""

    def __init__(self, url: str, token: str, kernel_id: str) -> None:
        self.address = (
            url.replace("http", "ws", 1) + f"api/kernels/{kernel_id}/channels?token={token}"
        )
        self.socket = websocket.create_connection(self.address, timeout=PATIENCE)

    def reconnect(self) -> None:
        """As JupyterLab does after a restart: what the new kernel says before the server has
        subscribed to it again is lost, and only for a new websocket the server waits for that."""
        self.socket.close()
        self.socket = websocket.create_connection(self.address, timeout=PATIENCE)

    def send(self, code: str) -> str:
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "version": "5.3"}
        header.update(username="", session="test")
        content = {"code": code, "silent": False, "store_history": True}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        self.socket.send(json.dumps({**message, "channel": "shell"}))
        return header["msg_id"]

    def wait(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while True:
            message: dict[str, Any] = json.loads(self.socket.recv())
            if wanted(message):
                return message

    def run(self, code: str) -> str:
        sent = self.send(code)
        text = self.wait(
            lambda m: m["parent_header"].get("msg_id") == sent and m["msg_type"] == "stream"
        )["content"]["text"]
        assert isinstance(text, str)
        return text


def test_jupyter_server_starts_interrupts_restarts_and_revives_it(tmp_path: Path) -> None:
    with leaves_nothing(), jupyter_server(tmp_path) as (url, token, _):
        identity = api("POST", f"{url}api/kernels", token, {"name": "sockutils"})["id"]
        kernel_url = f"{url}api/kernels/{identity}"
        channel = Channel(url, token, identity)
        assert channel.run(LISTEN) == "listening\n"

        sent = channel.send("print('waiting', flush=True); s.accept()")
        channel.wait(lambda m: m["msg_type"] == "stream" and "waiting" in m["content"]["text"])
        api("POST", f"{kernel_url}/interrupt", token, {})
        channel.wait(
            lambda m: m["parent_header"].get("msg_id") == sent and m["msg_type"] == "error"
        )

        api("POST", f"{kernel_url}/restart", token, {})
        channel.reconnect()
        assert channel.run(LISTEN) == "listening\n"

        channel.send("import os; os.kill(os.getpid(), 9)")  # a crash
        channel.wait(lambda m: m["content"].get("execution_state") == "restarting")
        channel.reconnect()
        assert channel.run(LISTEN) == "listening\n"
        channel.socket.close()
        api("DELETE", kernel_url, token)


def test_killed_jupyter_server_leaves_nothing(tmp_path: Path) -> None:
    with leaves_nothing(), jupyter_server(tmp_path) as (url, token, pid):
        identity = api("POST", f"{url}api/kernels", token, {"name": "sockutils"})["id"]
        channel = Channel(url, token, identity)
        assert channel.run(LISTEN) == "listening\n"
        os.kill(pid, signal.SIGKILL)
        channel.socket.shutdown()


def small_notebook() -> nbformat.NotebookNode:
    notebook = nbformat.v4.new_notebook()
    notebook.metadata.kernelspec = {"name": "sockutils", "display_name": "Sockets"}
    notebook.cells = [nbformat.v4.new_code_cell(LISTEN)]
    return notebook


def test_nbclient() -> None:
    notebook = small_notebook()
    with leaves_nothing():
        NotebookClient(notebook, startup_timeout=PATIENCE).execute()
    assert notebook.cells[0].outputs[0].text == "listening\n"


def test_nbval(tmp_path: Path) -> None:
    notebook = small_notebook()
    notebook.cells[0].outputs = [nbformat.v4.new_output("stream", text="listening\n")]
    notebook.cells[0].execution_count = 1
    nbformat.write(notebook, tmp_path / "small.ipynb")
    with leaves_nothing():
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider", "."],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert "1 passed" in done.stdout, done.stdout
