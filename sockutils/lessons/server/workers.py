"""A function of a cell as a process of its own, and clients that call without a pause."""

import inspect
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event

from sockutils.lessons.server.clients import PATIENCE
from sockutils.peers.waits import wait_until
from sockutils.practice.program import LAUNCH
from sockutils.tables.diag import sockets

# <linux/prctl.h>: PR_SET_PDEATHSIG. What it forks does not outlive it.
PROGRAM = """
import ctypes, os, select, signal, socket, sys
from contextlib import suppress

parent = os.getpid()
end_with_it = lambda: ctypes.CDLL(None).prctl(1, 9) or os.getppid() == parent or os._exit(1)
os.register_at_fork(after_in_child=end_with_it)
{source}
{name}(int(sys.argv[1]))
"""


@contextmanager
def working(
    worker: Callable[..., object], given: int | socket.socket, *uses: Callable[..., object]
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a function of a cell in a process of its own, which is ended with the block.

    It gets a number; of a socket its descriptor, which it has, too. It may use os, select, signal,
    socket, sys and suppress, of the notebook the functions in `uses`, and nothing else.
    """
    number, kept = (given, []) if isinstance(given, int) else (given.fileno(), [given.fileno()])
    source = "\n".join(map(inspect.getsource, (*uses, worker)))
    program = PROGRAM.format(source=source, name=worker.__name__)
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


def fates(port: int, listeners: int, clients: int = 40) -> list[str]:
    """What clients get that wait while two processes stand still, of which one is killed then.

    Each of the two answers a client with its number. They have so many listeners.
    """
    found = set[int]()
    wait_until(lambda: [row.state for row in sockets(port=port)].count("LISTEN") == listeners)

    def both() -> bool:
        found.add(int(answer_of(port)))
        return len(found) == 2

    wait_until(both)
    killed, other = found
    try:
        for pid in found:
            os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: states(found) == {"T"})
        with ExitStack() as stack:
            address = ("127.0.0.1", port)
            waiting = [
                stack.enter_context(socket.create_connection(address, PATIENCE))
                for _ in range(clients)
            ]
            for client in waiting:
                client.sendall(b"hello")
            os.kill(killed, signal.SIGKILL)
            os.kill(other, signal.SIGCONT)
            return sorted({fate(client) for client in waiting})
    finally:
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: states(found) <= {"Z"})


def states(processes: set[int]) -> set[str]:
    """Of those that are there, as letters of proc(5)."""
    letters = set[str]()
    for pid in processes:
        with suppress(FileNotFoundError, ProcessLookupError):
            letters.add(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0])
    return letters


def fate(client: socket.socket) -> str:
    try:
        return "answered" if client.recv(100) else "closed without an answer"
    except OSError as error:
        return str(error.strerror or error)


def call(port: int, over: Event) -> Counter[str]:
    """Call again and again until it is over; how often there was an answer, or which error."""
    found: Counter[str] = Counter()
    while not over.is_set():
        try:
            found["answered" if answer_of(port) else "closed without an answer"] += 1
        except OSError as error:
            found[str(error.strerror)] += 1
    return found
