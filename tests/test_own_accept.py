"""The step of 04: a server that survives clients that have gone passes, others get their words."""

import re
from itertools import count
from pathlib import Path

import pytest
from kernels import alone

HEAD = """
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
"""
SERVER = f"""{HEAD}
        connection, address = server.accept()
        print(address)
        with connection:
            try:
                connection.sendall(connection.recv(100).upper())
            except OSError as error:
                print(address, error)
"""
THREADS = """
import socket, threading

def serve(connection, address):
    print("from", *address)
    with connection:
        connection.sendall(connection.recv(100).upper())

with socket.create_server(("127.0.0.1", 5000)) as server:
    while True:
        threading.Thread(target=serve, args=server.accept()).start()
"""
AS_IT_WAS = f"""{HEAD}
        connection, _ = server.accept()
        with connection:
            connection.sendall(connection.recv(100).upper())
"""
AROUND_ALL = """
import socket

with socket.create_server(("127.0.0.1", 5000)) as server:
    try:
        while True:
            connection, address = server.accept()
            print(address)
            with connection:
                connection.sendall(connection.recv(100).upper())
    except ConnectionError:
        print(address, "is gone")
"""
AROUND_ACCEPT = """
import socket

with socket.create_server(("127.0.0.1", 5000)) as server:
    while True:
        try:
            connection, address = server.accept()
        except ConnectionError:
            continue
        print(address)
        with connection:
            connection.sendall(connection.recv(100).upper())
"""
ANEW = """
import socket

while True:
    try:
        with socket.create_server(("127.0.0.1", 5000)) as server:
            while True:
                connection, address = server.accept()
                print(address)
                with connection:
                    connection.sendall(connection.recv(100).upper())
    except ConnectionError:
        pass
"""
SERVED_ONLY = """
import socket

with socket.create_server(("127.0.0.1", 5000)) as server:
    while True:
        connection, address = server.accept()
        with connection:
            try:
                connection.sendall(connection.recv(100).upper())
                print(address)
            except ConnectionError:
                pass
"""
NO_WORDS_NO_SERVER = """
import socket

with socket.create_server(("127.0.0.1", 5000)) as server:
    while True:
        connection, address = server.accept()
        print(address)
        with connection:
            try:
                words = connection.recv(100)
                if not words:
                    break
                connection.sendall(words.upper())
            except ConnectionError:
                pass
"""
SWALLOWS_ALL = """
import socket

with socket.create_server(("127.0.0.1", 5000)) as server:
    while True:
        try:
            connection, address = server.accept()
            print(address)
            with connection:
                connection.sendall(connection.recv(100).upper())
        except:
            pass
"""
LOGS_ALL = SWALLOWS_ALL.replace("except:", "except OSError as error:").replace(
    "pass", "print(error)"
)
NO_WITH = """
import socket

with socket.create_server(("127.0.0.1", 5000)) as server:
    while True:
        connection, address = server.accept()
        print(address)
        try:
            connection.sendall(connection.recv(100).upper())
            connection.close()
        except ConnectionError as error:
            print(address, error)
"""
WRONG = [
    (
        AS_IT_WAS,
        r"status 1: ConnectionResetError: .*, in your line 18.*\nhint: some clients.*inside",
    ),
    (
        AROUND_ALL,
        r"ended when a client reset the connection before accept\(\)\nhint: some clients.*inside",
    ),
    (AROUND_ACCEPT, "ended with status 1: ConnectionResetError: .*, in your line 12"),
    (ANEW, "the other end of shout_server.py got: |reset the connection|without an answer"),
    (
        SERVED_ONLY,
        r"last, and nowhere \('127.0.0.1', \d+\), who (reset the conn|said rude and reset)",
    ),
    (NO_WORDS_NO_SERVER, r"ended when a client left without a word .*\nhint: .* b'' .* `break`"),
    (SWALLOWS_ALL, r"without an end, and keeps a processor busy\nhint: the `try` around recv"),
    (LOGS_ALL, "without an end, and keeps a processor busy"),
    (NO_WITH, r"leaves to Python what is unclosed <socket.*\nhint: an error jumps over close\(\)"),
    (
        SERVER.replace(
            "OSError as error:\n                p", "BrokenPipeError as error:\n                p"
        ),
        "status 1: ConnectionRes",
    ),
    (SERVER.replace("print(address)", "print(connection.getpeername())"), "not connected, in your"),
    (
        SERVER.replace("print(address)", "pass"),
        r"Broken pipe\" last, and nowhere \('127.0.0.1', \d+\), who sa",
    ),
    (SERVER.replace("print(address)", "print(address[0])"), "print the address that accept"),
    (
        SERVER.replace("print(address)", "print(address[1])").replace(
            "print(address, error)", "pass"
        ),
        r"printed '\d+' last: print the address, with its host, too",
    ),
    (
        SERVER.replace("OSError as error", "ConnectionResetError as error"),
        r"status 1: BrokenPipeError: .*\nhint: EPIPE is what a reset is called .* OSError",
    ),
    (
        SERVER.replace(
            "except OSError as error:\n                p", "except:\n                p"
        ).replace("address, error", "address"),
        r"Ctrl-C does not end shout_server.py while .*\nhint: `except OSError:`, as `except:`",
    ),
]


def check(folder: Path, server: str) -> str:
    (folder / "shout_server.py").write_text(server)
    code = "from sockutils.lessons import accept; print(accept.step('shout_server.py'))"
    return alone(folder, code)


@pytest.mark.parametrize("server", [SERVER, THREADS], ids=["loop", "threads"])
def test_a_server_that_survives_its_clients_passes(tmp_path: Path, server: str) -> None:
    assert check(tmp_path, server) == "step: passed\n"


@pytest.mark.parametrize(("server", "words"), WRONG, ids=count())
def test_a_wrong_server(tmp_path: Path, server: str, words: str) -> None:
    said = check(tmp_path, server)
    assert said.startswith("step: not yet — "), said
    assert re.search(words, said), said
