"""The step of 06: programs whose messages are lines pass, others get their words."""

import re
from itertools import count
from pathlib import Path

import pytest
from kernels import alone, sample

HEAD = """
import socket
import sys

with socket.create_server(("127.0.0.1", 5000)) as server:
    while True:
        connection, address = server.accept()
        print(address)
"""
SERVER = f"""{HEAD}
        with connection, connection.makefile("rb") as lines:
            try:
                for line in lines:
                    connection.sendall(line.upper())
            except OSError as error:
                print(address, error)
"""
BUFFER = f"""{HEAD}
        rest = bytearray()
        try:
            with connection:
                while data := connection.recv(1000):
                    rest += data
                    while (end := rest.find(b"\\n")) >= 0:
                        connection.sendall(rest[:end].upper() + b"\\n")
                        del rest[:end + 1]
                if rest:
                    connection.sendall(rest.upper() + b"\\n")
        except ConnectionError:
            pass
"""
THREADS = """
import socketserver

class Shout(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.upper())

class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

Server(("127.0.0.1", 5000), Shout).serve_forever()
"""
ASYNC = """
import asyncio

async def serve(reader, writer):
    try:
        while line := await reader.readline():
            writer.write(line.upper())
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 5000, limit=1 << 20)
    await server.serve_forever()

asyncio.run(main())
"""
FILE = f"""{HEAD}
        try:
            with connection, connection.makefile("rwb") as file:
                while line := file.readline():
                    file.write(line.upper())
                    file.flush()
        except OSError as error:
            print(error)
"""
CLIENT = """
import socket
import sys

try:
    with (
        socket.create_connection(("127.0.0.1", 5000), timeout=2) as client,
        client.makefile("rb") as answers,
    ):
        client.sendall(b"hello\\n")
        answer = answers.readline()
        if not answer.endswith(b"\\n"):
            sys.exit("shout_client: the server has closed")
        print(answer.decode(), end="")
except OSError as error:
    sys.exit(f"shout_client: {error}")
"""
PIECES = """
import socket
import sys
import time

try:
    with socket.create_connection(("127.0.0.1", 5000), timeout=2) as client:
        end = time.monotonic() + 2
        client.settimeout(2)
        for letter in b"hello\\n":
            client.send(bytes([letter]))
        answer = b""
        while b"\\n" not in answer:
            client.settimeout(max(0.001, end - time.monotonic()))
            part = client.recv(4)
            if not part:
                sys.exit("the answer was cut off")
            answer += part
        print(answer.split(b"\\n")[0].decode())
except OSError as error:
    print(error or "timed out", file=sys.stderr)
    sys.exit(1)
"""
LOOP = """
        with connection:
            try:
{}
            except OSError as error:
                print(address, error)
"""


def looping(*lines: str) -> str:
    body = "\n".join(f"                {line}" for line in lines)
    return HEAD + LOOP.format(body)


AS_IT_WAS = looping("connection.sendall(connection.recv(100).upper())")
READS = "while data := connection.recv(65536):"
EACH_PIECE = looping(READS, "    connection.sendall(data.upper())")
EACH_PIECE_SPLIT = looping(
    READS,
    '    for line in data.split(b"\\n"):',
    '        connection.sendall(line.upper() + b"\\n")',
)
AT_THE_END = looping(
    'data = b""',
    "while part := connection.recv(65536):",
    "    data += part",
    "connection.sendall(data.upper())",
)
ONE_LINE = looping(
    'with connection.makefile("rb") as lines:',
    "    connection.sendall(lines.readline().upper())",
)
NO_NEWLINE = looping(
    'with connection.makefile("rb") as lines:',
    "    for line in lines:",
    "        connection.sendall(line.strip().upper())",
)
EMPTY_IS_THE_END = looping(
    'with connection.makefile("rb") as lines:',
    "    while line := lines.readline().strip():",
    '        connection.sendall(line.upper() + b"\\n")',
)
BEGUN = ('rest = b""', READS, '    *lines, rest = (rest + data).split(b"\\n")')
LAST_IS_LOST = looping(
    *BEGUN, "    for line in lines:", '        connection.sendall(line.upper() + b"\\n")'
)
FIRST_OF_EACH = looping(
    'rest = b""',
    READS,
    "    rest += data",
    '    if b"\\n" in rest:',
    '        line, _, rest = rest.partition(b"\\n")',
    '        connection.sendall(line.upper() + b"\\n")',
)
NO_END = looping(
    'rest = b""',
    "while True:",
    '    *lines, rest = (rest + connection.recv(65536)).split(b"\\n")',
    "    for line in lines:",
    '        connection.sendall(line.upper() + b"\\n")',
)
ANSWERS_NO_END = looping(
    'rest = b""',
    "while True:",
    "    data = connection.recv(65536)",
    '    *lines, rest = (rest + data).split(b"\\n")',
    "    for line in lines:",
    '        connection.sendall(line.upper() + b"\\n")',
    "    if not data:",
    '        connection.sendall(rest.upper() + b"\\n")',
)
LINES = 'with connection.makefile("rb") as lines:'
READLINES = looping(LINES, "    for line in lines.readlines(): connection.sendall(line.upper())")
STRIPS = looping(LINES, '    for line in lines: connection.sendall(line.strip().upper() + b"\\n")')
TEXT = looping(
    "with connection.makefile() as lines:",
    "    for line in lines: connection.sendall(line.upper().encode())",
)
LATIN = looping(
    'with connection.makefile(encoding="latin-1", newline="\\n") as lines:',
    '    for line in lines: connection.sendall(line.upper().encode("latin-1", "replace"))',
)
ONE_SEND = SERVER.replace("sendall", "send")
FILE_STAYS_OPEN = looping(
    'lines = connection.makefile("rb")',
    "for line in lines:",
    "    connection.sendall(line.upper())",
)
NO_FLUSH = FILE.replace("                    file.flush()\n", "")
LIMITED = SERVER.replace("for line in lines:", "while line := lines.readline(65536):")
TIMED = SERVER.replace(
    "            try:\n", "            connection.settimeout(0)\n            try:\n"
)
DIES = SERVER.replace("OSError", "BrokenPipeError")
CAUGHT = SERVER.replace("line.upper()", "line.decode().upper().encode()").replace(
    "OSError", "(OSError, UnicodeDecodeError)"
)
TAKES_ALL = SERVER.replace(
    "except OSError as error:\n                print(address, error)",
    "except:\n                pass",
)
CODED = SERVER.replace("line.upper()", 'line.decode("latin-1").upper().encode("latin-1")')
NOT_CUT = SERVER.replace(
    "OSError as error:\n                print(address, error)", "KeyError: pass"
)
HELLO = 'client.sendall(b"hello\\n")'
READ = "answer = answers.readline()"
PRINTS = 'print(answer.decode(), end="")'
EXIT = 'sys.exit("shout_client: the server has closed")'
WHOLE = f"""        if not answer.endswith(b"\\n"):
            {EXIT}
"""

WRONG_SERVERS = [
    (AS_IT_WAS, r"answered b'WHO' to half a line, b'who': .*\nhint: keep what has come in a var"),
    (EACH_PIECE, "answered b'WHO' to half a line"),
    (EACH_PIECE_SPLIT, r"answered b'WHO\\n' to half a line"),
    (AT_THE_END, r"answered nothing within 8 s, expected b'WHO IS THERE.\\n'\nhint: answer each"),
    (ONE_LINE, r"ended the connection without an answer|reset the connection.*\nhint: the same cl"),
    (NO_NEWLINE, r"answered b'WHO IS THERE.' and no more .*\nhint: the newline belongs"),
    (EMPTY_IS_THE_END, r"answered b'ONE\\n', expected b'ONE\\n\\nTHREE\\n'\nhint: an empty line"),
    (LAST_IS_LOST, r"the last line, b'last', had no newline, .* answered b''\nhint: what is left"),
    (FIRST_OF_EACH, r"answered b'ONE\\n' and no more .*expected b'ONE\\n\\nTHREE\\n'"),
    (NO_END, r"the client has ended, and .* left the connection open\nhint: at the client's end"),
    (ANSWERS_NO_END, "answers on and on after the client's end|left the connection open|half a li"),
    (
        FILE_STAYS_OPEN,
        r"left the connection open\nhint: .* The file of makefile\(\) holds the conn",
    ),
    (NO_FLUSH, r"answered nothing within 8 s.*\nhint: .*flush\(\)"),
    (LIMITED, r"answered b'XX.* to half a line, 300,000 bytes: it is complete when"),
    (TIMED, r"(in the middle of a line|to half a line), b'who'|without an answer"),
    (DIES, r"status 1: ConnectionResetError: .*, in your line \d+: .*\nhint: catch what fails"),
    (NOT_CUT, r"status 1: ConnectionResetError: .*\nhint: catch what fails"),
    (READLINES, r"answered nothing within 8 s.*\nhint: .* readlines\(\) .* wait for the client's"),
    (STRIPS, r"answered b'BLANKS\\n' and no more .*\nhint: blanks and \\r belong"),
    (TEXT, r"UnicodeDecodeError: .*\nhint: a line is bytes"),
    (CAUGHT, r"without an answer, to b'\\xff\\xfe\\n'\nhint: a line is bytes, need not be text"),
    (CODED, r"UnicodeEncodeError: .*\nhint: a line is bytes"),
    (TAKES_ALL, r"goes on after Ctrl-C.*\nhint: `except OSError` .* nothing more"),
    (LATIN, r"answered b'\?.*expected b'\\xff\\xfe\\n'\nhint: answer every byte"),
    (ONE_SEND, r"Ctrl-Z and fg: [\d,]+ of them came\nhint: send\(\) may take a part"),
    (SERVER.replace("upper", "uppr"), "AttributeError: .*, in your line 13"),
]
WRONG_CLIENTS = [
    (HELLO, 'client.sendall(b"hello")', r"said b'hello', not b'hello\\n'\nhint: client.sendall"),
    (
        f"{READ}\n{WHOLE}        {PRINTS}",
        "print(client.recv(100).decode())",
        r"got b'good morning' and printed 'good .*\nhint: one",
    ),
    (
        READ,
        "answer = answers.read()",
        "status 1: shout_client: timed out\nhint: the answer is",
    ),
    (READ, "for line in answers: print(line.decode())", "status 1: shout_client: timed out\nhint"),
    (PRINTS, "pass", "got b'good morning' and printed ''"),
    (PRINTS, "print(answer)", "the answer as Python writes bytes"),
    (
        ", timeout=2",
        "",
        "the server is silent, and shout_client.py still waits|says nothing, and sh",
    ),
    ("except OSError", "except ConnectionError", r"status 1: TimeoutError: .*\nhint: .except OSE"),
    ("sys.exit(", "print(", "nobody listens, and shout_client.py ends with status 0: let it be 1"),
    (WHOLE, "", r"closed in the middle .* ends with status 0: let it be 1.*\nhint: b'' before"),
    (
        READ,
        'answer = b""\n        while not answer.endswith(b"\\n"): answer += client.recv(100)',
        r"closed in the middle of its line, and shout_client.py still waits.*\nhint: b'' before",
    ),
    (HELLO, "pass", r"said b'', not b'hello\\n'|status 1: shout_client: timed"),
    (EXIT, "raise EOFError", r"status 1: EOFError, .*\nhint: b'' before the newline .*no traceb"),
]


def check(folder: Path, server: str, client: str) -> str:
    (folder / "shout_server.py").write_text(server)
    (folder / "shout_client.py").write_text(client)
    code = "from sockutils.lessons import send; "
    code += "print(send.step('shout_server.py', 'shout_client.py'))"
    return alone(folder, code)


def refused(said: str, words: str) -> None:
    assert said.startswith("step: not yet — "), said
    assert re.search(words, said), said


@pytest.mark.parametrize("server", sample([SERVER, BUFFER, THREADS, ASYNC, FILE]), ids=count())
def test_a_server_that_answers_lines_passes(tmp_path: Path, server: str) -> None:
    assert check(tmp_path, server, CLIENT) == "step: passed\n"


def test_a_client_with_a_loop_of_its_own_passes(tmp_path: Path) -> None:
    assert check(tmp_path, SERVER, PIECES) == "step: passed\n"


@pytest.mark.parametrize(("server", "words"), sample(WRONG_SERVERS), ids=count())
def test_a_wrong_server(tmp_path: Path, server: str, words: str) -> None:
    refused(check(tmp_path, server, CLIENT), words)


@pytest.mark.parametrize(("right", "instead", "words"), sample(WRONG_CLIENTS), ids=count())
def test_a_wrong_client(tmp_path: Path, right: str, instead: str, words: str) -> None:
    assert right in CLIENT
    refused(check(tmp_path, SERVER, CLIENT.replace(right, instead)), words)
