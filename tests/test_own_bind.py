"""The step of 02: a server that takes a port and starts again passes, others get their words."""

import re
from itertools import count
from pathlib import Path

import pytest
from kernels import alone

SERVER = """
import socket
import sys

port = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
with socket.socket() as server:
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind(("127.0.0.1", port))
        server.listen()
    except OSError as error:
        sys.exit(f"port {port}: {error.strerror}")
    connection, _ = server.accept()
with connection:
    connection.sendall(connection.recv(100).upper())
"""
SHORT = """
import socket, sys

port = int((sys.argv[1:] or [5000])[0])
try:
    server = socket.create_server(("127.0.0.1", port))
except OSError as error:
    print(error)
    sys.exit(1)
while True:
    connection, _ = server.accept()
    with connection:
        connection.sendall(connection.recv(100).upper())
"""
AROUND = """
import socket, sys

port = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
with socket.socket() as server:
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind(("127.0.0.1", port))
        server.listen()
        connection, _ = server.accept()
        with connection:
            connection.sendall(connection.recv(100).upper())
    except OSError as error:
        sys.exit(f"port {port}: {error.strerror}")
"""
CALLS_FIRST = """
import socket, sys

port = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
with socket.socket() as probe:
    if probe.connect_ex(("127.0.0.1", port)) == 0:
        sys.exit(f"port {port} is in use")
server = socket.create_server(("127.0.0.1", port))
with server, server.accept()[0] as connection:
    server.close()
    connection.sendall(connection.recv(100).upper())
"""
SURVIVES = SHORT.replace("connection:", "connection, suppress(OSError):").replace(
    "import socket, sys", "import socket, sys\nfrom contextlib import suppress"
)
OPTION = "    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n"
EXIT = 'sys.exit(f"port {port}: {error.strerror}")'
WRONG = [
    (OPTION, "", r"5000: Address already in use\): on port 5000 is a connection \(FIN-WAIT-[12]\)"),
    (OPTION, "", r"of its first run: SO_REUSEADDR, set before[^\n]*\n$"),
    ("REUSEADDR", "REUSEPORT", "two of them listen on port 5000: SO_REUSEPORT shares it"),
    (EXIT, "raise", r"with a traceback \(OSError: .*Address already in use\). Catch the OSError"),
    (EXIT, "print(error)", r"traceback \(OSError: .*Invalid argument\). It went on after bind"),
    (EXIT, "print(error); sys.exit(error)", "printed 2 lines, not one"),
    (EXIT, "sys.exit(1)", "printed 0 lines, not one"),
    (EXIT, "print(error); sys.exit()", "ended with status 0, not 1"),
    (EXIT, "print(error); sys.exit(2)", "ended with status 2, not 1"),
    (EXIT, 'sys.exit("5000 is taken")', "5001, .* says '5000 is taken': name its own port"),
    (EXIT, "print(error); import signal; signal.pause()", "still runs 10 s later"),
    (
        "int(sys.argv[1]) if len(sys.argv) > 1 else 5000",
        "5000",
        r"on port 5000, not 5001[^\n]*\nhint: sys.argv",
    ),
    ("else 5000", "else 5001", r"listens on port 5001, not 5000[^\n]*\nhint: sys.argv"),
    (
        " if len(sys.argv) > 1 else 5000",
        "",
        r"status 1: IndexError: .*, in your line 5[^\n]*\nhint: sys",
    ),
    ('"127.0.0.1"', '""', r"listens on 0.0.0.0, not 127.0.0.1[^\n]*\n$"),
    ("int(sys.argv[1])", "sys.argv[1]", "status 1: TypeError: .*, in your line 9"),
    (".upper()", "", "answered b'hello', expected b'HELLO'"),
]
LEFT = """
import socket
with socket.socket() as server:
    server.bind(("127.0.0.1", 5000)); server.listen()
    with socket.create_connection(server.getsockname()) as client, server.accept()[0] as first:
        first.close(); client.recv(1)
"""


RUN = """
import sys
from pathlib import Path
from sockutils import sockets
from sockutils.lessons import bind
{before}
for server in sys.argv[1:]:
    Path("shout_server.py").write_text(server)
    print(bind.step("shout_server.py"))
    assert not sockets(port=5001)
"""


def check(folder: Path, *servers: str, before: str = "") -> str:
    """What the step says of each, one after the other in one network."""
    return alone(folder, RUN.format(before=before), *servers)


RIGHT = {
    "steps": SERVER,
    "create_server, loop": SHORT,
    "survives a reset": SURVIVES,
    "any error's own name": AROUND,
}


@pytest.mark.parametrize("server", RIGHT.values(), ids=RIGHT)
def test_a_server_that_starts_again_passes(tmp_path: Path, server: str) -> None:
    assert check(tmp_path, server) == "step: passed\n"


@pytest.mark.parametrize(("old", "new", "words"), WRONG, ids=count())
def test_a_wrong_server(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert SERVER.count(old) == 1
    said = check(tmp_path, SERVER.replace(old, new))
    assert said.startswith("step: not yet — "), said
    assert re.search(words, said), said


def test_a_port_is_not_in_use_if_the_client_is_gone(tmp_path: Path) -> None:
    said = check(tmp_path, AROUND.replace("{error.strerror}", "in use"))
    assert re.search("a client .* reset its .* says 'port 5000: in use', as where .* Keep", said)


def test_a_call_is_no_way_to_ask(tmp_path: Path) -> None:
    said = check(tmp_path, CALLS_FIRST)
    assert re.search(r"serves nobody any more .* second time: .* Let bind\(\) say", said)


def test_a_wrong_server_leaves_the_port_to_the_next(tmp_path: Path) -> None:
    said = check(tmp_path, SERVER.replace(OPTION, ""), SERVER)
    assert "of its first run" in said
    assert said.endswith("step: passed\n")


def test_what_an_earlier_run_has_left_is_named(tmp_path: Path) -> None:
    words = r"5000 is a connection \(TIME-WAIT\) of a run before it, .*: try again in a minute"
    assert re.search(words, check(tmp_path, SERVER, before=LEFT))
