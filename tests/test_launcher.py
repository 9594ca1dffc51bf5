"""The command line of the kernel: bad input gets one line, and `install` writes a kernelspec."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.connect import write_connection_file
from kernels import PRIVATE
from test_kernel import leaves_nothing

KERNEL = [sys.executable, "-P", "-m", "sockutils.kernel"]
Launch = Callable[..., str]


@pytest.fixture
def complaint(tmp_path: Path) -> Launch:
    """Start a kernel with these changes to a good connection file; return its one line."""

    def launch(text: str | None = None, **changes: Any) -> str:
        file = tmp_path / "connection.json"
        _, told = write_connection_file(str(file))
        file.write_text(json.dumps(told | changes) if text is None else text)
        return one_line([*KERNEL, "-f", str(file)])

    return launch


def one_line(command: list[str], **environment: str) -> str:
    with leaves_nothing():
        done = subprocess.run(
            command,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("sockutils.kernel: ")
    return line.removeprefix("sockutils.kernel: ")


@pytest.mark.parametrize("channel", ["shell", "iopub", "stdin", "control", "hb"])
def test_a_port_that_is_taken(complaint: Launch, channel: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        line = complaint(**{f"{channel}_port": port})
    assert line == f"port {port} of 127.0.0.1 cannot be had: Address already in use"


@pytest.mark.parametrize("transport", ["udp", "", 5, None])
def test_an_unknown_transport(complaint: Launch, transport: Any) -> None:
    assert complaint(transport=transport).endswith(
        f"asks for transport {transport!r}; there are tcp and ipc"
    )


@pytest.mark.parametrize("port", [-1, 65536, "5000", 1.5, None])
def test_a_port_that_is_none(complaint: Launch, port: Any) -> None:
    assert "has ports that are none" in complaint(shell_port=port)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", "\0"])
def test_a_file_that_is_no_connection_file(complaint: Launch, text: str) -> None:
    assert "is no connection file: " in complaint(text)


def test_a_missing_file(tmp_path: Path) -> None:
    line = one_line([*KERNEL, "-f", str(tmp_path / "nothing.json")])
    assert line == f"there is no connection file {tmp_path}/nothing.json"
    assert list(tmp_path.iterdir()) == []


def test_a_directory_in_place_of_a_file(tmp_path: Path) -> None:
    assert "is no connection file" in one_line([*KERNEL, "-f", str(tmp_path)])


def test_a_command_that_does_not_exist() -> None:
    assert one_line([*PRIVATE, "no-such-program"]) == "No such file or directory"


def test_install_names_this_interpreter(tmp_path: Path) -> None:
    command = [*KERNEL, "install", f"--prefix={tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    folder = tmp_path / "share/jupyter/kernels/sockutils"
    assert done.stdout == f"{folder}\n"
    spec = json.loads((folder / "kernel.json").read_text())
    assert spec["argv"][0] == sys.executable
    assert folder.stat().st_mode & 0o777 == 0o755
    assert spec["display_name"] == "Sockets (private network)"


def test_install_for_a_user(tmp_path: Path) -> None:
    environment = os.environ | {"HOME": str(tmp_path), "JUPYTER_DATA_DIR": str(tmp_path / "data")}
    subprocess.run([*KERNEL, "install", "--user"], env=environment, check=True, capture_output=True)
    assert (tmp_path / "data/kernels/sockutils/kernel.json").exists()


def test_install_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "share").write_text("a file, where a folder has to be")
    assert "Not a directory" in one_line([*KERNEL, "install", f"--prefix={tmp_path}"])
