"""The step of 10: a server that serves many clients at once, in one thread, passes."""

import re
from itertools import count
from pathlib import Path

import pytest
from kernels import alone, sample

SERVER = """
import select
import socket
import sys

port = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
begun = {}  # each client, and the line that it has begun


def serve(client):
    try:
        data = client.recv(65536)
        *lines, begun[client] = (begun[client] + data).split(b"\\n")
        for line in lines:
            client.sendall(line.upper() + b"\\n")
        if not data:
            client.sendall(begun[client].upper())
        return bool(data)
    except OSError:
        return False


with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", port))
    server.listen()
    while True:
        ready, _, _ = select.select([server, *begun], [], [])
        for end in ready:
            if end is server:
                client, address = server.accept()
                print(address)
                begun[client] = b""
            elif not serve(end):
                del begun[end]
                end.close()
"""
SELECTORS = """
import selectors
import socket

sel = selectors.DefaultSelector()
server = socket.create_server(("127.0.0.1", 5000))
server.setblocking(False)
sel.register(server, selectors.EVENT_READ)

def end(client):
    sel.unregister(client)
    client.close()

while True:
    for key, _ in sel.select():
        if key.fileobj is server:
            client, _ = server.accept()
            client.setblocking(False)
            sel.register(client, selectors.EVENT_READ, bytearray())
            continue
        client, data = key.fileobj, key.data
        try:
            more = client.recv(4096)
            data += more
            answer, line, rest = bytes(data).rpartition(b"\\n")
            data[:] = rest
            client.setblocking(True)
            client.sendall((answer + line).upper())
            client.setblocking(False)
            if not more:
                client.sendall(bytes(rest).upper())
                end(client)
        except OSError:
            end(client)
"""
ASYNCIO = """
import asyncio

async def serve(reader, writer):
    try:
        while line := await reader.readline():
            writer.write(line.upper())
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 5000, limit=1 << 20)
    await server.serve_forever()

asyncio.run(main())
"""
TURNS = """
import select
import socket

server = socket.create_server(("127.0.0.1", 5000))
server.setblocking(False)
clients = []
while True:
    select.select([], [], [], 0.01)
    try:
        clients.append([server.accept()[0], b""])
        clients[-1][0].setblocking(False)
    except BlockingIOError:
        pass
    for client in clients[:]:
        try:
            data = client[0].recv(65536)
        except BlockingIOError:
            continue
        except OSError:
            data, client[1] = b"", b""
        client[1] += data
        *lines, client[1] = client[1].split(b"\\n")
        out = b"".join(line + b"\\n" for line in lines) + (b"" if data else client[1])
        client[0].setblocking(True)
        try:
            client[0].sendall(out.upper())
        except OSError:
            data = b""
        client[0].setblocking(False)
        if not data:
            client[0].close()
            clients.remove(client)
"""
ONE_BY_ONE = """
import socket

server = socket.create_server(("127.0.0.1", 5000))
while True:
    client, _ = server.accept()
    with client, client.makefile("rb") as lines:
        try:
            for line in lines:
                client.sendall(line.upper())
        except OSError:
            pass
"""
THREADS = """
import socketserver

class Shout(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.upper())

class Server(socketserver.ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True
    request_queue_size = 100

Server(("127.0.0.1", 5000), Shout).serve_forever()
"""
FORKS = THREADS.replace("ThreadingTCPServer", "ForkingTCPServer")
FORKS = FORKS.replace("daemon_threads = ", "max_children = 100; ")
FILES = """
import select
import socket

server = socket.create_server(("127.0.0.1", 5000))
files = {}
while True:
    for end in select.select([server, *files], [], [])[0]:
        if end is server:
            client, _ = server.accept()
            files[client] = client.makefile("rb")
            continue
        try:
            line = files[end].readline()
            end.sendall(line.upper())
        except OSError:
            line = b""
        if not line:
            files.pop(end).close()
            end.close()
"""
BUFFERED = (
    FILES.replace("files[end].readline()", "line_of(end)")
    .replace(
        "files = {}",
        """files = {}

def line_of(end):  # if one is complete
    data = end.recv(65536, socket.MSG_PEEK)
    return files[end].readline() if b"\\n" in data or not data else None
""",
    )
    .replace("if not line:", "if line == b'':")
)
BUFFERED = BUFFERED.replace("line.upper()", "(line or b'').upper()")
MIXED = SERVER.replace("begun[client]", "begun[None]").replace("*begun]", "*clients]")
MIXED = MIXED.replace("begun = {}", "clients, begun = [], {None: b''}")
MIXED = MIXED.replace('begun[None] = b""', "clients.append(client)")
MIXED = MIXED.replace("del begun[end]", "clients.remove(end)")
PIECES = """
import select
import socket

server = socket.create_server(("127.0.0.1", 5000))
clients = []
while True:
    for one in select.select([server, *clients], [], [])[0]:
        if one is server:
            clients.append(server.accept()[0])
            continue
        try:
            data = one.recv(65536)
            one.sendall(data.upper())
        except OSError:
            data = b""
        if not data:
            clients.remove(one)
            one.close()
"""
PRINTS = SERVER.replace("except OSError:", "except OSError as error:\n        print(error)")
TOO_EARLY = "answered b'1, ' to a line that was only begun, .*\nhint: a line may come in pieces"
EARLIER = "20 clients are silent or have begun a line, and another one talks: "
WRONG = [
    (SERVER, "ready, _, _ =", "_, ready, _ =", EARLIER + ".*in its queue\nhint: one accept"),
    (SERVER, "[server, *begun]", "[server]", EARLIER + ".*answered nothing .*\nhint: one accept"),
    (SERVER, "[server, *begun]", "[server, *list(begun)[:1]]", EARLIER + ".*answered nothing"),
    (SERVER, '] = b""', "] = client.recv(9)", EARLIER + ".*answered nothing .*\nhint: one accept"),
    (
        SERVER,
        "del begun[end]",
        "pass",
        "ValueError: file descriptor cannot .*\nhint: a socket that",
    ),
    (PRINTS, "elif not serve(end)", "elif serve(end) is None", "File too large.*\nhint: it has"),
    (PIECES, "", "", TOO_EARLY),
    (SERVER, "bool(data)", "not begun[client]", "or had begun a line\nhint: only b''"),
    (PIECES, "65536", "10", TOO_EARLY),
    (SERVER, "if not data:", "if begun[client]:", "to a line that was only begun"),
    (
        SERVER,
        "if not data:",
        "if not data or len(begun[client]) > 99_999:",
        "to a line that was only begun",
    ),
    (SERVER, "    end.close()", "    pass", "a word: .*left its end of .* open\nhint: recv"),
    (
        SERVER,
        "[], [])",
        "[], [], 0)",
        "nobody says anything, .* busy\nhint: who has ended",
    ),
    (
        SERVER,
        "[], [])",
        "[*begun], [])",
        "nobody says anything, .* busy\nhint: who has ended",
    ),
    (
        SERVER,
        "OSError",
        "BlockingIOError",
        "(a client reset .*)?ConnectionResetError: .*\nhint: recv",
    ),
    (SERVER, "begun[client].upper()", 'b""', "without its newline: .*\nhint: when recv"),
    (SERVER, "return bool(data)", "return True", "a word: .*left its end of .* open\nhint: recv"),
    (SERVER, "(begun[client] + data)", "data", "a line and a half .*\nhint: answer each"),
    (SERVER, "in lines:", "in lines[:1]:", "three lines came in one piece: .*\nhint: answer every"),
    (
        SERVER,
        'begun[client] = b""',
        'begun[client] = client.setblocking(False) or b""',
        "reads late, .*\nhint: a nonblocking sendall",
    ),
    (SERVER, "line.upper() +", "line.strip().upper() +", "blanks around it: .*\nhint: blanks"),
    (
        SERVER,
        "line.upper() +",
        'line.decode(errors="replace").upper().encode() +',
        "are no text: .*\nhint: bytes have",
    ),
    (
        SERVER,
        "line.upper() +",
        r'line.rpartition(b"\r")[2].upper() +',
        "a carriage return in it: .*answered .*\nhint: a newline",
    ),
    (
        SERVER,
        "in lines:",
        "in lines if not (begun[client] and lines) else ():",
        "a line and a half came in one piece: .*\nhint: answer each",
    ),
    (ONE_BY_ONE, "", "", EARLIER + ".*in its queue\nhint: one accept"),
    (THREADS, "", "", "serves with 2[12] threads: let one do it\nhint: one thread of one process"),
    (FORKS, "", "", "serves with 2[12] processes: let one do it\nhint: one thread of one process"),
    (FILES, "", "", EARLIER + ".*\nhint: one accept.*readline"),
    (BUFFERED, "", "", "three lines came in one piece: .*\nhint: answer every line"),
    (MIXED, "", "", EARLIER + ".*answered b'.*\nhint: "),
]


def check(folder: Path, server: str) -> str:
    (folder / "shout_server.py").write_text(server)
    code = "from sockutils.lessons import select; print(select.step('shout_server.py'))"
    return alone(folder, code)


RIGHT = [SERVER, SELECTORS, ASYNCIO, TURNS]


@pytest.mark.parametrize("server", sample(RIGHT), ids=count())
def test_a_server_that_serves_all_at_once_passes(tmp_path: Path, server: str) -> None:
    assert check(tmp_path, server) == "step: passed\n"


@pytest.mark.parametrize(("server", "right", "instead", "words"), sample(WRONG), ids=count())
def test_a_wrong_server(tmp_path: Path, server: str, right: str, instead: str, words: str) -> None:
    assert right in server
    said = check(tmp_path, server.replace(right, instead))
    assert said.startswith("step: not yet — "), said
    assert re.search(words, said), said
