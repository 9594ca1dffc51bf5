"""The step of 11: a server that nobody keeps waiting, and that never spins, passes."""

import re
from itertools import count
from pathlib import Path

import pytest
import reference
from kernels import alone, sample

BEFORE = "\n" + reference.program("10_select.ipynb", "shout_server.py")
SERVER = "\n" + reference.program("11_poll.ipynb", "shout_server.py")
SELECT = r"""
import select
import socket

rest, begun, over = {}, {}, set()
with socket.create_server(("127.0.0.1", 5000)) as server:
    server.setblocking(False)
    while True:
        readers = [one for one in rest if one not in over]
        writers = [one for one in rest if rest[one]]
        readable, writable, _ = select.select([server, *readers], writers, [])
        for one in {*readable, *writable}:
            try:
                if one is server:
                    client, _ = server.accept()
                    client.setblocking(False)
                    rest[client] = begun[client] = b""
                    continue
                if one in readable:
                    data = one.recv(4096)
                    *lines, begun[one] = (begun[one] + data).split(b"\n")
                    rest[one] += b"".join(line.upper() + b"\n" for line in lines)
                    if not data:
                        over.add(one)
                        rest[one] += begun[one].upper()
                if rest[one]:
                    rest[one] = rest[one][one.send(rest[one]) :]
            except BlockingIOError:
                pass
            except OSError:
                over.add(one)
                rest[one] = b""
            if one in over and not rest[one]:
                del rest[one], begun[one]
                over.remove(one)
                one.close()
"""
THREADS = r"""
import socket
import threading


def serve(client):
    with client, client.makefile("rb") as lines:
        try:
            for line in lines:
                client.sendall(line.upper())
        except OSError:
            pass


with socket.create_server(("127.0.0.1", 5000)) as server:
    while True:
        threading.Thread(target=serve, args=[server.accept()[0]], daemon=True).start()
"""
ASYNCIO = r"""
import asyncio


async def serve(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data.upper())
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 5000)
    await server.serve_forever()


asyncio.run(main())
"""
# Each line copies all the answers that wait: it takes long, and is right
COPIES = r"""
import select
import socket

clients, begun, answers, ended = {}, {}, {}, set()
poller = select.poll()


def drop(number):
    poller.unregister(number)
    del begun[number], answers[number]
    ended.discard(number)
    clients.pop(number).close()


def serve(number, flags):
    if number not in ended and flags & ~select.POLLOUT:
        data = clients[number].recv(65536)
        *lines, begun[number] = (begun[number] + data).split(b"\n")
        for line in lines:
            answers[number] += line.upper() + b"\n"
        if not data:
            ended.add(number)
            answers[number] += begun[number].upper()
    if answers[number]:
        try:
            answers[number] = answers[number][clients[number].send(answers[number]) :]
        except BlockingIOError:
            pass
    events = 0 if number in ended else select.POLLIN
    if answers[number]:
        events |= select.POLLOUT
    poller.modify(number, events)


with socket.create_server(("127.0.0.1", 5000)) as server:
    poller.register(server, select.POLLIN)
    while True:
        for number, flags in poller.poll():
            if number == server.fileno():
                client, _ = server.accept()
                client.setblocking(False)
                clients[client.fileno()] = client
                begun[client.fileno()] = answers[client.fileno()] = b""
                poller.register(client, select.POLLIN)
                continue
            try:
                serve(number, flags)
            except OSError:
                drop(number)
                continue
            if number in ended and not answers[number]:
                drop(number)
"""
LINES = """        for line in lines:
            answers[number] += line.upper() + b"\\n"
"""
QUICK = COPIES.replace(
    LINES,
    """        answers[number] += b"".join(line.upper() + b"\\n" for line in lines)
""",
)
RIGHT = {
    "poll": SERVER,
    "copies": COPIES,
    "select": SELECT,
    "threads": THREADS,
    "asyncio": ASYNCIO,
    "quick": QUICK,
}

MEGABYTE = "one client has sent a megabyte, and reads nothing: shout_server.py "
SENDING = (
    "        sent = self.connection.send(self.answers)\n        self.answers = self.answers[sent:]"
)
WANTS = """        if self.answers:
            return select.POLLOUT
        return 0 if self.ended else select.POLLIN"""
ENDS = "        return 0 if self.ended else select.POLLIN"
DROPS = "    except OSError:\n        return 0\n"
LEAVES = "clients.pop(number).connection.close()"
WRONG = [
    (
        SENDING,
        "        self.connection.sendall(self.answers)\n        self.answers = b''",
        r"reads now: \d+ of 1048576 bytes came, and then another answer\nhint: cut off exactly",
    ),
    ("setblocking(False)", "setblocking(True)", r"\nhint: connection.setblocking"),
    (
        SENDING,
        "        self.connection.send(self.answers)\n        self.answers = b''",
        r"reads now: \d+ of 1048576 bytes came, and then another answer\nhint: cut off exactly",
    ),
    ("self.answers[sent:]", "self.answers[sent + 1 :]", r"and then another answer"),
    (
        SENDING,
        """        while self.answers:
            try:
                self.answers = self.answers[self.connection.send(self.answers) :]
            except BlockingIOError:
                pass""",
        r"shout_server.py is busy, and another client gets no answer .*\nhint: do not loop",
    ),
    (
        WANTS,
        "        return 0 if self.ended and not self.answers else select.POLLIN",
        r"answered nothing within 8 s.*\nhint: an answer goes out when POLLOUT comes",
    ),
    (
        WANTS,
        "        if self.ended and not self.answers:\n"
        "            return 0\n"
        "        return select.POLLIN | select.POLLOUT",
        r"while one client has sent a megabyte and reads nothing, .* a processor busy\nhint: while",
    ),
    (
        WANTS,
        "        return 0 if self.ended else select.POLLIN | select.POLLOUT",
        r"ended the connection without an answer\nhint: close at b'' only when",
    ),
    (
        ENDS,
        "        return select.POLLIN",
        r"after its last answer .* sent b'THE ENDTHE END.*\nhint: b'' comes each time",
    ),
    (
        "if self.answers:\n            return",
        "if self.answers and not self.ended:\n            return",
        r"ended the connection without an answer\nhint: close at b'' only when",
    ),
    (
        DROPS,
        "",
        r"ConnectionResetError: .*, in your line 28: .*\nhint: who is gone concerns nobody else",
    ),
    (
        DROPS,
        "    except OSError:\n        pass\n",
        r"that read nothing has reset .* keeps a processor busy\nhint: recv\(\) or send\(\)",
    ),
    (
        "poll.unregister(number)",
        "print(number)",
        r"KeyError: \d+, in your line 68: .*\nhint: unregister, take out",
    ),
    (
        LEAVES,
        "clients.pop(number).connection.shutdown(socket.SHUT_RD)",
        r"has not closed its connection .*\nhint: once b'' has come",
    ),
    (
        LEAVES,
        "print(clients[number])",
        r"has not closed its connection .*\nhint: once b'' has come",
    ),
    ("poll = select.poll()", "poll = select.pol()", r"AttributeError: .*, in your line 59: "),
    (
        "poll.poll()",
        "poll.poll(0)",
        r"while all are silent, shout_server.py .* keeps a processor busy\nhint: .* no time",
    ),
    (
        "poll.poll()",
        "poll.poll(1)",
        r"all are silent, and shout_server.py wakes again and again: without a number",
    ),
    (
        SENDING,
        "        self.connection.send(self.answers)",
        r"answered b'HELLO\\n(WORLD\\n)?HELLO.*\nhint: cut off what send\(\) took",
    ),
]

ADDS = "poll.register(connection, select.POLLIN)"
STEPS = "            elif wanted := serve(clients[number]):"
WRONG += [
    (
        "                poll.modify(number, wanted)",
        "                if wanted == select.POLLOUT:\n"
        "                    poll.modify(number, wanted)",
        r"has read all its answers and says .* a processor busy\nhint: when no answer waits",
    ),
    (
        ADDS + "\n" + STEPS,
        ADDS.replace("POLLIN", "POLLIN | select.POLLRDHUP") + "\n            elif _ & "
        "select.POLLRDHUP:\n                poll.unregister(number)\n"
        "                clients.pop(number).connection.close()\n" + STEPS,
        r"reset the connection: it closed before .*\nhint: POLLRDHUP and POLLHUP may come while",
    ),
    (
        "        else:\n            client.hear()\n    except BlockingIOError:\n        pass\n",
        "        else:\n            client.hear()\n            client.connection.sendall"
        "(client.answers)\n            client.answers = b''\n",
        r"that reads nothing was cut off: .* closed .*\nhint: send\(\) on a full queue raises",
    ),
    (
        "            client.answer()\n        else:\n            client.hear()\n",
        "            client.answer()\n"
        "            return client.wants() if not client.ended else 0\n"
        "        client.hear()\n",
        r"\d+ of \d+ bytes came, and then the end\nhint: close at b'' only when",
    ),
]

WRONG_WITH_SELECT = [
    (
        "[one for one in rest if one not in over]",
        "[*rest]",
        "one client has ended its direction and reads nothing, .*\nhint: its end stays",
    ),
    (
        "if one in over and not rest[one]",
        "if one in over",
        r"reads now: \d+ of 131072 bytes came, and then the end\nhint: close at b'' only when",
    ),
    (
        "[one for one in rest if rest[one]]",
        "[*rest]",
        "while all are silent, .* keeps a processor busy\nhint: a connection is nearly always",
    ),
]

ASKS = """    if answers[number]:
        events |= select.POLLOUT
    poller.modify(number, events)"""
WRONG_WITH_DICTIONARIES = [
    (
        ASKS,
        """    if answers[number]:
        poller.modify(number, events | select.POLLOUT)""",
        "while a client has read all its answers and says no more, shout_server.py reads nothing "
        "and sends nothing, and keeps a processor busy\nhint: when no answer waits any more, ask",
    ),
    (
        ASKS,
        "    poller.modify(number, events | select.POLLOUT)",
        "has read all its answers and says .* a processor busy\nhint: when no answer waits any",
    ),
    (
        "number not in ended and flags & ~select.POLLOUT",
        "flags & select.POLLIN and not answers[number]",
        "has sent a megabyte and reads nothing, .* and keeps a processor busy\nhint: while answers",
    ),
]


def check(folder: Path, server: str) -> str:
    (folder / "shout_server.py").write_text(server)
    code = "from sockutils.lessons import poll; print(poll.step('shout_server.py'))"
    return alone(folder, code)


@pytest.mark.parametrize("name", sample(RIGHT))
def test_a_server_that_nobody_keeps_waiting_passes(tmp_path: Path, name: str) -> None:
    assert check(tmp_path, RIGHT[name]) == "step: passed\n"


def test_the_server_as_it_was(tmp_path: Path) -> None:
    said = check(tmp_path, BEFORE)
    assert f"{MEGABYTE}waits for it, and another client gets no answer within 8 s" in said
    assert "hint: connection.setblocking(False), and send() in place of sendall()" in said


@pytest.mark.parametrize(("right", "instead", "words"), sample(WRONG), ids=count())
def test_a_wrong_server(tmp_path: Path, right: str, instead: str, words: str) -> None:
    assert right in SERVER
    said = check(tmp_path, SERVER.replace(right, instead))
    assert said.startswith("step: not yet — "), said
    assert re.search(words, said), said


@pytest.mark.parametrize(("right", "instead", "words"), sample(WRONG_WITH_SELECT), ids=count())
def test_a_wrong_server_with_select(tmp_path: Path, right: str, instead: str, words: str) -> None:
    assert right in SELECT
    said = check(tmp_path, SELECT.replace(right, instead))
    assert said.startswith("step: not yet — "), said
    assert re.search(words, said), said


@pytest.mark.parametrize(
    ("right", "instead", "words"), sample(WRONG_WITH_DICTIONARIES), ids=count()
)
def test_a_wrong_server_with_dictionaries(
    tmp_path: Path, right: str, instead: str, words: str
) -> None:
    assert right in QUICK
    said = check(tmp_path, QUICK.replace(right, instead))
    assert said.startswith("step: not yet — "), said
    assert re.search(words, said), said
