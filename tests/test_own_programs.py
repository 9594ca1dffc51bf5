"""The steps of the learner's own server and client: right ones pass, wrong ones get their words."""

import os
import re
import select
import signal
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest
from kernels import alone

SERVER = """
import socket

with socket.create_server(("127.0.0.1", 5000)) as server:
    connection, _ = server.accept()
    with connection:
        connection.sendall(connection.recv(100).upper())
"""
CLIENT = """
import socket

with socket.create_connection(("127.0.0.1", 5000)) as client:
    client.sendall(b"hello")
    print(client.recv(100).decode())
"""
CHECK = """
import os
from sockutils.lessons import start as lesson
{before}
print(lesson.step("shout_server.py", "shout_client.py"))
{after}
with open(f"/proc/self/task/{{os.getpid()}}/children") as file:
    print("left:", file.read().split())
"""

RESTS = """
import socket
with socket.socket() as server, socket.socket() as client:
    server.bind(("127.0.0.1", 5000))
    server.listen()
    client.connect(("127.0.0.1", 5000))
    server.accept()[0].close()  # the server's end is the first
    client.recv(1)
"""
SENDS = "connection.sendall(connection.recv(100).upper())"
ASKS = 'client.sendall(b"hello")'
SHOWS = "print(client.recv(100).decode())"
ADDRESS = '("127.0.0.1", 5000)'
ACCEPTS = "connection, _ = server.accept()"
LOOP = "while True: connection.sendall(connection.recv(100).upper())"

WRONG_SERVERS = [
    (SENDS, "connection.sendall(connection.recv(100).upper()", "line 7 is no Python: '\\(' was"),
    (SENDS, SENDS.replace("upper", "uppr"), "'bytes' object has no .*, in your line 7: connection"),
    ("server.accept()", "sever.accept()", "status 1: NameError: .*, in your line 5: connection, _"),
    ("\nwith socket", "\nraise SystemExit\nwith socket", "ended at once.*hint: .*accept"),
    (
        ACCEPTS,
        "connection = server",
        "endpoint is not connected.*hint: connection, _ = server.accept",
    ),
    (
        ACCEPTS,
        "connection = server.accept()",
        "'tuple' object.*hint: connection, _ = server.accept",
    ),
    (ACCEPTS, "import signal; signal.pause()", "has not called accept.*hint: connection, _ = "),
    (
        ACCEPTS,
        f"{ACCEPTS}; import signal; signal.pause()",
        "nothing within 8 s, expected b'HELLO'\nh",
    ),
    (SENDS, LOOP, "answers the same client again and again, .*hint: .*no loop"),
    (
        SENDS,
        f"{SENDS}\n        while connection.recv(100): pass",
        "waits for more from the same client, or its end, before it closes\nhint: .*no loop",
    ),
    ("\nwith socket", "\nimport os; os._exit(3)\nwith socket", "with status 3: it says nothing"),
    (ADDRESS, '("127.0.0.1", 5001)', "shout_server.py listens on port 5001, not 5000"),
    (
        'create_server(("127.0.0.1", 5000)) as server:',
        'socket() as server:\n    server.bind(("127.0.0.1", 5000))',
        "Invalid argument.*hint: listen",
    ),
    (
        'create_server(("127.0.0.1", 5000)) as server:',
        "socket() as server:\n    server.listen()",
        r"listens on port \d+, not 5000\nhint: bind",
    ),
    (
        'create_server(("127.0.0.1", 5000)) as server:',
        'socket() as server:\n    server.bind("127.0.0.1", 5000)',
        "exactly one argument.*hint: host and port",
    ),
    (ADDRESS, '("", 5000)', "listens on 0.0.0.0, not 127.0.0.1\nhint: the address is"),
    (
        "server.accept()",
        "background(shout, server)",
        "NameError: .*\nhint: a program knows nothing of the notebook's cells",
    ),
    ("create_server", "create_connection", "Connection refused.*\nhint: .* from create_server"),
    (
        SENDS,
        "while data := connection.recv(100):\n            connection.sendall(data.upper())",
        "the same client again.*\nhint: .*no loop",
    ),
    (SENDS, "connection.sendall(connection.recv(100))", "answered b'hello', expected b'HELLO'"),
    (
        SENDS,
        'connection.sendall(b"HELLO")',
        "closed before it had read|answered b'HELLO', expected b'WHO",
    ),
    (SENDS, SENDS.replace(".recv(100).upper()", ".recv(100) and b'HELLO'"), "expected b'WHO IS TH"),
    (SENDS, "connection.recv(100)", "shout_server.py ended the connection without an answer"),
    (
        SENDS,
        "connection.sendall(connection.recv(3).upper())",
        "closed before it had read everything",
    ),
    (SENDS, "connection.recv(6)\n        connection.recv(1)", "answered nothing within 8 s"),
    (SENDS, f"{SENDS}\n        connection.recv(1)", "waits for more from the same client"),
    (SENDS, f"{SENDS}\n        import signal; signal.pause()", "left the connection open: close"),
    (
        SENDS,
        f"{SENDS}\n        connection.sendall(b'!')",
        "answered b'HELLO!', expected b'HELLO'|after its answer .* sent b'!', too",
    ),
    (SENDS, f"{SENDS}\n    server.accept()", "shout_server.py still runs 8 s later"),
]
WRONG_CLIENTS = [
    (ASKS, 'client.sendall("hello")', "shout_client.py ended with status 1: TypeError: .* line 5"),
    (ASKS, 'client.sendall(b"hi")', "shout_client.py said b'hi' to the server, not b'hello'"),
    (ASKS, "pass", "shout_client.py said b'' to the server, not b'hello'"),
    (SHOWS, "client.recv(100)", "shout_client.py got b'good morning' and printed ''"),
    (SHOWS, "print(client.recv(100))", r'printed "b\'good morning\'", .*hint: `.decode'),
    (SHOWS, "print('good morning')", "got b'and who are you.' and printed 'good morning"),
    (SHOWS, f"{SHOWS}\ninput()", "shout_client.py ended with status 1: EOFError"),
    (SHOWS, f"{SHOWS}\nimport signal; signal.pause()", "shout_client.py still runs 8 s later"),
    (
        "create_connection",
        "create_server",
        "Address already in use.*, in your line 4.*\nhint: .*own: the client calls another's",
    ),
    (ADDRESS, '("127.0.0.1", 5001)', "Connection refused.*\nhint: .* calls .*5000"),
    (
        f"    {SHOWS}",
        SHOWS,
        "Bad file descriptor, in your line 6.*\nhint: .*closed by then",
    ),
    (
        "\nwith socket",
        "\nraise SystemExit\nwith socket",
        "shout_client.py ended, and connected to nobody",
    ),
]
BOUND = "import socket\nserver = socket.socket()\nserver.bind(('127.0.0.1', 5000))"
SLOW = [
    (f"{BOUND}\nimport signal\nsignal.pause()", "listens on no port after 10 s"),
    ("import signal\nsignal.pause()", "shout_server.py listens on no port after 10 s"),
    ("while True: print('x' * 1000)", "File too large, in your line 1"),
]


def check(folder: Path, before: str = "", after: str = "") -> str:
    """Run the check of the step in a private network, and return what it said."""
    said, left = alone(folder, CHECK.format(before=before, after=after)).split("left: ")
    assert left == "[]\n", "a program still runs"
    return said


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shout_server.py").write_text(SERVER)
    (tmp_path / "shout_client.py").write_text(CLIENT)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    assert path.read_text().count(old) == 1
    path.write_text(path.read_text().replace(old, new))


def refused(said: str, words: str) -> None:
    assert said.startswith("step: not yet — "), said
    assert re.search(words, said, re.DOTALL), said


def test_right_programs_pass_and_are_kept(folder: Path) -> None:
    assert check(folder) == "step: passed\n"
    assert (folder / "home/sockutils/done/start/step").exists()


def test_nothing_is_attempted_without_a_file(tmp_path: Path) -> None:
    assert check(tmp_path).startswith("step: not attempted\nshout_server.py is not there yet")
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("missing", ["shout_server.py", "shout_client.py"])
def test_one_file_is_half_a_step(folder: Path, missing: str) -> None:
    (folder / missing).unlink()
    refused(check(folder), f"{missing} is not there yet: write it, too")


@pytest.mark.parametrize(("old", "new", "words"), WRONG_SERVERS, ids=count())
def test_a_wrong_server(folder: Path, old: str, new: str, words: str) -> None:
    edit(folder / "shout_server.py", old, new)
    refused(check(folder), words)


@pytest.mark.parametrize(("old", "new", "words"), WRONG_CLIENTS, ids=count())
def test_a_wrong_client(folder: Path, old: str, new: str, words: str) -> None:
    edit(folder / "shout_client.py", old, new)
    refused(check(folder), words)


@pytest.mark.parametrize(("server", "words"), SLOW, ids=count())
def test_a_server_that_is_never_one(folder: Path, server: str, words: str) -> None:
    (folder / "shout_server.py").write_text(server)
    refused(check(folder), words)


def test_a_port_in_use_gets_one_line_with_its_holder(folder: Path) -> None:
    before = 'import socket; mine = socket.create_server(("127.0.0.1", 5000))'
    refused(
        check(folder, before, "mine.close()"),
        "port 5000 is in use by this process: close it there first",
    )


def bare(folder: Path) -> None:
    """Make the server one that sets no option."""
    three = 'socket.socket() as server:\n    server.bind(("127.0.0.1", 5000)); server.listen()'
    edit(folder / "shout_server.py", 'socket.create_server(("127.0.0.1", 5000)) as server:', three)


def test_the_three_calls_pass_without_an_option(folder: Path) -> None:
    bare(folder)
    assert check(folder) == "step: passed\n"


def test_a_port_at_rest_holds_up_no_check(folder: Path) -> None:
    bare(folder)
    assert check(folder, before=RESTS) == "step: passed\n"
    reads = "while part := client.recv(100): print(part.decode())"  # so the check closes first
    edit(folder / "shout_client.py", SHOWS, reads)
    assert check(folder) == "step: passed\n"


def test_a_program_does_not_outlive_who_started_it(folder: Path) -> None:
    (folder / "shout_server.py").write_text("import signal\nprint(1, flush=True)\nsignal.pause()")
    code = (
        "import sys, pathlib; from sockutils.practice.program import running\n"
        "with running(pathlib.Path('shout_server.py')) as program:\n"
        "    while not program.printed: pass\n"
        "    print(program._process.pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as starter:
        assert starter.stdout
        pid = int(starter.stdout.readline())
        watched = os.pidfd_open(pid)
        try:
            starter.send_signal(signal.SIGKILL)
            starter.wait()
            assert select.select([watched], [], [], 10)[0], "the program has survived"
        finally:
            os.close(watched)
