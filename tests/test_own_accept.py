"""The step of 04: a server that survives clients that have gone passes, others get their words."""

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
        connection, address = server.accept()
        print(address)
        with connection:
            try:
                connection.sendall(connection.recv(100).upper())
            except ConnectionError as error:
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
AS_IT_WAS = """
import socket

with socket.create_server(("127.0.0.1", 5000)) as server:
    while True:
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
WRONG = [
    (AS_IT_WAS, "ended with status 1: ConnectionResetError: .*, in your line 8"),
    (AROUND_ALL, "ended when a client was gone before accept.*: catch what fails with one"),
    (AROUND_ACCEPT, "ended with status 1: ConnectionResetError: .*, in your line 12"),
    (ANEW, "the other end of shout_server.py got: |reset the connection|without an answer"),
    (SERVED_ONLY, r"and not \('127.0.0.1', \d+\), who (reset the conn|said rude and reset)"),
    (NO_WORDS_NO_SERVER, "ended when a client was gone before accept"),
    (SERVER.replace("except ConnectionError", "except BrokenPipeError"), "status 1: ConnectionRes"),
    (SERVER.replace("print(address)", "print(connection.getpeername())"), "not connected, in your"),
    (SERVER.replace("print(address)", "pass"), r"printed .*, and not \('127.0.0.1', \d+\), who sa"),
    (SERVER.replace("print(address)", "print(address[0])"), "print the address that accept"),
]


def check(folder: Path, server: str) -> str:
    if why := refusal():
        pytest.skip(why)
    (folder / "shout_server.py").write_text(server)
    code = "from sockutils.lessons import accept; print(accept.step('shout_server.py'))"
    command = [*PRIVATE, sys.executable, "-W", "error", "-c", code]
    environment = {**os.environ, "XDG_DATA_HOME": str(folder / "home")}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("server", [SERVER, THREADS], ids=["loop", "threads"])
def test_a_server_that_survives_its_clients_passes(tmp_path: Path, server: str) -> None:
    assert check(tmp_path, server) == "step: passed\n"


@pytest.mark.parametrize(("server", "words"), WRONG, ids=count())
def test_a_wrong_server(tmp_path: Path, server: str, words: str) -> None:
    said = check(tmp_path, server)
    assert said.startswith("step: not yet — "), said
    assert re.search(words, said), said
