"""The step of 03: a server that serves whoever waits passes, others get their words."""

import re
from itertools import count
from pathlib import Path

import pytest
from kernels import alone

SERVER = """
import socket
import sys

port = int(sys.argv[1]) if len(sys.argv) > 1 else 5000

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind(("127.0.0.1", port))
        server.listen()
    except OSError as error:
        sys.exit(f"port {port}: {error.strerror}")
    while True:
        connection, _ = server.accept()
        with connection:
            connection.sendall(connection.recv(100).upper())
"""
SERVES = """
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
CLOSED = """
import socket

while True:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", 5000))
        server.listen()
        connection, _ = server.accept()
    with connection:
        connection.sendall(connection.recv(100).upper())
"""
AS_BEFORE = SERVER.replace(SERVES, SERVES.replace("\n        ", "\n")).replace(
    "    while True:\n        connection, _", "    connection, _"
)
OUTSIDE = """
import socket

with socket.create_server(("127.0.0.1", 5000)) as server:
    print("listens")
while True:
    connection, _ = server.accept()
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
UNLESS_MUTE = """
        with connection:
            data = connection.recv(100)
            if not data:
                break
            connection.sendall(data.upper())
"""
UNTIL_A_WORD = """
        with connection:
            while not (data := connection.recv(100)):
                pass
            connection.sendall(data.upper())
"""
GOES_ON = UNLESS_MUTE.replace("break", "continue")
WRONG = [
    (SERVER.replace(SERVES, UNLESS_MUTE), "left without a word, and .* ended\nhint: .*`break`"),
    (
        SERVER.replace(SERVES, UNLESS_MUTE.replace("break", "sys.exit('nobody')")),
        "left without a word, and shout_server.py ended with status 1: nobody\nhint: recv",
    ),
    (
        SERVER.replace(SERVES, UNLESS_MUTE.replace("not data", "data[0] == 0")),
        "left without a word, and .*IndexError: .*, in your line 18.*\nhint: recv",
    ),
    (
        SERVER.replace(SERVES, UNTIL_A_WORD),
        "left without a word, and for the next one: .* answered nothing.*\nhint: recv",
    ),
    (ONCE, "ended after 1 client, and the others waited\nhint: put accept.* into a loop"),
    (SERVER.replace("while True", "for _ in range(3)"), "ended after 3 clients.*without an end"),
    (TEN, "ended after 10 clients.*without an end"),
    (TEN.replace("10", "50"), "ended after 50 clients.*without an end"),
    (TEN.replace("10", "60"), "ended after 60 clients.*without an end"),
    (INSIDE, "who waited for shout_server.py was reset: it closed its listener\nhint: .* `with`"),
    (CLOSED, "closed its listener.*\nhint: the `with` of the listener"),
    (CLOSED.replace("listen()", "listen(50)"), "closed its listener.*\nhint: the `with` of"),
    # it closes its listener when the first client is there: some may be in its queue
    (AS_BEFORE, "(closed its listener|ended after 1 client).*\nhint: (the `with` of|put accept)"),
    (RECV, "the same client again and again, and does not come to close.*\nhint: .*accept"),
    (ON, "the same client again and again, and does not come to close.*\nhint: .*accept"),
    (TO_THE_END, "the same client again and again, and does not come to close"),
    (
        SERVER.replace("listen()", "listen(5)"),
        "and 7 found room \\(one of them with accept.*\nhint: listen\\(\\) without a number",
    ),
    (SERVER.replace("server.accept", "sever.accept"), "NameError: .*, in your line 15"),
    (SERVER.replace(".accept()", ".akcept()"), "AttributeError: .*, in your line 15"),
    (
        SERVER.replace(SERVES, SERVES.replace("\n    ", "\n")),
        "(had read everything|without an answer)\nhint: the loop goes",
    ),
    (
        SERVER.replace(SERVES, SERVES.replace("\n        ", "\n")),
        "(had read everything|without an answer)\nhint: the loop",
    ),
    (OUTSIDE, "Bad file descriptor.*\nhint: the loop belongs into"),
    (SERVER.replace("        server.listen()\n", ""), "Invalid argument.*\nhint: listen"),
    (
        SERVER.replace("        with connection:\n            conn", "        conn"),
        "left the connection open.*\nhint: `with connection:`",
    ),
]


def check(folder: Path, server: str, lesson: str = "listen") -> str:
    (folder / "shout_server.py").write_text(server)
    code = f"from sockutils.lessons import {lesson}; print({lesson}.step('shout_server.py'))"
    return alone(folder, code)


@pytest.mark.parametrize(
    "server",
    [SERVER, SERVER.replace(SERVES, GOES_ON), THREADS],
    ids=["loop", "goes on", "threads"],
)
def test_a_server_that_serves_all_who_wait_passes(tmp_path: Path, server: str) -> None:
    assert check(tmp_path, server) == "step: passed\n"


def test_it_still_does_what_02_asked_for(tmp_path: Path) -> None:
    assert check(tmp_path, SERVER, "bind") == "step: passed\n"


@pytest.mark.parametrize(("server", "words"), WRONG, ids=count())
def test_a_wrong_server(tmp_path: Path, server: str, words: str) -> None:
    said = check(tmp_path, server)
    assert said.startswith("step: not yet — "), said
    assert re.search(words, said, re.DOTALL), said
