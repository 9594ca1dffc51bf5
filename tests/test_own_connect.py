"""The step of 05: a client that gives up in time, and says so in one line, passes."""

import re
from itertools import count
from pathlib import Path

import pytest
from kernels import alone

CLIENT = """
import socket
import sys

try:
    with socket.create_connection(("127.0.0.1", 5000), timeout=1) as client:
        client.sendall(b"hello")
        print(client.recv(100).decode())
except OSError as error:
    sys.exit(f"shout_client: {error}")
"""
BARE = """
import errno
import os
import socket
import sys

client = socket.socket()
client.settimeout(2)
if number := client.connect_ex(("127.0.0.1", 5000)):
    print("nobody answers" if number == errno.EAGAIN else os.strerror(number))
    sys.exit(1)
client.settimeout(None)
client.sendall(b"hello")
print(client.recv(100).decode())
client.close()
"""
EXIT = 'sys.exit(f"shout_client: {error}")'
WRONG = [
    (", timeout=1", "", "the server is silent, and shout_client.py still waits after 2.5 s: two"),
    ("timeout=1", "timeout=3", "the server is silent, and shout_client.py still waits after 2.5 s"),
    ("timeout=1", "timeout=4", "the server is silent, and shout_client.py still waits after 2.5 s"),
    (
        "except OSError",
        "except KeyError",
        "no traceback: .*status 1: ConnectionRefusedError: .*, in your line 6.*\nhint: `except",
    ),
    ("except OSError", "except ConnectionRefusedError", "status 1: TimeoutError: .*your line 6"),
    (EXIT, "sys.exit('error')", "says 'error' for both, refused and silent: tell.*\nhint: print"),
    (
        EXIT,
        "sys.exit(f'error {error.errno}')",
        "which differ only in a number: .*\nhint: os.strerror",
    ),
    (
        "except OSError as error",
        "except TimeoutError: sys.exit('refused')\nexcept OSError as error",
        "says 'refused' when it is silent: which `except` says that",
    ),
    (
        "except OSError as error",
        "except ConnectionRefusedError: sys.exit('timed out')\nexcept OSError as error",
        "says 'timed out' when it is refused: which `except` says that",
    ),
    ("client.sendall", "# client.sendall", "shout_client: timed out\nhint: .*say hello"),
    ("timeout=1", "timeout=0.05", "silent, and shout_client.py gave up after 0.*\nhint: a SYN"),
    (
        EXIT,
        "sys.exit('refused' if isinstance(error, ConnectionRefusedError) else 'silent')",
        "no port is left .* says 'silent', as if it were silent\nhint: have words of its own",
    ),
    (
        EXIT,
        "sys.exit('silent' if isinstance(error, TimeoutError) else 'refused')",
        "no port is left .* says 'refused', as if it were refused",
    ),
    (f"{EXIT}", f"{EXIT}\nsys.exit('done')", "status 1: done\nhint: .* let the program end by its"),
    (EXIT, "sys.exit(1)", "nobody listens, and shout_client.py says nothing: one line"),
    (EXIT, "print(error)", "nobody listens, and shout_client.py ends with status 0: let it be 1"),
    (EXIT, "print(error); sys.exit(error.errno)", "ends with status 111: let it be 1"),
    (EXIT, "print('no answer'); sys.exit(str(error))", "says 2 lines: one is enough"),
    ("client.sendall", "client.senndall", "AttributeError: .*, in your line 7: client.senndall"),
    ('b"hello"', 'b"good day"', "shout_client.py said b'good day' to the server, not b'hello'"),
    ("print(client.recv(100).decode())", "client.recv(100)", "and printed ''"),
]


def check(folder: Path, client: str) -> str:
    (folder / "shout_client.py").write_text(client)
    code = "from sockutils.lessons import connect; print(connect.step('shout_client.py'))"
    return alone(folder, code)


@pytest.mark.parametrize("client", [CLIENT, BARE], ids=["exception", "number"])
def test_a_client_that_gives_up_in_words_passes(tmp_path: Path, client: str) -> None:
    assert check(tmp_path, client) == "step: passed\n"


@pytest.mark.parametrize(("right", "instead", "words"), WRONG, ids=count())
def test_a_wrong_client(tmp_path: Path, right: str, instead: str, words: str) -> None:
    assert right in CLIENT
    said = check(tmp_path, CLIENT.replace(right, instead))
    assert said.startswith("step: not yet — "), said
    assert re.search(words, said), said
