"""01: the three calls in place of the short form; each socket is closed when it is done with."""

import ast
import re
import socket
from pathlib import Path

from sockutils.lessons.own.rests import asleep, processes
from sockutils.peers.waits import wait_until
from sockutils.practice.own import answers, caller, closes, own_program
from sockutils.practice.program import ANSWER, PORT, Program, free, running
from sockutils.tables.diag import sockets

HINTS = {
    "create_server() is": "socket.socket() makes it, server.bind() takes host and port as one "
    "thing, in parentheses of their own, and server.listen() takes nothing",
    "takes exactly one argument": 'host and port are one argument: bind(("127.0.0.1", 5000))',
    "Operation not supported": "listen() is for connections: make the socket SOCK_STREAM",
    ", not 127.0.0.1": 'bind() decides where: bind(("127.0.0.1", 5000)); "" means every address',
    ", not 5000": 'without bind() the kernel chooses a port: bind(("127.0.0.1", 5000)), then '
    "listen()",
    "listens on no port": "socket(), bind() and listen() are three calls: are all there?",
    "Invalid argument": "bind(), listen(), accept(), in this order, each once: "
    "accept() needs a socket that listens",
    "": "one `with` block for the listener, up to accept(), and one for the connection",
}


@own_program("socket", hint=HINTS)
def step(server: Path) -> None:
    assert "create_server" not in named(server), (
        f"in {server.name} create_server() is still called: write the three calls in its place"
    )
    for words in (b"hello", b"who is there?"):
        free()
        with running(server, options=("-X", "dev")) as program:
            program.listens()
            with caller() as client:
                stops_listening(program)
                # The words and the end in one packet: so it is the client that closes first, and
                # the port does not rest in TIME-WAIT, where bind() would not take it again.
                client.send(words, socket.MSG_MORE)
                client.shutdown(socket.SHUT_WR)
                answers(program, client, words.upper())
                closes(program, client)
            program.ends()
            closes_all(program)


def named(path: Path) -> set[str]:
    """The names that a program uses: bare, after a dot, and in an import."""
    nodes = list(ast.walk(ast.parse(path.read_bytes())))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    names |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return names | {node.name for node in nodes if isinstance(node, ast.alias)}


def stops_listening(program: Program) -> None:
    """Wait until its client is the only one that it can have.

    One that has its client, sleeps and still listens, waits for words: no need to wait longer.
    """
    wait_until(lambda: program.over or not listeners() or accepted(), ANSWER)
    if listeners() and accepted():
        asleep(program, processes())
    program.lives()
    assert not listeners() or accepted(), (
        f"{program} has not called accept() within {ANSWER:.0f} s: its client waits in the queue, "
        "and it still listens"
    )
    assert not listeners(), (
        f"{program} has a client, and still listens: the next one would be connected, and lost; "
        "close the listener as soon as accept() has returned"
    )


def accepted() -> bool:
    """Whether a program has the server's end: what waits in the queue has no inode so far."""
    rows = [row for row in sockets(port=PORT) if row.state == "ESTAB" and row.local[-1] == PORT]
    return any(row.inode for row in rows)


def listeners() -> list[str]:
    return [row.state for row in sockets(port=PORT) if row.state == "LISTEN"]


def closes_all(program: Program) -> None:
    """What Python has to close for a program, it says under -X dev."""
    left = re.findall(r"ResourceWarning: (unclosed <socket[^>]*>)", program.complained)
    assert not left, f"{program} leaves to Python what is {left[0]}: close it, or put it into with"
