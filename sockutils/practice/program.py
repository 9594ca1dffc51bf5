"""A learner's own program as a process of its own, and what can be seen of it from outside."""

import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from sockutils.peers.waits import wait_until
from sockutils.practice.traceback import last_words
from sockutils.tables.busy import who_holds
from sockutils.tables.diag import rows_on, sockets, with_holders
from sockutils.tables.holders import told
from sockutils.tables.rows import Row

HOST, PORT = "127.0.0.1", 5000  # where the learner's server is, in every lesson
START = 10.0  # seconds until a program listens or calls; a busy machine takes a while
ANSWER = 8.0  # seconds for an answer, or for the end, of a busy machine, too
OUTPUT = 1 << 20  # bytes that a program may print, or write into any file

# <linux/prctl.h>: PR_SET_PDEATHSIG. The program does not outlive a notebook that is killed.
# SIGINT: who was started in the background ignores it, and so would every program of theirs.
LAUNCH = (
    "import ctypes, os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "ctypes.CDLL(None).prctl(1, 9); os.execv(sys.argv[1], sys.argv[1:])"
)


class Program:
    """A Python file that runs. What it does not do is an AssertionError, in words for its author.

    The process inherits the network. It has no input, and is the leader of a session of its own.
    """

    def __init__(
        self,
        path: Path,
        printed: IO[bytes],
        complained: IO[bytes],
        *arguments: str,
        options: tuple[str, ...] = (),
    ) -> None:
        self.path, self._printed, self._complained = path, printed, complained
        command = [sys.executable, *options, path.name, *arguments]
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", LAUNCH, *command],
            cwd=path.absolute().parent,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=complained,
            start_new_session=True,
        )
        with suppress(ProcessLookupError):
            resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (OUTPUT, OUTPUT))

    def end(self) -> None:
        """End the process and its children, whatever they do."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def __str__(self) -> str:
        return self.path.name

    def pauses(self) -> None:
        """Stop it for a moment, as Ctrl-Z and fg do at a terminal. signal(7)"""
        with self.stopped():
            pass

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop it for a block: what comes meanwhile finds it later."""
        leader = self._process.pid
        with suppress(ProcessLookupError):
            os.killpg(leader, signal.SIGSTOP)
            looks = os.WSTOPPED | os.WNOHANG | os.WNOWAIT
            wait_until(lambda: self.over or os.waitid(os.P_PID, leader, looks), 1)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.killpg(leader, signal.SIGCONT)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def over(self) -> bool:
        return self._process.poll() is not None

    @property
    def printed(self) -> str:
        return text_of(self._printed)

    @property
    def complained(self) -> str:
        """What it wrote to stderr."""
        return text_of(self._complained)

    @property
    def status(self) -> int | None:
        """Its exit status, below zero for a signal; None while it runs."""
        return self._process.poll()

    def listens(self, port: int = PORT) -> None:
        """Wait until it listens on the port."""
        wait_until(lambda: self.over or self._listeners() or self._receivers(), START)
        rows = self._listeners()
        if not rows:
            self.lives()
            assert not self.over, f"{self} ended at once: it has waited for no client"
            assert not self._receivers(), f"{self} receives datagrams: make it SOCK_STREAM"
            raise AssertionError(
                f"{self} listens on no port after {START:.0f} s: it needs bind() and listen(), "
                "or create_server()"
            )
        host, found = rows[0].local[0], rows[0].local[-1]
        assert found == port, f"{self} listens on port {found}, not {port}"
        assert host == HOST, f"{self} listens on {host}, not {HOST}"

    def receives(self, port: int = PORT) -> None:
        """Wait until it has a UDP socket on the port."""
        wait_until(lambda: self.over or self._receivers() or self._listeners(), START)
        ends = {row.local[-1]: row.local[0] for row in self._receivers()}
        if not ends:
            self.lives()
            assert not self.over, f"{self} ended before a datagram came"
            assert not self._listeners(), f"{self} listens for connections: make it SOCK_DGRAM"
            raise AssertionError(f"{self} has bound no UDP socket after {START:.0f} s")
        found = port if port in ends else next(iter(ends))
        assert found == port, f"{self} receives on port {found}, not {port}"
        assert ends[port] == HOST, f"{self} receives on {ends[port]}, not {HOST}"

    def _listeners(self) -> list[Row]:
        return self._held("tcp", "LISTEN")

    def _receivers(self) -> list[Row]:
        return self._held("udp", "UNCONN")

    def _held(self, *kind: str) -> list[Row]:
        """Its sockets of this protocol and state."""
        group = self._process.pid
        rows = [row for row in rows_on() if (row.protocol, row.state) == kind]
        held = with_holders(rows) if rows else []  # it looks into every process
        return [row for row in held if any(member(one.pid, group) for one in row.holders or ())]

    def keeps_waiting(self) -> bool:
        """Whether a client is in its accept queue."""
        return any(row.accept_queue for row in self._listeners())

    def calls(self, server: socket.socket) -> socket.socket:
        """Wait until it calls this server, and take the connection."""
        server.setblocking(False)
        found: list[socket.socket] = []

        def came() -> bool:
            with suppress(BlockingIOError):
                found.append(server.accept()[0])
            return bool(found)

        wait_until(lambda: self.over or came(), START)
        if not came():
            self.lives()
            raise AssertionError(
                f"{self} {'ended' if self.over else 'runs'}, and connected to nobody"
            )
        found[0].settimeout(ANSWER)
        return found[0]

    def ends(self, seconds: float = ANSWER) -> None:
        """Wait until it has ended by itself, without an error."""
        wait_until(lambda: self.over, seconds)
        self.lives()
        assert self.over, f"{self} still runs {seconds:.0f} s later: it has to end by itself"

    def lives(self) -> None:
        """Tell of what it died, if it has."""
        status = self._process.poll()
        if status:
            words = last_words(self.path, self.complained) or "it says nothing"
            rests = at_rest() if "Address already in use" in words else ""
            raise AssertionError(f"{self} ended with status {status}: {words}{rests}")


@contextmanager
def running(path: Path, *arguments: str, options: tuple[str, ...] = ()) -> Iterator[Program]:
    """Run a learner's file for a block; the options are the interpreter's."""
    assert path.exists(), f"{path.name} is not there yet: write it, too"
    with TemporaryFile() as printed, TemporaryFile() as complained:
        program = Program(path, printed, complained, *arguments, options=options)
        try:
            yield program
        except OSError as error:
            wait_until(lambda: program.over, 1)
            program.lives()  # if it has died, that is the news
            assert not program.over, f"{program} ended before it had served its client"
            raise AssertionError(f"the other end of {program} got: {error.strerror}") from error
        finally:
            program.end()


def free(port: int = PORT, protocol: str = "tcp") -> None:
    """Tell who has the port, if somebody has it. AssertionError"""
    rows = [row for row in who_holds(port, HOST, protocol) if row.state in ("LISTEN", "UNCONN")]
    names = {told(row.holders or ()) for row in rows}
    who = ", ".join(names).replace("?", "a program of another user")
    assert not rows, f"port {port} is in use by {who}: close it there first, and run this again"


def at_rest() -> str:
    """What stands behind an EADDRINUSE if no program has the port."""
    rows = [row for row in sockets(port=PORT) if row.local[-1] == PORT]
    if {row.state for row in rows} != {"TIME-WAIT"}:
        return ""
    return (
        f" (port {PORT} rests for a minute, in TIME-WAIT, after the run before: wait for it. "
        "create_server() need not wait, from then on; for bind() its lesson has the cure)"
    )


def member(pid: int, group: int) -> bool:
    with suppress(ProcessLookupError):
        return os.getpgid(pid) == group
    return False


def text_of(file: IO[bytes]) -> str:
    # pread(): the process shares the file's position
    return os.pread(file.fileno(), OUTPUT, 0).decode(errors="replace")
