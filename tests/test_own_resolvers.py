"""The step of 09: a client that takes a name and tries each address within its limit passes."""

import re
from itertools import count
from pathlib import Path

import pytest
from kernels import alone, sample

CLIENT = """
import socket
import sys
import time

host, *lines = sys.argv[1:] or ["localhost"]


def connected(limit):
    last = OSError("no address")
    answers = socket.getaddrinfo(host, 5000, type=socket.SOCK_STREAM)
    deadline = time.monotonic() + limit
    for number, (family, kind, protocol, _, address) in enumerate(answers):
        try:
            client = socket.socket(family, kind, protocol)
        except OSError as error:  # this family does not exist here
            last = error
            continue
        try:
            left = deadline - time.monotonic()
            client.settimeout(max(left / (len(answers) - number), 0.001))
            client.connect(address)
            client.settimeout(max(deadline - time.monotonic(), 0.001))
            return client
        except OSError as error:
            client.close()
            last = error
    raise last


try:
    with connected(2) as client, client.makefile("rb") as answers:
        for line in lines or ["hello"]:
            client.sendall(line.encode() + b"\\n")
        client.shutdown(socket.SHUT_WR)
        for answer in answers:
            print(answer.decode(), end="")
except (OSError, UnicodeError) as error:  # UnicodeError: a..b is no name
    sys.exit(f"{host}: {error}")
"""
ASYNC = """
import asyncio
import socket
import sys

host, *lines = sys.argv[1:] or ["localhost"]


async def attempt(number, address):
    await asyncio.sleep(0.05 * number)
    return await asyncio.open_connection(*address[:2])


async def first(found):
    last = OSError("no address")
    tasks = [asyncio.create_task(attempt(*each)) for each in enumerate(found)]
    try:
        for done in asyncio.as_completed(tasks):
            try:
                return await done
            except OSError as error:
                last = error
        raise last
    finally:
        for task in tasks:
            task.cancel()


async def talk(found):
    reader, writer = await first(found)
    for line in lines or ["hello"]:
        writer.write(line.encode() + b"\\n")
    writer.write_eof()
    print((await reader.read()).decode(), end="")
    writer.close()


async def in_time():
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, 5000, type=socket.SOCK_STREAM)
    await asyncio.wait_for(talk([address for *_, address in found]), 2)


try:
    asyncio.run(in_time())
except OSError as error:
    print("no answer:", repr(error))
    sys.exit(1)
"""
THREADS = """
import queue
import socket
import sys
import threading

host, *lines = sys.argv[1:] if sys.argv[1:] else ["localhost"]
done = queue.Queue()
said = "".join(f"{line}\\n" for line in lines or ["hello"])


def attempt(address):
    try:
        done.put(socket.create_connection(address[:2], timeout=1.5))
    except OSError as error:
        done.put(error)


try:
    every = socket.getaddrinfo(host, 5000, 0, socket.SOCK_STREAM)
except OSError as error:
    sys.exit(str(error))
for *_, address in every:
    threading.Thread(target=attempt, args=(address,), daemon=True).start()
for _ in every:
    client = done.get()
    if isinstance(client, socket.socket):
        break
else:
    sys.exit(f"no answer from any of {len(every)}")
try:
    client.sendall(said.encode())
    got = b""
    while len(got) < len(said) and (part := client.recv(100)):
        got += part
    print(got.decode())
except OSError:
    sys.exit("it does not answer")
"""
SHARE = "max(left / (len(answers) - number), 0.001)"
REST = "client.settimeout(max(deadline - time.monotonic(), 0.001))"
SILENT = "of which the first two are silent: shout_client.py"
WRONG = [
    ("socket.getaddrinfo(host,", "socket.getaddrinfo('127.0.0.1',", "calls 127.0.0.1, not shout"),
    ("host, *lines = sys.argv[1:] or", "lines = sys.argv[1:]; host, = 0 or", "calls 127.0.0.1"),
    (
        'sys.argv[1:] or ["localhost"]',
        "[sys.argv[1], *sys.argv[2:]]",
        "IndexError: .*\nhint: without a name",
    ),
    (
        "SOCK_STREAM)\n",
        "SOCK_STREAM)[:1]\n",
        "did not call 127.0.0.1(7)?, which answers\nhint: for",
    ),
    (
        "            last = error\n    raise",
        "            raise\n    raise",
        "did not call 127.0.0.1(7)?, which",
    ),
    (
        SHARE,
        "max(left, 0.001)",
        "no time was left\nhint: divide",
    ),
    (SHARE, "None", f"{SILENT} still waits after 3.5 s, and did not call 127.0.0.18.*\nhint: div"),
    (
        SHARE,
        "0.5",
        "fifteen of them silent, and shout_client.py still waits after 3 s.*\nhint: div",
    ),
    (
        SHARE,
        "max(min(1, left), 0.001)",
        f"{SILENT} .*no time was left\nhint: divide",
    ),
    (
        f"client.settimeout({SHARE})",
        "assert_left(left); client.settimeout(min(1, left))",
        f"{SILENT} gave up with .*timed out.*, and did not call 127.0.0.18.*\nhint: divide",
    ),
    (SHARE, "2", f"{SILENT} still waits after 3.5 s.*\nhint: divide"),
    (
        f"client.settimeout({SHARE})",
        "assert_left(left); client.settimeout(left)",
        f"{SILENT} gave up with .*timed out.*, and did not call 127.0.0.18.*\nhint: divide",
    ),
    (REST, "client.settimeout(None)", "does not answer, and .* still waits.*\nhint: settimeout"),
    (
        REST,
        "client.settimeout(2)",
        "takes the call .* still waits after 3 s: two .*\nhint: settime",
    ),
    (
        "            client.close()\n",
        "",
        "leaves to Python what did not connect: .*\nhint: client.c",
    ),
    (
        "socket.getaddrinfo(host, 5000,",
        "socket.getaddrinfo(host, 5000, socket.AF_INET,",
        "has only an IPv6 address: .*\nhint: ask for no family",
    ),
    (
        "deadline = time.monotonic() + limit",
        "deadline = START + limit",
        "the lookup takes 2.2 s: .*no time was left\nhint: let the two seconds begin",
    ),
    (
        "except (OSError, UnicodeError) as error:  # UnicodeError: a..b is no name\n    sys",
        "except TimeoutError as error:\n    sys",
        "gaierror: .*\nhint: getaddrinfo|ConnectionRefusedError: .*\nhint: `except OSError`",
    ),
    ("    answers = socket", "    answers = sock3t", "NameError: [^\n]*$"),
    ("{host}: {error}", "{host}: {error}\\n{host}", "says 2 lines: one is enough"),
    ('sys.exit(f"{host}: {error}")', "sys.exit(1)", "says nothing: one line"),
    ('sys.exit(f"{host}: {error}")', "print(error)", "ends with status 0: let it be 1"),
    ('for line in lines or ["hello"]', 'for line in ["hello"]', "said b'hello.n', not b'one.n'"),
    ('b"\\n"', 'b" "', "said b'hello ', not b'hello.n'"),
    ("for answer in answers", "for answer in [next(answers)]", "got 'TWO AND THREE' and printed"),
]
# what two of the wrong ones call
OFTEN = """
START = time.monotonic()


def assert_left(left):
    if left < 0.1:
        raise TimeoutError("timed out")
"""


def check(folder: Path, client: str) -> str:
    (folder / "shout_client.py").write_text(client)
    code = "from sockutils.lessons import resolvers; print(resolvers.step('shout_client.py'))"
    return alone(folder, code)


@pytest.mark.parametrize("client", [CLIENT, ASYNC, THREADS], ids=["share", "asyncio", "threads"])
def test_a_client_that_tries_every_address_passes(tmp_path: Path, client: str) -> None:
    assert check(tmp_path, client) == "step: passed\n"


@pytest.mark.parametrize(("right", "instead", "words"), sample(WRONG), ids=count())
def test_a_wrong_client(tmp_path: Path, right: str, instead: str, words: str) -> None:
    assert right in CLIENT
    client = CLIENT.replace("import time\n", f"import time\n{OFTEN}")
    said = check(tmp_path, client.replace(right, instead))
    assert said.startswith("step: not yet — "), said
    assert re.search(words, said), said
