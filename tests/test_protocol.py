"""What clients ask of a kernel besides running cells, asked from outside its private network."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from kernels import answer
from test_clients import ByManager, connected
from test_kernel import leaves_nothing, needs_namespaces

PATIENCE = 60  # seconds, for a machine that is busy with something else
pytestmark = [needs_namespaces, pytest.mark.timeout(2 * PATIENCE)]
CELL = "import socket\nwith socket.socket() as s:\n    number = s.fileno()\n    twice = 2 * number"


@pytest.fixture(params=["tcp", "ipc"])
def client(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[BlockingKernelClient]:
    ip = {"ipc": str(tmp_path / "kernel"), "tcp": "127.0.0.1"}[request.param]
    way = ByManager(transport=request.param, ip=ip)
    with leaves_nothing(), connected(way.start()) as client:
        yield client
        way.stop()


def reply(client: BlockingKernelClient, channel: str, sent: str) -> dict[str, Any]:
    """The content of the answer to that message on that channel."""
    while True:
        message = getattr(client, f"get_{channel}_msg")(timeout=PATIENCE)
        if message["parent_header"].get("msg_id") == sent:
            return dict(message["content"])


def event(client: BlockingKernelClient, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    while True:
        message = client.get_iopub_msg(timeout=PATIENCE)
        if wanted(message):
            return dict(message["content"])


def test_debugger(client: BlockingKernelClient) -> None:
    numbers = count(1)

    def debug(command: str, **arguments: Any) -> dict[str, Any]:
        request = {"type": "request", "seq": next(numbers), "command": command}
        message = client.session.msg("debug_request", {**request, "arguments": arguments})
        client.control_channel.send(message)
        told = reply(client, "control", message["header"]["msg_id"])
        assert told.get("success"), told
        return dict(told.get("body") or {})

    def stopped() -> dict[str, Any]:
        event(client, lambda m: m["content"].get("event") == "stopped")
        return dict(debug("stackTrace", threadId=1)["stackFrames"][0])

    debug("initialize", clientID="test", adapterID="", pathFormat="path", linesStartAt1=True)
    debug("attach")
    path = debug("dumpCell", code=CELL)["sourcePath"]
    debug("setBreakpoints", source={"path": path}, breakpoints=[{"line": 4}], sourceModified=False)
    debug("configurationDone")
    sent = client.execute(CELL)
    frame = stopped()
    assert frame["line"] == 4
    scopes = debug("scopes", frameId=frame["id"])["scopes"]
    values = debug("variables", variablesReference=scopes[0]["variablesReference"])["variables"]
    assert {value["name"]: value["value"] for value in values}["number"].isdigit()
    debug("next", threadId=1)
    assert stopped()["line"] == 2  # the end of the with block
    debug("continue", threadId=1)
    assert reply(client, "shell", sent)["status"] == "ok"
    debug("disconnect", restart=False, terminateDebuggee=True)
    assert answer(client, "print(twice == 2 * number)") == "True\n"


def test_input(client: BlockingKernelClient) -> None:
    sent = client.execute("print(input('who? ')[::-1], end='')", allow_stdin=True)
    assert client.get_stdin_msg(timeout=PATIENCE)["content"]["prompt"] == "who? "
    client.input("tekcos")
    told = event(client, lambda m: m["msg_type"] == "stream")
    assert told["text"] == "socket"
    assert reply(client, "shell", sent)["status"] == "ok"


def test_completion_and_help(client: BlockingKernelClient) -> None:
    answer(client, "import socket")
    sent = client.complete("socket.create_conn")
    assert reply(client, "shell", sent)["matches"][0].endswith("create_connection")
    sent = client.inspect("socket.create_server")
    assert "SO_REUSEPORT" in reply(client, "shell", sent)["data"]["text/plain"]


def test_comm(client: BlockingKernelClient) -> None:
    answer(client, "import ipywidgets; slider = ipywidgets.IntSlider(description='backlog')")
    sent = client.comm_info(target_name="jupyter.widget")
    comms = reply(client, "shell", sent)["comms"]
    model = answer(client, "print(slider.model_id)").strip()
    assert model in comms
    data = {"method": "update", "state": {"value": 7}, "buffer_paths": []}
    client.shell_channel.send(client.session.msg("comm_msg", {"comm_id": model, "data": data}))
    assert answer(client, "print(slider.value)") == "7\n"


def test_subshell_answers_while_a_cell_waits(client: BlockingKernelClient) -> None:
    message = client.session.msg("create_subshell_request", {})
    client.control_channel.send(message)
    subshell = reply(client, "control", message["header"]["msg_id"])["subshell_id"]
    answer(client, "import socket; one, other = socket.socketpair()")
    waiting = client.execute("print('waits', end='', flush=True); print(other.recv(9), end='')")
    assert event(client, lambda m: m["msg_type"] == "stream")["text"] == "waits"
    aside = client.session.msg("execute_request", {"code": "one.send(b'woken')", "silent": False})
    aside["header"]["subshell_id"] = subshell
    client.shell_channel.send(aside)
    told = event(client, lambda m: m["msg_type"] == "stream")
    assert told["text"] == "b'woken'"
    assert reply(client, "shell", waiting)["status"] == "ok"


def test_heartbeat(client: BlockingKernelClient) -> None:
    with client.connect_hb() as heart:
        heart.send(b"beat")
        assert heart.poll(PATIENCE * 1000)
        assert heart.recv() == b"beat"
