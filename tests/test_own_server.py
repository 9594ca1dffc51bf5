"""The step of 14: a server with limits and an end passes, others get their words."""

import re
from itertools import count
from pathlib import Path

import pytest
import reference
from kernels import alone, sample

SERVER = reference.program("14_server.ipynb", "shout_server.py")
ASYNC = """
import asyncio
import signal
import socket
import sys

port = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
SILENCE = float(sys.argv[2]) if len(sys.argv) > 2 else 60
LONGEST = 1_000_000
talks = {}  # by task: whether it has begun a line
closing = False


async def talk(reader, writer):
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
    begun = b""
    until = asyncio.get_running_loop().time() + SILENCE
    while True:
        async with asyncio.timeout_at(until):
            data = await reader.read(65536)
        *lines, begun = (begun + data).split(b"\\n")
        answers = b"".join(line.upper() + b"\\n" for line in lines)
        if not data:
            answers += begun.upper()
        if answers:
            until = asyncio.get_running_loop().time() + SILENCE
            writer.write(answers)
            async with asyncio.timeout_at(until):
                await writer.drain()
        if not data or len(begun) > LONGEST or closing and not begun:
            return
        talks[asyncio.current_task()] = bool(begun)


async def serve(reader, writer):
    talks[asyncio.current_task()] = False
    try:
        await talk(reader, writer)
    except OSError:  # a reset; and TimeoutError is one
        writer.transport.abort()  # close() would wait for who does not read
    finally:
        talks.pop(asyncio.current_task())
        writer.close()


async def main():
    global closing
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    server = await asyncio.start_server(serve, "127.0.0.1", port)
    await stopping.wait()
    for _ in range(20):  # turns: who is in the queue is accepted, and what has come is answered
        await asyncio.sleep(0)
    server.close()
    closing = True
    for task, begun in [*talks.items()]:
        if not begun:
            task.cancel()
    if talks:
        await asyncio.wait([*talks], timeout=SILENCE)


asyncio.run(main())
"""
THREADS = """
import socket
import sys
import threading

port = int(sys.argv[1]) if len(sys.argv) > 1 else 5000


def serve(connection):
    try:
        with connection, connection.makefile("rb") as file:
            for line in file:
                connection.sendall(line.upper())
    except OSError:
        pass


with socket.create_server(("127.0.0.1", port)) as server:
    while True:
        connection, _ = server.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()
"""
LATE = "        if self.answers:\n            self.until"
WELCOME = "    except OSError as error:\n        print(error)\n        epoll.modify(server, 0)"
LEFT = "        if not (client.begun or client.answers or number in ready):\n"
ARGUMENT = "float(sys.argv[2]) if len(sys.argv) > 2 else 60"
QUEUE = "    while welcome():\n"
TRY = "    before, wanted = client.wants(), serve(client)\n"
ON = TRY + "    while wanted and ready(client):\n        wanted = serve(client)\n"
READY = """def ready(client):
    one = select.poll()
    one.register(client.connection, select.POLLOUT if client.answers else select.POLLIN)
    return one.poll(0)


"""
WRONG = [
    ("LONGEST = 1_000_000", "LONGEST = 1 << 30", "took 16 MB of a line.*hint: len"),
    ("LONGEST = 1_000_000", "LONGEST = 100_000", "the step of 10 select: .*hint: .*300,000 bytes"),
    (f"SILENCE = {ARGUMENT}", "SILENCE = 60", "says nothing, and .* still keeps it.*hint: note"),
    (LATE, LATE.replace("self.answers", "data"), "goes on bit by bit.*still keeps it.*a moment"),
    (ARGUMENT, "float(sys.argv[2]) / 8 if len(sys.argv) > 2 else 60", "was let go"),
    (LATE, "        if False:\n            self.until", "asks each half second was let go"),
    (WELCOME, "    except ValueError:", "Too many open files.*hint: catch OSError around accept"),
    ("        epoll.modify(server, 0)\n", "", "File too large.*hint: without a descriptor"),
    ("def step(number)", f"{READY}def step(number)", "another one waits for its answer.*no loop"),
    ("line.upper()", "line.decode().upper().encode()", "bytes that are no text.*hint: .*decode"),
    (
        " or number in ready",
        "",
        "a line that came just before SIGTERM: .*hint: when the end comes, look once",
    ),
    ("signal.signal(", "print(", "SIGTERM.*hint: "),
    ("    running = False", "    sys.exit()", "were in the queue at SIGTERM: .*hint: after"),
    (
        "    running = False",
        "    pass",
        "8 s after SIGTERM shout_server.py still takes new clients",
    ),
    (QUEUE, "    while False:\n", "were in the queue at SIGTERM.*hint: after SIGTERM accept until"),
    ("time.monotonic() + SILENCE\n    while clients", "0\n    while clients", "SIGTERM"),
    (
        LEFT,
        LEFT.replace("not (client.begun or client.answers or number in ready)", "True"),
        "at SIGTERM",
    ),
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


def test_one_with_asyncio_passes(tmp_path: Path) -> None:
    assert check(tmp_path, ASYNC) == "step: passed\n"


def test_one_with_threads_hears_that_it_is_another_design(tmp_path: Path) -> None:
    said = check(tmp_path, THREADS)
    assert "shout_server.py serves with 21 threads: let one do it\nhint: a thread for each" in said


HEARS = """        if client.answers:
            client.answer()
        else:
            client.hear()
"""
READS_ON = """        if client.answers:
            with suppress(BlockingIOError):
                client.answer()
        if not client.ended:
            client.hear()
"""
KEEPS = [
    (HEARS, READS_ON),
    ("import errno\n", "import errno\nfrom contextlib import suppress\n"),
    ('self.answers = b"".join(', 'self.answers += b"".join('),
    ("return select.EPOLLOUT\n", "return select.EPOLLOUT | (not self.ended)  # EPOLLIN is 1\n"),
]
CUTS = [
    ('self.begun = self.answers = b""', 'self.begun, self.answers = b"", bytearray()'),
    ("self.answers = self.answers[sent:]", "del self.answers[:sent]"),
]
TRIAL = """
import sys
from pathlib import Path
from sockutils.lessons.own.ending import stops, waits_for_nobody_for_ever
from sockutils.lessons.own.late import lets_them_go_when_nothing_happens
from sockutils.lessons.own.quantities import a_slow_reader
from sockutils.practice.program import running

trial, *arguments = sys.argv[1:]
with running(Path("shout_server.py"), *arguments) as program:
    program.listens()
    try:
        globals()[trial](program)
    except AssertionError as error:
        print(error)
"""
ONCE = [  # one turn more, which reads 65,536 bytes, and who has begun nothing is let go
    (LEFT, LEFT.replace(" or number in ready", "")),
    ("    dismiss()  # so", "    turn()\n    dismiss()  # so"),
]
DEAF = [("now > client.until]", "now > client.until and not client.answers]")]
IDLE = [("epoll.poll(TICK)", "epoll.poll()")]  # who is late is let go when something happens
RENEWED = [  # at the end, too, each has so long from its last answer
    (" and time.monotonic() < end:", ":"),
    ("    epoll.modify(server, select.EPOLLIN)\n\n", "    running and epoll.modify(server, 1)\n\n"),
    (
        "        turn()\n        dismiss()",
        "        turn()\n        look_around()\n        dismiss()",
    ),
]
LIMITED = ["5000", "2"]


@pytest.mark.parametrize(
    ("changes", "trial", "words"),
    [
        (
            [*KEEPS, *CUTS],
            ["a_slow_reader"],
            "sent 100 MB of lines and read none of the answers: .* keeps all of them",
        ),
        (
            KEEPS,
            ["a_slow_reader"],
            "more than 3 times as much of the processor .* it copies all that waits",
        ),
        (ONCE, ["stops"], r"had come .* when SIGTERM came, .* answered \d+ of them"),
        (
            DEAF,
            ["lets_them_go_when_nothing_happens", *LIMITED],
            "reads none of its answers, .* still keeps it",
        ),
        (
            IDLE,
            ["lets_them_go_when_nothing_happens", *LIMITED],
            "says nothing, and nobody else is there, .* still keeps it",
        ),
        (
            RENEWED,
            ["waits_for_nobody_for_ever", *LIMITED],
            "still waits for a client that always begins another line",
        ),
    ],
    ids=["kept", "copied", "read once", "deaf", "idle", "renewed"],
)
def test_one_trial(
    tmp_path: Path, changes: list[tuple[str, str]], trial: list[str], words: str
) -> None:
    wrong = SERVER
    for right, instead in changes:
        assert right in wrong
        wrong = wrong.replace(right, instead)
    (tmp_path / "shout_server.py").write_text(wrong)
    assert re.search(words, alone(tmp_path, TRIAL, *trial))


@pytest.mark.parametrize(("right", "instead", "words"), sample(WRONG), ids=count())
def test_a_wrong_server(tmp_path: Path, right: str, instead: str, words: str) -> None:
    assert right in SERVER
    wrong = SERVER.replace(right, instead)
    if READY in instead:
        wrong = wrong.replace(TRY, ON)
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
