"""00: the server answers one client in capitals, the client says hello; then both together."""

import socket
from pathlib import Path

from sockutils.practice.own import answers, caller, closes, died, own_program
from sockutils.practice.program import HOST, PORT, Program, free, running

HELLO = b"hello"


@own_program("start", hint="the two programs of the lesson's first cell, a file for each")
def step(server: Path, client: Path) -> None:
    for words in (HELLO, b"who is there?"):
        free()
        serves_one(server, words)
    for answer in (b"good morning", b"and who are you?"):
        calls_once(client, answer)
    with running(server) as serving:
        serving.listens()
        with running(client) as calling:
            calling.ends()
            shows(calling, HELLO.upper())
        serving.ends()


def serves_one(server: Path, words: bytes) -> None:
    with running(server) as program:
        program.listens()
        with caller() as client:
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
            assert heard == HELLO, f"{program} said {heard!r:.80}, not {HELLO!r}"
            connection.sendall(answer)
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
    assert answer.decode() in seen, f"{program} got {answer!r} and printed {seen!r:.80}"
