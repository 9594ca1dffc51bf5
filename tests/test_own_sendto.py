"""The step of 07: a server that answers every datagram passes, others get their words."""

import re
from itertools import count
from pathlib import Path

import pytest
import reference
from kernels import alone, sample

SERVER = "\n" + reference.program("07_sendto_recvfrom.ipynb", "shout_udp.py")
LIBRARY = """
import socketserver

class Shout(socketserver.BaseRequestHandler):
    def handle(self):
        question, server = self.request
        server.sendto(question.upper(), self.client_address)

socketserver.UDPServer.max_packet_size = 65535
socketserver.ThreadingUDPServer(("127.0.0.1", 5000), Shout).serve_forever()
"""
LOOP = """
import asyncio

class Shout(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        if data:
            self.transport.sendto(data.upper(), address)
        else:  # before Python 3.14 sendto() sends no empty one
            self.transport.get_extra_info("socket")._sock.sendto(data, address)

async def main():
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(Shout, local_addr=("127.0.0.1", 5000))
    await asyncio.Event().wait()

asyncio.run(main())
"""
MESSAGES = """
import select, socket

server = socket.socket(type=socket.SOCK_DGRAM)
server.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR
server.bind(("127.0.0.1", 5000))
server.setblocking(False)
while True:
    select.select([server], [], [])
    try:
        question, _, _, address = server.recvmsg(1 << 16)
        server.sendmsg([question.upper()], [], 0, address)
    except OSError:
        pass
"""
PATIENT = SERVER.replace("    while", "    server.settimeout(5)\n    while").replace(
    "        question, address = server.recvfrom(65535)\n",
    "        try:\n            question, address = server.recvfrom(65535)\n"
    "        except TimeoutError:\n            continue\n",
)
TRY = SERVER[SERVER.index("        try:") :]
BARE = "        server.sendto(question.upper(), address)\n"
ONE_PEER = "        server.connect(address)\n        server.send(question.upper())\n"
WRONG = [
    (TRY, BARE, r"OSError: \[Errno 22\] Invalid argument, in your line 8.*\nhint: some.*forged"),
    ("while True:", "if True:", "ended, without an answer to the (first|second).*\nhint: a loop"),
    ("while True:", "for _ in range(3):", "ended, without an answer to .*\nhint: a loop"),
    ("65535", "100", "65,507 bytes: shout_udp.py answered 100 bytes, not 65507\nhint: recvfrom"),
    ("65535", "8192", "65,507 bytes: shout_udp.py answered 8192 bytes, not 65507"),
    (
        "        try:",
        "        if not question:\n            break\n        try:",
        "ended, without an answer to an empty datagram\nhint: b'' is a message",
    ),
    (
        "        try:",
        "        if not question:\n            continue\n        try:",
        "gave no answer to an empty datagram within 8 s\nhint: b''",
    ),
    ("SOCK_DGRAM", "SOCK_STREAM", "Transport endpoint is not connected|recvfrom"),
    ('"127.0.0.1"', '""', r"receives on 0.0.0.0, not 127.0.0.1(.|\n)*hint: 0.0.0.0 is every"),
    ("5000", "5001", "receives on port 5001, not 5000"),
    (
        '    server.bind(("127.0.0.1", 5000))\n',
        "",
        "has bound no UDP socket after 10 s\nhint: bind",
    ),
    (".upper()", "", "a datagram: shout_udp.py answered b'hello', not b'HELLO'"),
    (TRY, ONE_PEER, "no answer to the second of two clients(.|\n)*hint: one socket for all"),
    (
        "        question, address = server.recvfrom(65535)",
        "        question, found = server.recvfrom(65535)\n"
        "        address = globals().setdefault('first', found)",
        "the second of two clients: the answer .* went to another one\nhint: recvfrom.. returns",
    ),
    (
        "server.sendto(",
        "socket.socket(type=socket.SOCK_DGRAM).sendto(",
        "answered from port [0-9]+, not 5000\nhint: one socket for both",
    ),
    (
        "question, address = server.recvfrom(65535)",
        "question = address = server.recvfrom(65535)",
        "'tuple' object has no attribute 'upper'.*\nhint: question, address",
    ),
    ("server.sendto(question.upper(), address)", "server.send(question.upper())", "no answer to"),
    (
        "    while",
        "    server.setsockopt(0, 11, 1)\n    while",
        "ConnectionRefusedError.*in your line 8.*\nhint: a server has no peer",
    ),
    (
        "    server.bind",
        "    server.listen()\n    server.bind",
        "Operation not supported.*\nhint: a datagram socket has no connections",
    ),
    (
        "    while",
        "    server.settimeout(5)\n    while",
        "TimeoutError: timed out, in your line .*\nhint: silence is no end",
    ),
    (
        "    while",
        "    server.settimeout(0.3)\n    while",
        "TimeoutError: timed out, in your line .*\nhint: silence is no end",
    ),
    (
        "question.upper()",
        "question.decode().upper().encode()",
        "UnicodeDecodeError.*in your line .*\nhint: a datagram has any bytes",
    ),
    (
        "question.upper()",
        "question.decode(errors='ignore').upper().encode()",
        "not UTF-8: shout_udp.py answered b'NO TEXT: .', not .*\nhint: a datagram has any bytes",
    ),
    (
        "question.upper()",
        "question.decode('latin-1').upper().encode('latin-1', 'replace')",
        "not UTF-8: shout_udp.py answered b'NO TEXT: .*xc2.*\nhint: a datagram has any bytes",
    ),
    (
        "question.upper()",
        "question.decode('utf-8', 'surrogateescape').upper().encode('utf-8', 'surrogateescape')",
        "letters that ASCII has not: .*\nhint: a datagram has any bytes",
    ),
    (
        "question.upper()",
        "question.strip().upper()",
        r"blanks around it: .* answered b'BLANKS', not b' BLANKS .n'\nhint: blanks and a newline",
    ),
    (
        SERVER[SERVER.index("        question") :],
        "        server.settimeout(0.01)\n        try:\n            server.recvfrom(65535)\n"
        "        except TimeoutError:\n            break\n",
        "ended( before a datagram came|, without an answer to .*)\nhint: a loop .* silence is",
    ),
    (
        TRY,
        "        try:\n            server.sendto(question[:9000].upper(), address)\n"
        "        except:\n            continue\n",
        "65,507 bytes: shout_udp.py answered 9000 bytes, not 65507\nhint: recvfrom.65535.",
    ),
    (
        TRY,
        "        if address[1] == 0:\n            continue\n" + BARE,
        r"PermissionError: \[Errno 13\] Permission denied, in your line .*\nhint: some.*forged",
    ),
    (
        SERVER[SERVER.index("with socket") :],
        "while True:\n"
        "    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:\n"
        "        server.bind(('127.0.0.1', 5000))\n"
        "        question, address = server.recvfrom(65535)\n"
        "        server.sendto(question.upper(), address)\n",
        "no answer to (a datagram|the second of two clients|the first).*",
    ),
    ("question.upper()", "question.decode().upper()", "a bytes-like object is required, not 'str'"),
    ("import socket", "import sockte", "ModuleNotFoundError|No module named 'sockte'"),
]


def check(folder: Path, server: str) -> str:
    (folder / "shout_udp.py").write_text(server)
    code = "from sockutils.lessons import sendto; print(sendto.step('shout_udp.py'))"
    return alone(folder, code)


RIGHT = {"plain": SERVER, "library": LIBRARY, "asyncio": LOOP, "messages": MESSAGES}
RIGHT["patient"] = PATIENT


@pytest.mark.parametrize("name", sample(RIGHT))
def test_a_server_that_answers_every_datagram_passes(tmp_path: Path, name: str) -> None:
    assert check(tmp_path, RIGHT[name]) == "step: passed\n"


@pytest.mark.parametrize(("right", "instead", "words"), sample(WRONG), ids=count())
def test_a_wrong_server(tmp_path: Path, right: str, instead: str, words: str) -> None:
    assert right in SERVER
    said = check(tmp_path, SERVER.replace(right, instead))
    assert said.startswith("step: not yet — "), said
    assert re.search(words, said), said
