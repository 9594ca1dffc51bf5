"""03: the server serves whoever waits in its queue, one after another, and does not end."""

import socket
from contextlib import ExitStack
from pathlib import Path

from sockutils.peers.waits import wait_until
from sockutils.practice.own import answers, caller, closes, died, own_program
from sockutils.practice.program import Program, free, running

CLIENTS = 50
MORE = 250  # one by one: a loop that counts ends before the last one of them
ALL = "the loop goes around all that follows accept(), too: answer, close, then take the next one"
MUTE = "a client left without a word"
HINTS = {
    MUTE: "recv() returns b'' then: be through with this client and accept() the next one, "
    "without `break`",
    "without an answer": ALL,
    "before it had read": ALL,
    "Bad file descriptor": "the loop belongs into the `with` of the listener, which closes it",
    "Invalid argument": "listen() comes before accept(), bind() before listen()",
    "left the connection open": "`with connection:` in the loop closes each one",
    "ended after 1 ": "put accept() and what follows into a loop, the listener outside of it",
    "ended after ": "nobody knows how many will come: a loop without an end, `while True`",
    "does not come to close()": "one recv(), one sendall(), close(); then accept() the next one",
    "waits for more": "one recv(), one sendall(), close(); then accept() the next one",
    "found room": "listen() without a number: then Python takes 128",
    "closed its listener": "the `with` of the listener stands around the loop, not in it, and the "
    "loop around accept() and all that follows",
    "'tuple' object": "accept() returns two things: connection, _ = server.accept()",
    "Transport endpoint": "talk over what accept() returns: connection, _ = server.accept()",
}


@own_program("listen", hint=HINTS)
def step(server: Path) -> None:
    free()
    with running(server) as program, ExitStack() as stack:
        program.listens()
        queue = rush(program, stack)
        for served, client in enumerate(queue):
            serves(program, client, served)
        survives(program, CLIENTS)
        for served in range(CLIENTS, MORE):
            with called(program, served) as client:
                serves(program, client, served)
        survives(program, MORE)
        outlasts_a_mute(program)


def rush(program: Program, stack: ExitStack) -> list[socket.socket]:
    """Clients that are all connected before the first one says a word.

    A listener that is closed meanwhile resets those in its queue, and refuses who comes later.
    """
    queue: list[socket.socket] = []
    try:
        while len(queue) < CLIENTS:
            queue.append(stack.enter_context(caller()))
    except ConnectionError:
        died(program)
        assert not program.over, f"{program} ended before it had served its client"
        raise AssertionError(
            f"{program} closed its listener while clients still came: they were turned away"
        ) from None
    except TimeoutError:
        raise AssertionError(
            f"{CLIENTS} clients want to talk to {program}, and {len(queue)} found room (one of "
            "them with accept(), the others in its queue)"
        ) from None
    return queue


def called(program: Program, served: int) -> socket.socket:
    try:
        return caller()
    except ConnectionError:
        survives(program, served)
        raise


def serves(program: Program, client: socket.socket, served: int) -> None:
    words = f"client {served + 1}".encode()
    try:
        client.sendall(words)
        answers(program, client, words.upper())
        closes(program, client)
    except (AssertionError, ConnectionError) as error:
        if served:
            survives(program, served)
            reset = isinstance(error.__cause__ or error, ConnectionError)
            assert not reset, f"who waited for {program} was reset: it closed its listener"
        raise


def outlasts_a_mute(program: Program) -> None:
    """One says nothing and leaves, with an ordinary end; the next one gets its answer."""
    try:
        caller().close()
        with caller() as client:
            client.sendall(b"next")
            answers(program, client, b"NEXT")
            closes(program, client)
    except (AssertionError, OSError) as error:
        try:
            died(program)
        except AssertionError as why:
            raise AssertionError(f"{MUTE}, and {why}") from None
        assert not program.over, f"{MUTE}, and {program} ended"
        raise AssertionError(f"{MUTE}, and for the next one: {error}") from None


def survives(program: Program, served: int) -> None:
    wait_until(lambda: program.over, 0.3)
    program.lives()
    clients = f"{served} client{'s' * (served > 1)}"
    others = ", and the others waited" if served < CLIENTS else ""
    assert not program.over, f"{program} ended after {clients}{others}"
