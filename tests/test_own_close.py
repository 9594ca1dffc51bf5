"""The step of 08: a client that half-closes and reads on passes, with the server of 06."""

import re
from itertools import count
from pathlib import Path

import pytest
import reference
from kernels import alone, sample

SERVER = "\n" + reference.program("06_send_recv.ipynb", "shout_server.py")
CLIENT = "\n" + reference.program("08_close.ipynb", "shout_client.py")
# One after the other: each line waits for its answer, and only then comes the half-close.
ONE_BY_ONE = """
import socket
import sys

def main():
    with socket.create_connection(("127.0.0.1", 5000), timeout=2) as client:
        answers = client.makefile("r")
        for line in sys.argv[1:] or ["hello"]:
            client.sendall(f"{line}\\n".encode())
            print(answers.readline(), end="")
        client.shutdown(socket.SHUT_WR)
        print(answers.read(), end="")
        answers.close()

try:
    main()
except ConnectionRefusedError:
    sys.exit("nobody there")
"""
AT_ONCE = """
import socket
import sys

client = socket.socket()
try:
    client.connect(("127.0.0.1", 5000))
except OSError as error:
    sys.exit(str(error))
client.sendall(("\\n".join(sys.argv[1:] or ["hello"]) + "\\n").encode())
client.shutdown(socket.SHUT_WR)
got = b""
while part := client.recv(65536):
    got += part
client.close()
print(got.decode())
"""
THREAD = """
import socket
import sys
import threading

def read():
    with client.makefile("r") as answers:
        sys.stdout.write(answers.read())

try:
    client = socket.create_connection(("127.0.0.1", 5000))
except OSError as error:
    print(error, file=sys.stderr)
    sys.exit(1)
with client:
    reader = threading.Thread(target=read)
    reader.start()
    for line in sys.argv[1:] or ["hello"]:
        client.sendall(line.encode() + b"\\n")
    client.shutdown(socket.SHUT_WR)
    reader.join()
"""
BUFFER = """
import socket

with socket.create_server(("127.0.0.1", 5000)) as server:
    while True:
        connection, _ = server.accept()
        with connection:
            rest = b""
            while part := connection.recv(65536):
                *lines, rest = (rest + part).split(b"\\n")
                for line in lines:
                    connection.sendall(line.upper() + b"\\n")
            connection.sendall(rest.upper())
"""
# It answers when it has read everything, as it may.
AT_THE_END = """
import socket

with socket.create_server(("127.0.0.1", 5000)) as server:
    while True:
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(lines.read().upper())
"""
RIGHT = [(SERVER, CLIENT), (BUFFER, ONE_BY_ONE), (AT_THE_END, AT_ONCE), (SERVER, THREAD)]

SHUTDOWN = "client.shutdown(socket.SHUT_WR)"
LOOP = "for answer in answers:\n            print(answer.decode(), end='')".replace("''", '""')
PARTS = 'while part := client.recv(4096):\n            print(part.decode(), end="")'
IN_THREE = "print(client.recv(4096).decode(), end='')"
COUNTS = "for _ in lines:\n            print(answers.readline().decode(), end='')"
SENDS = 'for line in lines:\n            client.sendall(line.encode() + b"\\n")'
IN_TURN = f'{SENDS}\n            print(answers.readline().decode(), end="")'
UNDONE = (
    "does not say that it is done.*until it has timed out\nhint: client.shutdown.socket.SHUT_WR"
)
GONE = "was gone without waiting for an answer\nhint: SHUT_WR is the direction that you send in; "
WRONG_CLIENTS = [
    (SHUTDOWN, "pass", UNDONE),
    (SHUTDOWN, "client.close()", f"{UNDONE}.*close.. ends nothing as long as a file"),
    (f"{SENDS}\n        {SHUTDOWN}", IN_TURN, UNDONE),
    (f"{SENDS}\n        {SHUTDOWN}", f"{SHUTDOWN}\n        {SENDS}", "Broken pipe\nhint: .* loop"),
    (SHUTDOWN, "client.shutdown(socket.SHUT_RDWR)", GONE),
    (SHUTDOWN, "client.shutdown(socket.SHUT_RD)", GONE),
    (
        SHUTDOWN,
        "answers.close(); client.close(); client.recv(1)",
        "Bad file descriptor\nhint: client",
    ),
    (LOOP, "pass", GONE),
    (LOOP, "print(answers.readline().decode(), end='')", "gone before|reset the connection"),
    (LOOP, COUNTS, "was gone before its server had said everything.*\nhint: read until"),
    (LOOP, PARTS, "UnicodeDecodeError: .*, in your line .*\nhint: a character may come in two"),
    (LOOP, IN_THREE, "was gone before .*\nhint: read until .*SHUT_WR(?!.*SHUT_RD)"),
    (LOOP, "answers.read()", "printed 0 lines, and not the answer 'HELLO'"),
    (LOOP, "print(answers.read())", "printed .b'HELLO.*, as Python writes bytes\nhint: `.decode"),
    (LOOP, LOOP.replace(', end=""', ""), "printed empty lines between the answers\nhint: .*end=''"),
    (
        'sys.argv[1:] or ["hello"]',
        '["hello"]',
        "line 1 is b'hello', not b'good morning'\nhint: line",
    ),
    (
        "sys.argv[1:] or",
        "sys.argv[1:] and",
        "ended, and said nothing|called, said nothing, and ended its direction",
    ),
    (' + b"\\n"', "", "said b'hello': a message has to end with a newline\nhint: line.encode"),
    (
        '(line.encode() + b"\\n")',
        '(" ".join(lines).encode() + b"\\n"); break',
        "is .* begin with b'li",
    ),
    ("for line in lines:", "for line in lines[:1]:", "line 2 is missing, b'line 1'"),
    ("for line in lines:", 'for line in [*lines, "!"]:', "line 2 is one too many, b'!'"),
    ("sys.exit(f", "print(f", "nobody listens, and .* ends with status 0: let it be 1.*\nhint: as"),
    ("except OSError as", "except KeyError as", "one line, and no traceback: .*\nhint: as before"),
    ("client.sendall(", "client.senddall(", "AttributeError: .*, in your line"),
    ("for answer in answers:", "for answer in [*answers][:-1]:", "missing"),
]
SERVES = "for line in lines:\n                    connection.sendall(line.upper())"
WRONG_SERVERS = [
    (SERVES, "connection.sendall(lines.readline().upper())", "it closed before it had read every"),
    (SERVES, "connection.sendall(connection.recv(100).upper())", "before it had read everything"),
    (SERVES, "connection.recv(100)", "before it had read everything"),
    ("line.upper()", "line", "answered b'line 0.n.*, expected b'LINE 0"),
    ("with connection, conn", "with conn", "left the connection open: close.. it"),
    (
        SERVES,
        "while True:\n                    connection.sendall(connection.recv(1 << 20).upper())",
        "left the connection open: .*\nhint: the client's end, b'', is the end of your loop",
    ),
    ("    while True:\n", "    for _ in range(1):\n", "ended after its first client"),
    ("5000\n", "5001\n", "5001"),
]


def check(folder: Path, server: str, client: str) -> str:
    (folder / "shout_server.py").write_text(server)
    (folder / "shout_client.py").write_text(client)
    files = "'shout_server.py', 'shout_client.py'"
    return alone(folder, f"from sockutils.lessons import close; print(close.step({files}))")


@pytest.mark.parametrize(("server", "client"), sample(RIGHT), ids=count())
def test_ends_that_read_everything_pass(tmp_path: Path, server: str, client: str) -> None:
    assert check(tmp_path, server, client) == "step: passed\n"


@pytest.mark.parametrize(("right", "instead", "words"), sample(WRONG_CLIENTS), ids=count())
def test_a_wrong_client(tmp_path: Path, right: str, instead: str, words: str) -> None:
    assert right in CLIENT
    said = check(tmp_path, SERVER, CLIENT.replace(right, instead))
    assert said.startswith("step: not yet — "), said
    assert re.search(words, said, re.DOTALL), said


@pytest.mark.parametrize(("right", "instead", "words"), sample(WRONG_SERVERS), ids=count())
def test_a_wrong_server(tmp_path: Path, right: str, instead: str, words: str) -> None:
    assert right in SERVER
    said = check(tmp_path, SERVER.replace(right, instead), CLIENT)
    assert said.startswith("step: not yet — "), said
    assert re.search(words, said), said


def test_both_are_needed(tmp_path: Path) -> None:
    (tmp_path / "shout_client.py").write_text(CLIENT)
    code = "from sockutils.lessons import close\n"
    said = alone(tmp_path, code + "print(close.step('shout_server.py', 'shout_client.py'))")
    assert "shout_server.py is not there yet: write it" in said
