"""The step of 01: a server of bare calls that closes what it opens; others get their words."""

import re
from itertools import count
from pathlib import Path

import pytest
from kernels import alone

SERVER = """
import socket

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.bind(("127.0.0.1", 5000))
    server.listen()
    connection, _ = server.accept()
with connection:
    connection.sendall(connection.recv(100).upper())
"""
CLOSES = """
import socket

server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", 5000))
server.listen(1)
connection, _ = server.accept()
server.close()
while part := connection.recv(4):
    connection.sendall(part.upper())
connection.close()
"""
UNCHANGED = """
import socket

with socket.create_server(("127.0.0.1", 5000)) as server:
    connection, _ = server.accept()
    with connection:
        connection.sendall(connection.recv(100).upper())
"""
SHORT = """
import socket

with socket.create_server(("127.0.0.1", 5000)) as server:
    connection, _ = server.accept()
with connection:
    connection.sendall(connection.recv(100).upper())
"""
NESTED = """
import socket

with socket.socket() as server:
    server.bind(("127.0.0.1", 5000))
    server.listen()
    connection, _ = server.accept()
    with connection:
        connection.sendall(connection.recv(100).upper())
"""
SENDS = "    connection.sendall(connection.recv(100).upper())"
FORGETS = f"connection.sendall{SENDS.partition('sendall')[2]}"
# whether the words have come when it closes, and who has closed first then
SPOKE_FIRST = "closed before it had read every|expected b'WHO IS THERE|rests for a minute"
WRONG = [
    (UNCHANGED, r"in shout_server.py create_server\(\) is still called.*\nhint: socket.socket\(\)"),
    (SHORT, r"create_server\(\) is still called: write the three calls in its place"),
    (SHORT.replace("import socket", "from socket import create_server as make"), "is still called"),
    (NESTED.replace("    with conn", "    while True: pass\n    with conn"), "and still listens"),
    (NESTED, "has a client, and still listens: .* close the listener as soon as accept"),
    (
        SERVER.replace("connection, _ =", "import signal; signal.pause() #"),
        r"has not called accept\(\) within 8 s.*, and it still listens",
    ),
    (
        SERVER.replace("STREAM", "DGRAM").replace("listen()", "recv(100)"),
        "receives datagrams: make it SOCK_STREAM",
    ),
    (SERVER.replace(f"with connection:\n{SENDS}", FORGETS), "leaves to Python what is unclosed <s"),
    (
        CLOSES.replace("server.close()", "server = None"),
        "leaves to Python what is unclosed <socket.socket fd=3,.*5000.*>: close it, or put it into",
    ),
    (CLOSES.replace("connection.close()", ""), "leaves to Python what is unclosed <socket"),
    (
        SERVER.replace("    server.listen()\n", ""),
        r"Invalid argument, in your line 6: connection.*\nhint: .*accept\(\) needs a socket",
    ),
    (
        SERVER.replace("    server.bind", "    print"),
        r"listens on port \d+, not 5000\nhint: without bind\(\) the kernel chooses",
    ),
    (
        SERVER.replace('(("127.0.0.1", 5000))', '("127.0.0.1", 5000)'),
        r"takes exactly one argument .*\nhint: host and port are one argument",
    ),
    (SERVER.replace("STREAM", "DGRAM"), r"Operation not supported.*\nhint: .* SOCK_STREAM"),
    (SERVER.replace("127.0.0.1", ""), r"listens on .*, not 127.0.0.1\nhint: bind\(\) decides"),
    (SERVER.replace("5000", "5001"), "listens on port 5001, not 5000"),
    (SERVER.replace("    connection, _", "connection, _"), "Bad file descriptor, in your line 7"),
    (SERVER.replace(".upper()", ""), "answered b'hello', expected b'HELLO'"),
    (SERVER.replace("as server", "as sever"), "NameError: .*, in your line 5"),
    (SERVER.replace(SENDS, "    connection.sendall(b'HELLO')"), SPOKE_FIRST),
    (SERVER + "\nimport signal; signal.pause()", "still runs 8 s later"),
    (SERVER + "\nprint(unknown)", "ended with status 1: NameError"),
]


def check(folder: Path, server: str, times: int = 1) -> str:
    (folder / "shout_server.py").write_text(server)
    code = "from sockutils.lessons import socket as lesson\n"
    code += "print(lesson.step('shout_server.py'))\n" * times
    return alone(folder, code)


@pytest.mark.parametrize("server", [SERVER, CLOSES], ids=["with", "close"])
def test_bare_calls_pass_and_leave_no_port_at_rest(tmp_path: Path, server: str) -> None:
    assert check(tmp_path, server, times=3) == "step: passed\n" * 3


@pytest.mark.parametrize(("server", "words"), WRONG, ids=count())
def test_a_wrong_server(tmp_path: Path, server: str, words: str) -> None:
    said = check(tmp_path, server)
    assert said.startswith("step: not yet — "), said
    assert re.search(words, said), said
