"""Every way in which clients start a kernel, and what each of them may expect of it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.connect import write_connection_file
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager
from kernels import answer
from test_kernel import leaves_nothing, needs_namespaces

PATIENCE = 60  # seconds, for a machine that is busy with something else
LISTEN = "import socket; s = socket.create_server(('127.0.0.1', 5000)); print('listening')"
CAPTURE = """
from sockutils import capture
with capture(port=5000) as packets, socket.create_connection(('127.0.0.1', 5000)):
    pass
print(packets[0])
"""
# The alarm makes the accept() wait for certain when the interrupt comes. The text is one write, for
# what is printed in two may arrive in two messages.
BLOCK = """
import os, signal
signal.signal(signal.SIGALRM, lambda *_: print('blocked\\n', end='', flush=True))
signal.setitimer(signal.ITIMER_REAL, 0.1)
listener = socket.create_server(('127.0.0.1', 5001))
while True:
    listener.accept()
"""


class ByManager:
    """As jupyter_client, and so Jupyter's servers, nbclient and all that stands on them."""

    def __init__(self, **settings: Any) -> None:
        self.manager = KernelManager(kernel_name="sockutils", **settings)

    def start(self) -> BlockingKernelClient:
        self.manager.start_kernel()
        return self.manager.blocking_client()

    def interrupt(self) -> None:
        self.manager.interrupt_kernel()

    def restart(self) -> BlockingKernelClient:
        self.manager.restart_kernel(now=True)
        return self.manager.blocking_client()

    def stop(self) -> None:
        self.manager.shutdown_kernel()


class ByItself:
    """As VS Code: reads kernel.json and runs its `argv` with a connection file of its own."""

    def __init__(self, spec: Path, folder: Path) -> None:
        self.spec = json.loads((spec / "kernel.json").read_text())
        self.file = str(folder / "connection.json")
        write_connection_file(self.file, ip="127.0.0.1", transport="tcp")

    def start(self) -> BlockingKernelClient:
        command = [word.replace("{connection_file}", self.file) for word in self.spec["argv"]]
        environment = {**os.environ, **self.spec["env"], "PATH": "/usr/bin:/bin"}
        self.process = subprocess.Popen(command, env=environment)
        client = BlockingKernelClient(connection_file=self.file)
        client.load_connection_file()
        # It would take a kernel for dead that needs longer than a second to start.
        client.hb_channel.time_to_dead = PATIENCE
        return client

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def restart(self) -> BlockingKernelClient:
        self.stop()
        return self.start()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def connected(client: BlockingKernelClient) -> Iterator[BlockingKernelClient]:
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
        yield client
    finally:
        client.stop_channels()


@pytest.fixture(params=["tcp", "ipc", "curve", "argv", "another environment"])
def way(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    if request.param == "another environment":
        install(tmp_path)
        return ByManager(kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(specs(tmp_path))]))
    if request.param == "argv":
        install(tmp_path)
        return ByItself(specs(tmp_path) / "sockutils", tmp_path)
    if request.param == "curve":
        return ByManager(transport_encryption="required")
    settings = {"transport": request.param}
    if request.param == "ipc":
        settings["ip"] = str(tmp_path / "kernel")
    return ByManager(**settings)


def specs(prefix: Path) -> Path:
    return prefix / "share/jupyter/kernels"


def install(prefix: Path) -> str:
    command = [sys.executable, "-m", "sockutils.kernel", "install", f"--prefix={prefix}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@needs_namespaces
def test_private_capture_interrupt_restart_and_nothing_left(way: Any) -> None:
    with leaves_nothing():
        with connected(way.start()) as client:
            assert answer(client, LISTEN) == "listening\n"
            assert "SYN" in answer(client, CAPTURE)
            told = answer(client, BLOCK, during={"blocked\n": way.interrupt})
            assert "KeyboardInterrupt" in told
        with connected(way.restart()) as client:
            assert "NameError" in answer(client, "s")
            assert answer(client, LISTEN) == "listening\n"
        way.stop()
