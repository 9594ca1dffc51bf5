"""A call of a program, made in a thread of its own, so that it can wait."""

import errno
import os
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sockutils.workbench.answer import ephemeral, shown, told
from sockutils.workbench.end import MANY
from sockutils.workbench.step import Code, Step

WORKS, FAILS, WAITS, CANCELLED = "works", "fails", "waits", "cancelled"
SLICE = struct.pack("@ll", 0, 100_000)  # struct timeval
FUTEX = {"202", "98"}  # the number of futex(2), x86-64 and others: it waits for Python, not a peer


class Call:
    """One call: `kind` tells what has become of it, `result` or `error` how."""

    def __init__(self, step: Step, code: Code, sock: socket.socket | None) -> None:
        self.step, self.code, self.sock = step, code, sock
        self.family = sock.family if sock else None
        self.result: Any = None
        self.error: Exception | None = None
        self.cancelled = False
        self.over = threading.Event()
        self.waited = False  # seen waiting, after its step
        self._thread: threading.Thread | None = None

    @property
    def kind(self) -> str:
        if not self.over.is_set():
            return WAITS
        return CANCELLED if self.cancelled else FAILS if self.error else WORKS

    def run(self, function: Callable[..., Any], given: list[Any], done: Callable[[], None]) -> None:
        """Call the function in a thread, and `done` there when it has returned."""
        patient = self._waits_in_slices()

        def call() -> None:
            try:
                self.result = self._patiently(function, given) if patient else function(*given)
            except Exception as error:
                self.error = error.with_traceback(None)
            finally:
                done()  # before it counts as over: what it has made is known then
                self.over.set()

        self._thread = threading.Thread(target=call, name=str(self.step), daemon=True)
        self._thread.start()

    def fail(self, error: Exception) -> None:
        """It has not come to a call."""
        self.error = error
        self.over.set()

    def _waits_in_slices(self) -> bool:
        # Nothing at this end wakes it: it waits for room at the other one.
        sock, name = self.sock, self.code.call
        if sock is None or sock.fileno() == -1 or sock.family != socket.AF_UNIX:
            return False
        waits = name == "connect" or (sock.type == socket.SOCK_DGRAM and name.startswith("send"))
        return waits and sock.gettimeout() is None

    def _patiently(self, function: Callable[..., Any], given: list[Any]) -> Any:
        assert self.sock
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, SLICE)
        try:
            while True:
                try:
                    return function(*given)
                except BlockingIOError:
                    if self.cancelled:
                        raise OSError(errno.EINTR, os.strerror(errno.EINTR)) from None
        finally:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, bytes(len(SLICE)))

    def cancel(self) -> None:
        """End a call that waits, by shutdown() of its socket, and wait for its end."""
        self.cancelled = True
        if self.sock and self.sock.fileno() != -1:
            with suppress(OSError):  # ENOTCONN from UDP, which wakes nevertheless
                self.sock.shutdown(socket.SHUT_RDWR)
        self.join(5.0)

    def join(self, seconds: float) -> bool:
        """Wait until it has returned, and its thread has ended; tell whether it has."""
        ended = self.over.wait(seconds)
        if ended and self._thread:
            self._thread.join()
        return ended

    def asleep(self) -> bool:
        """Whether the kernel lets its thread wait in a call on the socket: proc(5), `syscall`.

        A thread that somebody has woken is none of those, though it may not have run yet. Where the
        kernel does not tell, one that has not returned for a while is taken for one.
        """
        assert self._thread
        try:
            with open(f"/proc/self/task/{self._thread.native_id}/syscall") as file:
                number, *rest = file.read().split()
        except ProcessLookupError:
            return False
        except OSError:
            return not self.over.wait(0.1)
        if number in FUTEX or not rest or not self.sock or self.over.is_set():
            return False
        # with a timeout Python waits in poll(), whose argument is a list
        return int(rest[0], 16) == self.sock.fileno() or self.sock.gettimeout() is not None

    def outcome(self, exactly: bool = True) -> str:
        """What it has answered: ``→ 5``, an error's name and number, or nothing; how many bytes of
        a full queue it has read only if it shall be told exactly."""
        if not self.over.is_set():
            return "waits …"
        if self.error is not None:
            return f"→ {told(self.error)}"
        if self.result is None or self.code.call == "socket":
            return ""
        if self.code.call == "accept":
            return f"→ {self.code.names.partition(',')[0]}"
        if isinstance(self.result, bytes) and len(self.result) >= MANY and not exactly:
            return "→ many bytes"
        return f"→ {shown(self.result, ephemeral())}"
