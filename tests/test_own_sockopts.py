"""The step of 13: a server that sends at once, and whose kernel asks silent clients, passes."""

import re
from itertools import count
from pathlib import Path

import pytest
import reference
from kernels import alone, sample

SERVER = "\n" + reference.program("13_sockopts.ipynb", "shout_server.py")
NODELAY = "connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)"
KEEPALIVE = "connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)"
IDLE = "connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)"
ALL = f"""        {NODELAY}
        {KEEPALIVE}
        {IDLE}
"""
LISTEN = "server.listen()"
ASYNC = """
import asyncio
import socket


async def serve(reader, writer):
    client = writer.get_extra_info("socket")  # asyncio has set TCP_NODELAY
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
    while line := await reader.readline():
        writer.write(line.upper())
    writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 5000)
    async with server:
        await server.serve_forever()


asyncio.run(main())
"""
THREADS = """
import socket
import struct
from threading import Thread

SOL_TCP, TCP_NODELAY, TCP_KEEPIDLE = 6, 1, 4


def serve(client):
    with client, client.makefile("rb") as lines:
        client.setsockopt(SOL_TCP, TCP_KEEPIDLE, struct.pack("i", 60))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, True)
        client.setsockopt(SOL_TCP, TCP_NODELAY, True)
        for line in lines:
            client.sendall(line.upper())


with socket.create_server(("127.0.0.1", 5000)) as server:
    while True:
        Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
"""


def on_the_listener(first: str, then: str) -> str:
    options = [line.strip().replace("connection", "server") for line in ALL.splitlines()]
    lines = [*options, LISTEN] if then == LISTEN else [LISTEN, *options]
    return SERVER.replace(ALL, "").replace(LISTEN, ("\n" + " " * 8).join(lines))


RIGHT = {
    "each connection": SERVER,
    "listener, before": on_the_listener("options", LISTEN),
    "listener, after": on_the_listener(LISTEN, "options"),
    "asyncio": ASYNC,
    "threads": THREADS,
}
AT_FIRST = "data = self.connection.recv(65536)\n"
WRONG = [
    (
        ALL,
        "",
        "no keepalive timer for a client that has said nothing yet: .*\nhint: SO_KEEPALIVE is",
    ),
    (NODELAY, "pass", "two short answers, .* holds back the second, .*\nhint: TCP_NODELAY of IPP"),
    (NODELAY, NODELAY.replace("1)", "0)"), "holds back the second"),
    (NODELAY, NODELAY.replace("NODELAY", "QUICKACK"), "holds back the second"),
    (NODELAY, NODELAY.replace("NODELAY", "CORK"), "holds back the second"),
    (NODELAY, NODELAY.replace("NODELAY", "NO_DELAY"), "AttributeError: .*, in your line"),
    (KEEPALIVE, "pass", "no keepalive timer for a client that has said nothing yet"),
    (
        KEEPALIVE,
        KEEPALIVE.replace("SOL_SOCKET", "IPPROTO_TCP"),
        "no keepalive timer .*\nhint: .*SOL_",
    ),
    (KEEPALIVE, KEEPALIVE.replace("1)", "0)"), "no keepalive timer"),
    (IDLE, "pass", "ask a client that has said nothing yet after 7200 s of silence, not after 60"),
    (IDLE, IDLE.replace("60", "6"), "after 6 s of silence, not after 60"),
    (IDLE, IDLE.replace("60", "600"), "after 600 s of silence, not after 60"),
    (
        IDLE,
        IDLE.replace("60", "60_000"),
        "Invalid argument, in your line .*\nhint: .* takes seconds",
    ),
    (IDLE, IDLE.replace("IDLE", "INTVL"), "after 7200 s of silence, not after 60"),
    (
        IDLE,
        IDLE.replace("IPPROTO_TCP", "SOL_SOCKET"),
        "Protocol not available, in your line .*\nhint: SO_KEEPALIVE is of SOL_SOCKET",
    ),
    (ALL, ALL.replace("connection.", "server."), "no keepalive timer for a client that has said"),
    (
        AT_FIRST,
        AT_FIRST + f"        self.{KEEPALIVE.replace('1)', '0)')}\n",
        "no keepalive timer for a client that has talked: .*\nhint: leave SO_KEEPALIVE on",
    ),
    (  # on the listener, when the first client is accepted already
        NODELAY,
        NODELAY.replace("connection.", "server."),
        "sent its first client two short .* holds back the second, .*\nhint: a later client has",
    ),
    (
        ALL,
        "        if not clients:\n" + ALL.replace(" " * 8, " " * 12),
        "no keepalive timer for the client after the first one: .*\nhint: the first client has",
    ),
    (
        NODELAY,
        NODELAY.replace("IPPROTO_TCP", "SOL_SOCKET"),
        "Permission denied, in your line .*\nhint: SO_KEEPALIVE is of SOL_SOCKET, TCP_NODELAY|"
        "two short answers",  # the administrator may
    ),
    ("return 0 if self.ended else select.EPOLLIN", "return 0", "ended the connection without"),
    (
        ".upper()",
        "",
        "answered b'hello.n', expected b'HELLO.n'\nhint: begin with the server as it was",
    ),
    ('("127.0.0.1", port)', '("127.0.0.1", 5001)', "listens on port 5001, not 5000"),
]


def check(folder: Path, server: str) -> str:
    (folder / "shout_server.py").write_text(server)
    code = "from sockutils.lessons import sockopts; print(sockopts.step('shout_server.py'))"
    return alone(folder, code)


@pytest.mark.parametrize("name", sample(RIGHT))
def test_a_server_that_asks_and_sends_at_once_passes(tmp_path: Path, name: str) -> None:
    assert check(tmp_path, RIGHT[name]) == "step: passed\n"


@pytest.mark.parametrize(("right", "instead", "words"), sample(WRONG), ids=count())
def test_a_wrong_server(tmp_path: Path, right: str, instead: str, words: str) -> None:
    assert right in SERVER
    said = check(tmp_path, SERVER.replace(right, instead))
    assert said.startswith("step: not yet — "), said
    assert re.search(words, said), said


def test_options_set_once_the_client_talks_are_late(tmp_path: Path) -> None:
    late = AT_FIRST + ALL.replace("connection.", "self.connection.")
    said = check(tmp_path, SERVER.replace(ALL, "").replace(AT_FIRST, late))
    assert "no keepalive timer for a client that has said nothing yet" in said
