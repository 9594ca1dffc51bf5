"""A function of a cell as a process of its own, and clients that call without a pause."""

import inspect
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event

from sockutils.lessons.server.clients import PATIENCE
from sockutils.practice.program import LAUNCH

PROGRAM = """
import os, select, signal, socket, sys
from contextlib import suppress
{source}
{name}(int(sys.argv[1]))
"""


@contextmanager
def working(
    worker: Callable[..., object], given: int | socket.socket
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a function of a cell in a process of its own, which is ended with the block.

    It gets a number; of a socket its descriptor, which it has, too. It may use os, select, signal,
    socket, sys and suppress, and nothing else of the notebook.
    """
    number, kept = (given, []) if isinstance(given, int) else (given.fileno(), [given.fileno()])
    program = PROGRAM.format(source=inspect.getsource(worker), name=worker.__name__)
    command = [sys.executable, "-I", "-c", LAUNCH, sys.executable, "-c", program]
    with subprocess.Popen(
        [*command, str(number)], pass_fds=kept, stdin=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def answer_of(port: int) -> bytes:
    """What a client gets that says hello to this port of 127.0.0.1."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        client.sendall(b"hello")
        return client.recv(100)


def call(port: int, over: Event) -> Counter[str]:
    """Call again and again until it is over; how often there was an answer, or which error."""
    found: Counter[str] = Counter()
    while not over.is_set():
        try:
            found["answered" if answer_of(port) else "closed without an answer"] += 1
        except OSError as error:
            found[str(error.strerror)] += 1
    return found
