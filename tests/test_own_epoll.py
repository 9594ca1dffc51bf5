"""The step of 12: a server on epoll that takes as many clients as there are descriptors passes."""

import re
from itertools import count
from pathlib import Path

import pytest
import reference
from kernels import alone, sample

SERVER = "\n" + reference.program("12_epoll.ipynb", "shout_server.py")
SELECTORS = '''
import selectors
import socket
import sys

port = int(sys.argv[1]) if len(sys.argv) > 1 else 5000


def talk(connection):
    """One conversation: a generator that yields what it waits for."""
    begun = b""
    yield selectors.EVENT_READ
    while data := connection.recv(1 << 20):
        *lines, begun = (begun + data).split(b"\\n")
        answers = b"".join(line.upper() + b"\\n" for line in lines)
        while answers:
            yield selectors.EVENT_WRITE
            answers = answers[connection.send(answers) :]
        yield selectors.EVENT_READ
    if begun:
        yield selectors.EVENT_WRITE
        connection.send(begun.upper())


with socket.create_server(("127.0.0.1", port)) as server, selectors.DefaultSelector() as selector:
    selector.register(server, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select(5):
            if key.fileobj is server:
                connection, address = server.accept()
                print(address)
                connection.setblocking(False)
                talker = talk(connection)
                selector.register(connection, next(talker), talker)
                continue
            try:
                selector.modify(key.fileobj, next(key.data), key.data)
            except (StopIteration, OSError):
                selector.unregister(key.fileobj)
                key.fileobj.close()
'''
ASYNCIO = """
import asyncio


async def talk(reader, writer):
    print(writer.get_extra_info("peername"))
    try:
        while line := await reader.readline():
            writer.write(line.upper())
            await writer.drain()
        writer.close()
    except ConnectionError:
        writer.close()


async def main():
    server = await asyncio.start_server(talk, "127.0.0.1", 5000, limit=1 << 20)
    async with server:
        await server.serve_forever()


asyncio.run(main())
"""
EDGE = '''
import select
import socket
from contextlib import suppress

both = select.EPOLLIN | select.EPOLLOUT | select.EPOLLET
server = socket.create_server(("127.0.0.1", 5000), backlog=100)
server.setblocking(False)
epoll = select.epoll()
epoll.register(server, select.EPOLLIN | select.EPOLLET)
known = {}


def over(number):
    """Take what there is, answer what fits; whether the conversation is at its end."""
    connection, heard, said, ended = known[number]
    with suppress(BlockingIOError):
        while not ended:
            data = connection.recv(4096)
            heard += data
            ended = known[number][3] = not data
    end = len(heard) if ended else heard.rfind(b"\\n") + 1
    said += heard[:end].upper()
    del heard[:end]
    with suppress(BlockingIOError):
        while said:
            del said[: connection.send(said)]
    return ended and not said


while True:
    for number, _ in epoll.poll():
        if number == server.fileno():
            with suppress(BlockingIOError):
                while True:
                    connection, address = server.accept()
                    connection.setblocking(False)
                    print(address)
                    known[connection.fileno()] = [connection, bytearray(), bytearray(), False]
                    epoll.register(connection, both)
            continue
        try:
            done = over(number)
        except OSError:
            done = True
        if done:
            epoll.unregister(number)
            known.pop(number)[0].close()
'''
POLL = re.sub(r"EPOLL(IN|OUT)", r"POLL\1", SERVER).replace(", select.epoll() as epoll:", ":")
POLL = POLL.replace(
    "    epoll.register(server", "    epoll = select.poll()\n    epoll.register(server"
)
SELECT = """
import select
import socket

with socket.create_server(("127.0.0.1", 5000)) as server:
    clients = [server]
    while True:
        for one in select.select(clients, [], [])[0]:
            if one is server:
                clients.append(server.accept()[0])
            elif data := one.recv(65536):
                one.sendall(data.upper())
            else:
                clients.remove(one)
                one.close()
"""
THREADS = """
import socket
import threading


def talk(connection):
    with connection, connection.makefile("rb") as lines:
        for line in lines:
            connection.sendall(line.upper())


with socket.create_server(("127.0.0.1", 5000)) as server:
    while True:
        threading.Thread(target=talk, args=server.accept()[:1], daemon=True).start()
"""
FULL = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))\nport ="
NEW = "epoll.register(connection, select.EPOLLIN)"
GONE = "epoll.unregister(number)\n                clients.pop(number).connection.close()"
CLOSES = "clients.pop(number).connection.close(); epoll.unregister(number)"
NO_EPOLL = "accepted 1100 clients, and what epoll watches is "
OPEN = "1090 clients are gone, and shout_server.py has not closed its own end of "
SPINS = "1099 clients are silent, and shout_server.py keeps a processor busy: nothing"
SPINS_ON = (
    "all 1100 clients have their answers, and shout_server.py keeps a processor busy: nothing"
)
STAYS = SERVER.replace(NEW, f"{NEW[:-1]} | select.EPOLLET)")
STAYS = STAYS.replace("wanted and wanted != before", "wanted not in (0, before, select.EPOLLIN)")
SENDS = """sent = self.connection.send(self.answers)
        self.answers = self.answers[sent:]"""
DROPS = "self.connection.send(self.answers); self.answers = b''"
WAITS = (
    "self.connection.setblocking(True); self.connection.sendall(self.answers); self.answers = b''"
)
STEP = """if client.answers:
            client.answer()
        else:
            client.hear()"""
ALWAYS = SERVER.replace(STEP, "client.hear(); client.answer()")
ALWAYS = ALWAYS.replace("return select.EPOLLOUT", "return select.EPOLLIN | select.EPOLLOUT")
LOSES = ALWAYS.replace('self.answers = b"".join', 'self.answers += b"".join')
MANY = """
        epoll = select.epoll()
        epoll.register(server, select.EPOLLIN)
        for number, client in clients.items():
            epoll.register(number, client.wants())
        for number, _ in epoll.poll():"""
ONE_READ = SERVER.replace("else select.EPOLLIN", "else select.EPOLLIN | select.EPOLLET")
ONE_READ = ONE_READ.replace(NEW, f"{NEW[:-1]} | select.EPOLLET)").replace("65536", "1000")
WRONG = [
    ("port =", FULL, "OSError: .*Too many open files, in your line \\d+: .*accept.*\nhint: close"),
    (NEW, f"{NEW[:-1]} | select.EPOLLOUT)", f"{SPINS}.*\nhint: a connection is nearly always"),
    ("epoll.poll()", "epoll.poll(0)", f"{SPINS}.*\nhint: wait without a time limit"),
    ("else select.EPOLLIN", "else select.EPOLLIN | select.EPOLLOUT", f"{SPINS_ON}.*\nhint: a conn"),
    (
        "        connection.setblocking(False)\n",
        "",
        "reads nothing: shout_server.py waits for it, and another.*\nhint: .*setblocking",
    ),
    (NEW, "pass", f"{NO_EPOLL}1: let it be each client, and the listener\nhint: epoll = select"),
    (GONE, "pass", f"{OPEN}981\nhint: unregister"),
    (GONE, "epoll.unregister(number)", f"{OPEN}981\nhint: unregister"),
    (
        GONE,
        CLOSES,
        "OSError: .*Bad file descriptor.*\nhint: unregister.. first",
    ),
    ("epoll.modify(", "epoll.register(", "FileExistsError: .*\nhint: register.. once for each"),
    (
        "except OSError:\n        return 0",
        "except KeyError:\n        return 0",
        "ConnectionResetError",
    ),
    (
        "epoll.register(server, select.EPOLLIN)",
        "epoll.register(server, select.EPOLLIN | select.EPOLLET)",
        "50 clients are .* has accepted 1, and no other within 8 s\nhint: .*edge-triggered",
    ),
    (
        "if number == server.fileno():",
        "if number == server.fileno() and len(clients) < 1000:",
        "shout_server.py ended with status 1: KeyError.*\nhint: is each number",
    ),
    (SENDS, DROPS, "bytes came, and then another answer\nhint: cut off exactly"),
    (
        SENDS,
        f"{WAITS}; self.connection.setblocking(False)",
        "reads nothing: shout_server.py waits for it, and another.*\nhint: .*setblocking",
    ),
    (
        "\n        for number, _ in epoll.poll():",
        MANY,
        "watches them all in another instance\nhint: make it once",
    ),
    (
        "self.ended = True",
        "self.connection.shutdown(socket.SHUT_RD); self.connection.close()",
        "Bad file descriptor",
    ),
    ("self.begun.upper()", "b''", "ended the connection without an answer"),
    ("line.upper()", "b'hello'", "answered b'hello.*expected b'HELLO FROM 0"),
    ("with socket.socket", "with socket.sokcet", "AttributeError: .*in your line"),
]
WHOLE = [
    (POLL, f"{NO_EPOLL}0: .*\nhint: epoll = select.epoll"),
    (THREADS, f"{NO_EPOLL}0: .*\nhint: epoll = select.epoll"),
    (SELECT, "ValueError: filedescriptor out of range in select.*\nhint: select.. names no"),
    (STAYS, f"{SPINS_ON}.* 1100 of the sockets are watched for EPOLLOUT\nhint: a connection"),
    (
        ONE_READ,
        "reads a part of it, and no more\nhint: with EPOLLET",
    ),
    (ALWAYS, "bytes came, and then another answer\nhint: cut off exactly"),
    (LOSES, "bytes came, and then nothing within 8 s\nhint: keep what send"),
]


def check(folder: Path, server: str) -> str:
    (folder / "shout_server.py").write_text(server)
    code = "from sockutils.lessons import epoll; print(epoll.step('shout_server.py'))"
    return alone(folder, code)


SMALL = SERVER.replace("server.listen()", "server.listen(5)")
NONE = SERVER.replace("server.listen()", "server.listen(0)")
RIGHT = {"small backlog": SMALL, "none": NONE, "epoll": SERVER}
RIGHT |= {"selectors": SELECTORS, "asyncio": ASYNCIO, "edge": EDGE}


@pytest.mark.parametrize("name", sample(RIGHT))
def test_a_server_without_a_limit_of_its_own_passes(tmp_path: Path, name: str) -> None:
    assert check(tmp_path, RIGHT[name]) == "step: passed\n"


@pytest.mark.parametrize(("right", "instead", "words"), sample(WRONG), ids=count())
def test_a_wrong_server(tmp_path: Path, right: str, instead: str, words: str) -> None:
    assert right in SERVER
    refused(check(tmp_path, SERVER.replace(right, instead)), words)


@pytest.mark.parametrize(
    ("server", "words"),
    WHOLE,
    ids=["poll", "threads", "select", "stays", "one recv", "always", "loses"],
)
def test_a_server_of_another_kind(tmp_path: Path, server: str, words: str) -> None:
    refused(check(tmp_path, server), words)


def refused(said: str, words: str) -> None:
    assert said.startswith("step: not yet — "), said
    assert re.search(words, said), said


def test_with_few_descriptors_there_are_fewer_clients(tmp_path: Path) -> None:
    (tmp_path / "shout_server.py").write_text(SERVER)
    limit = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (256, 400))"
    code = f"{limit}; from sockutils.lessons import epoll; print(epoll.step('shout_server.py'))"
    assert alone(tmp_path, code) == "step: passed\n"
