"""03: the server serves whoever waits in its queue, one after another, and does not end."""

from contextlib import ExitStack
from pathlib import Path

from sockutils.peers.waits import wait_until
from sockutils.practice.own import answers, caller, closes, own_program
from sockutils.practice.program import free, running

WORDS = (b"first", b"second", b"third")
LOOP = "put accept() and what follows into a loop, with the listener outside"


@own_program("listen", hint=LOOP)
def step(server: Path) -> None:
    free()
    with running(server) as program, ExitStack() as queue:
        program.listens()
        clients = {words: queue.enter_context(caller()) for words in WORDS}
        for words, client in clients.items():
            client.sendall(words)
            answers(program, client, words.upper())
            closes(program, client)
            wait_until(lambda: program.over, 0.3)
            program.lives()
            assert not program.over, f"{program} ended after it had answered {words!r}: {LOOP}"
