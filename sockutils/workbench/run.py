"""One run of the programs: their sockets, the calls that wait, and what carries the packets."""

import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

from sockutils.workbench.call import Call
from sockutils.workbench.end import End
from sockutils.workbench.places import Places
from sockutils.workbench.quiet import moves
from sockutils.workbench.record import Record
from sockutils.workbench.step import LINE, Step, arguments, taken_apart
from sockutils.workbench.tidy import forget
from sockutils.workbench.wire import Wire

PATIENCE = 5.0  # seconds for what a story waits for
PAUSE = 0.001  # seconds between two looks
TWICE = 2  # looks at which nothing moves


class Run:
    """It holds sockets and threads until `close()`."""

    def __init__(self) -> None:
        self.record, self.places, self.wire = Record(), Places(), Wire()
        self.ends: list[End] = []
        self.waiting: dict[str, Call] = {}
        self.steps = 0
        self._program, self._unseen = "", False  # of the last step; packets since the last look
        self._returned_late = Event()

    def make(self, step: Step, patience: float) -> None:
        """Make a step; wait until nothing moves, or so many seconds. TimeoutError from `wait`."""
        self.steps += 1
        call = self.waiting.get(step.program)
        if step.program == LINE:
            self._note("line", step.code)
            self.wire.obey(step.code)
        elif step.code == "wait":
            if call and not call.join(PATIENCE):
                raise TimeoutError(f"{step.program} still waits in {call.code.call}()")
        elif step.code == "cancel":
            self._note("line", step.code, step.program)
            if call:
                call.cancel()
        else:
            self._call(step)
        self._program = step.program
        self._settle(patience)
        self.look()

    def look(self) -> bool:
        """Note what has happened since the last look; tell whether anything has."""
        changed = self._see() or self._unseen
        self._unseen = False
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
        return self.record.changes(self.steps - 1) or changed

    def _see(self) -> bool:
        packets = self.wire.drain()  # before the table, which tells whose they are
        self.record.look(self.ends)
        seen = self.record.packets(self.steps - 1, packets, self._program)
        self._unseen |= seen
        return seen

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
        if code.call in ("connect", "sendto"):  # packets to there are of interest
            self.record.asked |= {each[1] for each in given if isinstance(each, tuple) and each[1:]}
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
        code, made = call.code, call.result
        if code.call in ("socket", "accept") and made:
            accepted = code.call == "accept"
            name = code.names.partition(",")[0]
            self.ends.append(End(name, call.step.program, made[0] if accepted else made, accepted))
        if call.sock and call.sock.type & socket.SOCK_DGRAM and code.call.startswith("send"):
            self.record.datagrams_sent += call.error is None and call.family != socket.AF_UNIX
        self._returned_late.set()

    def named(self, program: str, name: str) -> End | None:
        """The socket that a variable of a program stands for: the last one of that name."""
        found = (end for end in reversed(self.ends) if (end.program, end.name) == (program, name))
        return next(found, None)

    def _settle(self, patience: float) -> None:
        until, still = monotonic() + patience, 0
        while still < TWICE and monotonic() < until:
            still = 0 if self._moves() else still + 1
            if still < TWICE:
                self._returned_late.wait(PAUSE)
                self._returned_late.clear()

    def _moves(self) -> bool:
        self._see()
        recorded = not self.wire.unseen
        return self.wire.busy or moves(self.record, self.ends, self.waiting.values(), recorded)
