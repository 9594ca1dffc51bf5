"""01: the three calls in place of the short form; each socket is closed when it is done with."""

import re
import socket
from pathlib import Path

from sockutils.peers.waits import wait_until
from sockutils.practice.own import answers, caller, closes, own_program
from sockutils.practice.program import ANSWER, PORT, Program, free, running
from sockutils.tables.borrowed import option
from sockutils.tables.diag import sockets

HINTS = {
    "SO_REUSEADDR": "with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server: and in it "
    "the three calls, up to accept()",
    "Invalid argument": "bind(), listen(), accept(), in this order, each once: "
    "accept() needs a socket that listens",
    "": "one `with` block for the listener, up to accept(), and one for the connection",
}


@own_program("socket", hint=HINTS)
def step(server: Path) -> None:
    for words in (b"hello", b"who is there?"):
        free()
        with running(server, options=("-X", "dev")) as program:
            program.listens()
            made_by_hand(program)
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


def made_by_hand(program: Program) -> None:
    """create_server() also sets an option, which is seen from outside, where one may look."""
    (inode,) = [row.inode for row in sockets(port=PORT) if row.state == "LISTEN"]
    shared = option(inode, socket.SOL_SOCKET, socket.SO_REUSEADDR)
    assert not shared, (
        f"the listener of {program} has SO_REUSEADDR, as create_server() makes it: write socket(), "
        "bind() and listen() in its place, without options, which come in 02"
    )


def stops_listening(program: Program) -> None:
    """Wait until its client is the only one that it can have."""
    wait_until(lambda: program.over or not listeners(), ANSWER)
    program.lives()
    assert not listeners(), (
        f"{program} has a client, and {ANSWER:.0f} s later it still listens: the next one would be "
        "connected, and lost; close the listener as soon as accept() has returned"
    )


def listeners() -> list[str]:
    return [row.state for row in sockets(port=PORT) if row.state == "LISTEN"]


def closes_all(program: Program) -> None:
    """What Python has to close for a program, it says under -X dev."""
    left = re.findall(r"ResourceWarning: (unclosed <socket[^>]*>)", program.complained)
    assert not left, f"{program} leaves to Python what is {left[0]}: close it, or put it into with"
