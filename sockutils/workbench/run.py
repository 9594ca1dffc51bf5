"""One run of the programs: their sockets, the calls that wait, and what carries the packets."""

import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

from sockutils.workbench.call import Call
from sockutils.workbench.end import End
from sockutils.workbench.places import Places
from sockutils.workbench.record import Record
from sockutils.workbench.step import LINE, Step, arguments, taken_apart
from sockutils.workbench.tidy import forget
from sockutils.workbench.wire import Wire

PATIENCE = 5.0  # seconds for what a story waits for
PAUSE = 0.001  # seconds between two looks
PASSING = {"FIN-WAIT-1", "CLOSING", "LAST-ACK"}
UNACKED = slice(24, 28)  # tcpi_unacked of <linux/tcp.h>: packets that nobody has confirmed


class Run:
    """It holds sockets and threads until `close()`."""

    def __init__(self) -> None:
        self.record, self.places, self.wire = Record(), Places(), Wire()
        self.ends: list[End] = []
        self.waiting: dict[str, Call] = {}
        self.note = ""  # what the line says, if it cannot be laid
        self.steps = 0

    def make(self, step: Step, patience: float) -> None:
        """Make a step; wait until all calls have returned or sleep and nothing is under way, but at
        most so many seconds. TimeoutError if `wait` waits for nothing."""
        self.steps += 1
        call = self.waiting.get(step.program)
        if step.program == LINE:
            self._line(step)
        elif step.code == "wait":
            if call and not call.join(PATIENCE):
                raise TimeoutError(f"{step.program} still waits in {call.code.call}()")
        elif step.code == "cancel":
            self._note("line", step.code, step.program)
            if call:
                call.cancel()
        else:
            self._call(step)
        until = monotonic() + patience
        while not self._is_quiet() and monotonic() < until:
            for call in [*self.waiting.values()][:1]:
                call.over.wait(PAUSE)
        self.look(step.program)

    def look(self, program: str = "client") -> bool:
        """Note what has happened since the last look; tell whether anything has."""
        number = self.steps - 1
        self.record.look(self.ends)
        changed = self.record.packets(number, self.wire.drain(), program)
        for who, call in [*self.waiting.items()]:
            if call.join(0):
                del self.waiting[who]
                if call.waited:
                    self._note("ended", call)
                changed = True
            else:
                changed |= not call.waited
                call.waited = True
        self.record.look(self.ends)
        return self.record.changes(number) or changed

    def close(self) -> None:
        """End what waits, close what is open, and forget what the kernel would keep."""
        for call in self.waiting.values():
            call.cancel()
        for end in self.ends:
            end.sock.close()
        for path in self.places.paths:
            with suppress(OSError):
                Path(path).unlink()
        self.wire.close()
        if self.places.private:
            forget({*self.record.owners})

    def _note(self, kind: str, what: Any, program: str = "") -> None:
        self.record.note(self.steps - 1, kind, what, (program, ""))

    def _line(self, step: Step) -> None:
        self._note("line", step.code)
        try:
            self.wire.up()
        except OSError as error:
            self.note = str(error.strerror)
            return
        word, _, number = step.code.partition(" ")
        if word == "lose":
            self.wire.losing += 1
        elif word == "delay":
            self.wire.delay = min(float(number), 2.0)

    def _call(self, step: Step) -> None:
        code = taken_apart(step.code)
        end = self.named(step.program, code.on)
        call = self.waiting[step.program] = Call(step, code, end.sock if end else None)
        self._note("call", call)
        try:
            function = self._function(step.program, end, code.on, code.call)
            given = [self.places.used(value) for value in arguments(code.arguments)]
        except (NameError, ValueError, SyntaxError, OverflowError, MemoryError) as error:
            call.fail(error)
            return
        for value in given:  # packets to there are of interest
            if isinstance(value, tuple) and len(value) > 1 and code.call in ("connect", "sendto"):
                self.record.asked.add(value[1])
        call.run(function, given, lambda: self._returned(call))

    def _function(self, program: str, end: End | None, name: str, call: str) -> Callable[..., Any]:
        if name == "socket":
            return socket.socket
        if end is None:
            raise NameError(f"{program} has no {name}")
        if end.protocol == "unix" and call == "bind":
            return lambda path: self._bind(end.sock, path)
        function: Callable[..., Any] = getattr(end.sock, call)
        return function

    def _bind(self, sock: socket.socket, path: str) -> None:
        sock.bind(path)
        if not path.startswith("\0"):
            self.places.paths.add(path)

    def _returned(self, call: Call) -> None:  # in the call's thread
        made = call.result
        if call.code.call == "accept" and made:
            made = made[0]
        if call.code.call in ("socket", "accept") and made:
            self.ends.append(End(call.code.names.partition(",")[0], call.step.program, made))

    def named(self, program: str, name: str) -> End | None:
        """The socket that a variable of a program stands for: the last one of that name."""
        found = (end for end in reversed(self.ends) if (end.program, end.name) == (program, name))
        return next(found, None)

    def _is_quiet(self) -> bool:
        calls = self.waiting.values()
        if not all(call.over.is_set() or call.asleep() for call in calls) or self.wire.busy:
            return False
        self.record.look(self.ends)
        if any(one.state in PASSING and not one.unconfirmed for one in self.record.states):
            return False
        return not any(map(unconfirmed, self.ends))


def unconfirmed(end: End) -> bool:
    if not end.open or end.protocol != "tcp" or not end.held or end.held.state == "LISTEN":
        return False
    info = end.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, UNACKED.stop)
    return end.held.state == "ESTAB" and any(info[UNACKED])
