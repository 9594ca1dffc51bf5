"""The step of 03: a server that serves whoever waits passes, others get their words."""

import os
import re
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest
from kernels import PRIVATE, refusal

SERVER = """
import socket

with socket.create_server(("127.0.0.1", 5000)) as server:
    while True:
        connection, _ = server.accept()
        with connection:
            connection.sendall(connection.recv(100).upper())
"""
THREADS = """
import socket, threading

def serve(connection):
    with connection:
        connection.sendall(connection.recv(100).upper())

with socket.create_server(("127.0.0.1", 5000)) as server:
    while True:
        threading.Thread(target=serve, args=[server.accept()[0]]).start()
"""
ONCE = SERVER.replace("while True:", "if True:")
INSIDE = """
import socket

while True:
    with socket.create_server(("127.0.0.1", 5000)) as server:
        connection, _ = server.accept()
        with connection:
            connection.sendall(connection.recv(100).upper())
"""
TEN = SERVER.replace("while True", "for _ in range(10)")
ON = """
import socket

with socket.create_server(("127.0.0.1", 5000)) as server:
    while True:
        connection, _ = server.accept()
        with connection:
            while True:
                connection.sendall(connection.recv(100).upper())
"""
TO_THE_END = """
import socket

with socket.create_server(("127.0.0.1", 5000)) as server:
    while True:
        connection, _ = server.accept()
        with connection:
            while words := connection.recv(100):
                connection.sendall(words.upper())
"""
RECV = """
import socket

with socket.create_server(("127.0.0.1", 5000)) as server:
    connection, _ = server.accept()
    while True:
        connection.sendall(connection.recv(100).upper())
"""
WRONG = [
    (ONCE, "ended after 1 client, and the others waited\nhint: put accept.* into a loop"),
    (SERVER.replace("while True", "for _ in range(3)"), "ended after 3 clients.*without an end"),
    (TEN, "ended after 10 clients.*without an end"),
    (TEN.replace("10", "50"), "ended after 50 clients.*without an end"),
    (INSIDE, "who waited for shout_server.py was reset: it closed its listener\nhint: .* `with`"),
    (RECV, "the same client again and again, and does not come to close.*\nhint: .*accept"),
    (ON, "the same client again and again, and does not come to close.*\nhint: .*accept"),
    (TO_THE_END, "the same client again and again, and does not come to close"),
    (SERVER.replace("5000)", "5000), backlog=4"), "and 6 found room\nhint: a larger backlog"),
    (SERVER.replace("as server", "as sever"), "NameError: .*, in your line 6"),
    (SERVER.replace(".accept()", ".akcept()"), "AttributeError: .*, in your line 6"),
]


def check(folder: Path, server: str) -> str:
    if why := refusal():
        pytest.skip(why)
    (folder / "shout_server.py").write_text(server)
    code = "from sockutils.lessons import listen; print(listen.step('shout_server.py'))"
    command = [*PRIVATE, sys.executable, "-W", "error", "-c", code]
    environment = {**os.environ, "XDG_DATA_HOME": str(folder / "home")}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("server", [SERVER, THREADS], ids=["loop", "threads"])
def test_a_server_that_serves_all_who_wait_passes(tmp_path: Path, server: str) -> None:
    assert check(tmp_path, server) == "step: passed\n"


@pytest.mark.parametrize(("server", "words"), WRONG, ids=count())
def test_a_wrong_server(tmp_path: Path, server: str, words: str) -> None:
    said = check(tmp_path, server)
    assert said.startswith("step: not yet — "), said
    assert re.search(words, said, re.DOTALL), said
