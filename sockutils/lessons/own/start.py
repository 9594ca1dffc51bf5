"""00: the server answers one client in capitals, the client says hello; then both together."""

import socket
import struct
from contextlib import suppress
from pathlib import Path

from sockutils.peers.waits import wait_until
from sockutils.practice.own import answers, caller, closes, died, own_program
from sockutils.practice.program import HOST, PORT, Program, free, running
from sockutils.tables.diag import sockets
from sockutils.tables.rows import Row

HELLO = b"hello"
RESET = struct.pack("ii", 1, 0)  # socket(7), SO_LINGER: close() resets the connection
ACCEPT = (
    "connection, _ = server.accept(): it waits for a client, and returns the socket to talk over "
    "and the client's address"
)
ONCE = "one recv(), one sendall(), close(): no loop is needed here"


HINTS = {
    "'tuple' object": ACCEPT,
    "Transport endpoint": ACCEPT,
    "Invalid argument": "listen() comes before accept(), bind() before listen()",
    "takes exactly one argument": "host and port are one thing, in their own parentheses: "
    '(("127.0.0.1", 5000))',
    "NameError: name": "a program knows nothing of the notebook's cells, so nor of background(): "
    "this one needs only `import socket`; else look for a typing error",
    "Connection refused": 'create_connection() calls ("127.0.0.1", 5000); what waits for calls '
    "there, the server, comes from create_server()",
    "not 127.0.0.1": 'the address is ("127.0.0.1", 5000)',
    "client.py ended with status 1: OSError: [Errno 98]": "bind() and create_server() take an "
    "address of your own: the client calls another's, with create_connection()",
    "Bad file descriptor": "the socket is closed by then: recv() first, then close()",
    "not 5000": 'bind() or create_server() gets ("127.0.0.1", 5000): the client calls there',
    "Broken pipe": ACCEPT,
    "has not called accept()": ACCEPT,
    "ended at once": ACCEPT,
    "ended before it had served": ACCEPT,
    "without an answer": "connection.recv(100) gives you its words, connection.sendall() answers",
    "before it had read": "accept() the client, then connection.recv(100), then answer",
    "answered nothing": "one recv(100) takes what is there; a second one waits for more",
    "expected b": "answer what connection.recv(100) gives you, with .upper()",
    "still runs": "one client, one answer, the end: no loop is needed here",
    "EOFError": "the check types nothing: do without input()",
    "bytes-like object": 'b"hello" are bytes, "hello" is text: sockets take and give bytes',
    "the same client again": ONCE,
    "waits for more": ONCE,
    "as Python writes bytes": "`.decode()` makes text of bytes",
    "printed": "print all that recv(100) gives you, as text: `.decode()` makes it of bytes",
    "connected to nobody": 'socket.create_connection(("127.0.0.1", 5000)) makes a connected socket',
    "listens on no port": 'socket.create_server(("127.0.0.1", 5000)) makes a socket that listens',
    "said b": 'client.sendall(b"hello")',
}


@own_program("start", hint=HINTS)
def step(server: Path, client: Path) -> None:
    for words in (HELLO, b"who is there?"):
        free()
        wake()
        serves_one(server, words)
    for answer in (b"good morning", b"and who are you?"):
        calls_once(client, answer)
    wake()
    with running(server) as serving:
        serving.listens()
        with running(client) as calling:
            calling.ends()
            shows(calling, HELLO.upper())
        serving.ends()


def wake() -> None:
    """End what rests in TIME-WAIT on the port: bind() alone would not take it again for a minute.

    What rests answers a new call from its client's port with the ACK of the old connection. Who
    calls has sent nothing that this could confirm: its RST ends the rest. RFC 1337
    """
    for row in resting():
        with socket.socket() as client, suppress(OSError):
            client.setblocking(False)
            client.bind(row.remote)
            client.connect(row.local)
    wait_until(lambda: not resting(), 1)


def resting() -> list[Row]:
    rows = sockets(port=PORT)
    return [row for row in rows if row.state == "TIME-WAIT" and row.local == (HOST, PORT)]


def serves_one(server: Path, words: bytes) -> None:
    with running(server) as program:
        program.listens()
        with caller() as client:
            # So the port does not rest in TIME-WAIT.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.sendall(words)
            answers(program, client, words.upper())
            closes(program, client)
        program.ends()


def calls_once(client: Path, answer: bytes) -> None:
    with socket.create_server((HOST, PORT)) as listener, running(client) as program:
        with program.calls(listener) as connection:
            heard = said(connection)
            if not heard:
                died(program)
            assert heard == HELLO, f"{program} said {heard!r:.80} to the server, not {HELLO!r}"
            connection.sendall(answer)
            wait_until(lambda: program.over, 1)  # who closes first has the port rest in TIME-WAIT
        program.ends()
        shows(program, answer)


def said(connection: socket.socket) -> bytes:
    heard = b""
    try:
        while heard != HELLO and HELLO.startswith(heard) and (part := connection.recv(100)):
            heard += part  # it may come in pieces
    except TimeoutError:
        pass  # it waits for an answer, without a question
    return heard


def shows(program: Program, answer: bytes) -> None:
    seen = program.printed
    raw = f"{program} printed {seen.strip()!r:.80}, the answer as Python writes bytes"
    assert repr(answer) not in seen, raw
    assert answer.decode() in seen, f"{program} got {answer!r} and printed {seen!r:.80}"
