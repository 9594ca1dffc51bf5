"""The step of 14: a server with limits and an end passes, others get their words."""

import re
from itertools import count
from pathlib import Path

import pytest
import reference
from kernels import alone

THREADS = """
import signal
import socket
import threading
import time

running = True


def stop(*_):
    global running
    running = False


def serve(connection):
    begun, until = b"", time.monotonic() + 5
    with connection:
        try:
            while True:
                connection.settimeout(max(until - time.monotonic(), 0.001))
                data = connection.recv(65536)
                *lines, begun = (begun + data).split(b"\\n")
                connection.sendall(b"".join(line.upper() + b"\\n" for line in lines))
                if lines:
                    until = time.monotonic() + 5
                if not data:
                    connection.sendall(begun.upper())
                if not data or len(begun) > 100_000 or not (running or begun):
                    return
        except OSError as error:
            print(error)


signal.signal(signal.SIGTERM, stop)
with socket.create_server(("127.0.0.1", 5000)) as listener:
    listener.settimeout(0.1)
    serving = []
    while running:
        try:
            connection, address = listener.accept()
        except TimeoutError:
            continue
        except OSError as error:
            print(error)
            time.sleep(0.1)
            continue
        thread = threading.Thread(target=serve, args=(connection,))
        thread.start()
        serving = [*filter(threading.Thread.is_alive, serving), thread]
for thread in serving:
    thread.join()
"""


def solution() -> str:
    """The one that is folded in the lesson."""
    texts = [cell.source for cell in reference.cells() if cell.notebook == "14_server.ipynb"]
    (found,) = [
        text for text in texts if "%%writefile shout_server.py" in text and "Client" in text
    ]
    return re.search(r"%%writefile shout_server.py\n(.*?)\n```", found, re.DOTALL)[1] + "\n"  # type: ignore[index]


SERVER = solution()
LATE = "        if self.answers:\n            self.until"
WELCOME = "    except OSError as error:\n        print(error)\n        epoll.modify(server, 0)"
LEFT = "            if not (client.begun or client.answers):  # it has asked nothing\n"
WRONG = [
    ("SILENCE = 5", "LONGEST, SILENCE = 1 << 30, 60", "took 16 MB of a line that never ends"),
    ("LONGEST = 1_000_000", "LONGEST = 1000", "a line of 65536 bytes was let go"),
    ("SILENCE = 5", "SILENCE = 60", "a client says nothing, and .* still keeps it after 10 s"),
    (LATE, LATE.replace("self.answers", "data"), "goes on bit by bit, and .* still keeps it"),
    ("SILENCE = 5", "SILENCE = 1", "was let go after 1.* s: it has 5|asks each second was let go"),
    (LATE, "        if False:\n            self.until", "asks each second was let go"),
    (WELCOME, "    except ValueError:", "ended with status 1: OSError: .*Too many open files"),
    ("        epoll.modify(server, 0)\n", "", "File too large.*hint: without a descriptor"),
    ("signal.signal(", "print(", "at SIGTERM 50 lines had begun; 0 got|still takes|ended with"),
    ("    running = False", "    sys.exit()", "at SIGTERM 50 lines had begun; 0 got their answer"),
    (
        "    running = False",
        "    pass",
        "8 s after SIGTERM shout_server.py still takes new clients",
    ),
    ("GRACE = 5", "GRACE = 0", "at SIGTERM 50 lines had begun; 0 got their answer"),
    (LEFT, LEFT.replace("not (client.begun or client.answers)", "True"), "lines had begun; 0 got"),
    ("    server.close()\n", "", "lines had begun; 0 got their answer"),
    (
        "    except OSError:\n        return 0",
        "    except ValueError:\n        return 0",
        "ConnectionResetError.*hint: one client",
    ),
    ("    end = time", "    status = 1\n    end = time", "after SIGTERM .* with status 3, not 0"),
]


def check(folder: Path, server: str) -> str:
    (folder / "shout_server.py").write_text(server)
    code = "from sockutils.lessons import server; print(server.step('shout_server.py'))"
    return alone(folder, code)


@pytest.mark.parametrize("server", [SERVER, THREADS], ids=["loop", "threads"])
def test_a_server_with_limits_passes(tmp_path: Path, server: str) -> None:
    assert check(tmp_path, server) == "step: passed\n"


@pytest.mark.parametrize(("right", "instead", "words"), WRONG, ids=count())
def test_a_wrong_server(tmp_path: Path, right: str, instead: str, words: str) -> None:
    assert right in SERVER
    wrong = SERVER.replace(right, instead)
    if "status = 1" in instead:
        wrong += "sys.exit(3)\n"
    said = check(tmp_path, wrong)
    assert said.startswith("step: not yet — "), said
    assert re.search(words, said, re.DOTALL), said
    assert "hint: " in said


def test_the_certificate_says_what_it_has_passed_and_how_fast_it_is(tmp_path: Path) -> None:
    (tmp_path / "shout_server.py").write_text(SERVER)
    code = "from sockutils.lessons import server as s; f = 'shout_server.py'\n"
    code += "print(s.certificate('x.py'), s.certificate(f), s.step(f), s.certificate(f), sep='\\n')"
    before, *after = alone(tmp_path, code).split("step: passed\n")
    assert before.startswith("certificate: not attempted\nx.py is not there yet")
    assert "certificate: not yet — it takes a server that has passed the step above" in before
    assert "shout_server.py has passed the steps of 14.\nIt stood clients that reset," in after[0]
    assert re.search(r"500 clients .* 10,000 questions, and were answered in \d+.\d\d s", after[0])
