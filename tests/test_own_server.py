"""The step of 14: a server with limits and an end passes, others get their words."""

import re
from itertools import count
from pathlib import Path

import pytest
import reference
from kernels import alone, sample

SERVER = reference.program("14_server.ipynb", "shout_server.py")
LATE = "        if self.answers:\n            self.until"
WELCOME = "    except OSError as error:\n        print(error)\n        epoll.modify(server, 0)"
LEFT = "        if not (client.begun or client.answers):\n"
ARGUMENT = "float(sys.argv[2]) if len(sys.argv) > 2 else 60"
QUEUE = "    while welcome():\n"
WRONG = [
    ("LONGEST = 1_000_000", "LONGEST = 1 << 30", "took 16 MB of a line.*hint: len"),
    ("LONGEST = 1_000_000", "LONGEST = 100_000", "the step of 10 select: .*hint: .*300,000 bytes"),
    (f"SILENCE = {ARGUMENT}", "SILENCE = 60", "says nothing, and .* still keeps it.*hint: note"),
    (LATE, LATE.replace("self.answers", "data"), "goes on bit by bit.*still keeps it.*a moment"),
    (ARGUMENT, "float(sys.argv[2]) / 8 if len(sys.argv) > 2 else 60", "was let go"),
    (LATE, "        if False:\n            self.until", "asks each half second was let go"),
    (WELCOME, "    except ValueError:", "Too many open files.*hint: catch OSError around accept"),
    ("        epoll.modify(server, 0)\n", "", "File too large.*hint: without a descriptor"),
    ("signal.signal(", "print(", "SIGTERM.*hint: "),
    ("    running = False", "    sys.exit()", "were in the queue at SIGTERM: .*hint: after"),
    (
        "    running = False",
        "    pass",
        "8 s after SIGTERM shout_server.py still takes new clients",
    ),
    (QUEUE, "    while False:\n", "were in the queue at SIGTERM.*hint: after SIGTERM accept until"),
    ("time.monotonic() + SILENCE\n    while clients", "0\n    while clients", "at SIGTERM"),
    (LEFT, LEFT.replace("not (client.begun or client.answers)", "True"), "at SIGTERM"),
    (" and time.monotonic() < end", "", "still waits for a client that never ends its line"),
    ("    except OSError:\n        return 0", "    except ValueError:\n        return 0", "reset"),
    ("    end = time", "    status = 1\n    end = time", "after SIGTERM .* with status 3, not 0"),
]


def check(folder: Path, server: str) -> str:
    (folder / "shout_server.py").write_text(server)
    code = "from sockutils.lessons import server; print(server.step('shout_server.py'))"
    return alone(folder, code)


def test_a_server_with_limits_passes(tmp_path: Path) -> None:
    assert check(tmp_path, SERVER) == "step: passed\n"


@pytest.mark.parametrize(("right", "instead", "words"), sample(WRONG), ids=count())
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
