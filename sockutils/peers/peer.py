"""The other end: a plain function in a thread, for as long as a block runs."""

import errno
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import monotonic, sleep
from types import FrameType
from typing import Any, Self

from sockutils.peers.asleep import Sleeper, sleeper
from sockutils.peers.stack import steps, where
from sockutils.peers.stopped import lost_in, stop

GRACE = 0.2  # seconds a peer still has when the block itself has failed
SLICE = 0.05  # seconds: Python hears a signal that came just before a wait only after it
RELEASE = 1.0  # seconds that releasing a stuck peer may take


def background(function: Callable[..., Any], *args: Any, patience: float = 5.0) -> "Peer":
    """Run `function(*args)` in a thread of its name while the ``with`` block runs.

    Leaving waits up to `patience` seconds for the function to return, and raises what it raised.
    If it hangs: TimeoutError with the line it is stuck at, after releasing it: the sockets it uses
    are shut down, also those it got from you, and SystemExit is raised in it. A ``time.sleep()`` or
    a lock cannot be released; the error says so. If the block raises, the peer has 0.2 seconds.

    When the function raises while the block waits, the block would often wait for ever, for an
    answer that nobody gives any more. So once the thread of the block has slept for half a second,
    its wait is interrupted, as Ctrl-C does, and the error raised at once: one error, no other
    output, and none at all in a block that goes on by itself. Where that cannot be (the block is
    not in the main thread, it awaits something, or SIGINT has a handler), stderr has the error.

    When the function raises, its local variables are deleted and thereby its sockets closed.
    """
    return Peer(function, args, patience)


class Peer:
    """A function at the other end; `result` is what it returned, None before that."""

    def __init__(
        self, function: Callable[..., Any], args: tuple[Any, ...], patience: float
    ) -> None:
        self.name = getattr(function, "__name__", type(function).__name__)
        self.result: Any = None
        self._function, self._args, self._patience = function, args, patience
        self._state = "running"
        self._error: BaseException | None = None
        self._over = threading.Event()  # not join(): interrupted, it takes a thread for dead (3.11)
        self._ending = threading.Lock()  # no SystemExit may be sent to a thread that is over
        self._left = threading.Event()  # the block has ended
        self._woken = False  # by an interrupt from here
        self._sleeper: Sleeper
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)

    def __repr__(self) -> str:
        return f"{self.name}() {self._state}"

    def __enter__(self) -> Self:
        self._sleeper = sleeper(sys._getframe())
        self._thread.start()
        return self

    def __exit__(self, kind: object, failure: BaseException | None, trace: object) -> None:
        until = monotonic()
        try:
            failure = self._leave(failure)
            self._keep_ports(failure)
            until += self._patience if failure is None else GRACE
            while not self._over.wait(SLICE) and monotonic() < until:
                pass
        finally:  # also if the wait is interrupted
            stuck = "" if self._over.is_set() else self._release()
            if self._over.is_set():
                self._thread.join()  # it has left the function: this is over at once
            error, self._error, self._args = self._error, None, ()  # hold nobody's sockets
        try:
            if failure is not None:
                if error and not stuck:
                    failure.add_note(f"meanwhile {self.name}() raised {error!r}")
            elif stuck:
                raise TimeoutError(stuck)
            elif error:
                context = error.__context__
                try:
                    raise error
                finally:
                    error.__context__ = context  # not the interrupt that ended the block's wait
        finally:
            del error, failure  # their tracebacks hold this frame: cycles for the gc

    def _leave(self, failure: BaseException | None) -> BaseException | None:
        try:
            with self._ending:
                self._left.set()
            if self._woken and not isinstance(failure, KeyboardInterrupt):
                sleep(GRACE)  # the signal is on its way, unless the block has caught it
        except KeyboardInterrupt:
            if not self._woken:
                raise
        if not (self._woken and isinstance(failure, KeyboardInterrupt)):
            return failure
        if self._error:
            place = where(steps(failure))
            self._error.add_note(f"{self.name}() raised this while the block waited{place}")
        return None

    # In the thread

    def _run(self) -> None:
        with suppress(SystemExit):  # sent while the function was just ending; it is sent once
            self._call()
            self._end()
        self._end()
        if self._error:
            self._tell(self._error)

    def _call(self) -> None:
        try:
            self.result = self._function(*self._args)
            self._state = f"returned {self.result!r}"
        except BaseException as error:
            self._state = f"raised {type(error).__name__}"
            self._error = error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
            _forget_locals(error)

    def _end(self) -> None:
        with self._ending:
            self._over.set()

    def _tell(self, error: BaseException) -> None:
        if not self._sleeper.slept_until(self._left):
            return
        with self._ending:
            if self._left.is_set():
                return
            self._woken = True  # before the signal: __exit__() may hear it at once
            self._woken = self._sleeper.wake()
        if not self._woken:
            print(f"{self.name}() raised {error!r}{where(steps(error))}", file=sys.stderr)
            print("The cell still waits: interrupt it to end it.", file=sys.stderr, flush=True)

    # From outside

    def _release(self) -> str:
        here = [(frame.f_code, frame.f_lineno, frame.f_globals) for frame in self._frames()]
        stuck = f"{self.name}() is stuck{where(here)}"
        sockets = self._sockets()
        with lost_in(self._thread) as lost:
            self._stop()
            for one in sockets:
                with suppress(OSError):  # UDP: ENOTCONN, and recvfrom() wakes nevertheless
                    super(socket.socket, one).shutdown(socket.SHUT_RDWR)  # super(): past a trace()
            until = monotonic() + RELEASE
            while not self._over.wait(SLICE) and monotonic() < until:
                if lost.is_set():
                    lost.clear()
                    self._stop()
        released = self._over.is_set()
        self._state = "released" if released else "stuck"
        return stuck if released else f"{stuck} (it cannot be stopped: the thread lives on)"

    def _stop(self) -> None:
        with self._ending:
            if not self._over.is_set():
                stop(self._thread)

    def _sockets(self) -> list[socket.socket]:
        sockets = [*_sockets([self._args, getattr(self._function, "__self__", None)])]
        for frame in self._frames():
            named = [frame.f_globals.get(name) for name in frame.f_code.co_names]
            sockets += _sockets([*frame.f_locals.values(), *named])
        return sockets

    def _keep_ports(self, failure: BaseException | None) -> None:
        if isinstance(failure, OSError) and failure.errno == errno.EADDRINUSE:
            held = failure.__dict__.setdefault("_held", {})  # for sockutils.words
            for one in self._sockets():
                with suppress(OSError):
                    if one.family in (socket.AF_INET, socket.AF_INET6):
                        held[one.getsockname()[1]] = self.name

    def _frames(self) -> list[FrameType]:
        frames = []
        frame = sys._current_frames().get(self._thread.ident or 0)
        while frame and frame.f_code is not Peer._call.__code__:
            frames.append(frame)
            frame = frame.f_back
        return frames if frame else []  # [] when the function has ended meanwhile


def _sockets(values: list[Any]) -> Iterator[socket.socket]:
    for value in values:
        parts = value if isinstance(value, (dict, list, tuple)) else getattr(value, "__dict__", {})
        inside = list(parts.values() if hasattr(parts, "values") else parts)
        yield from (one for one in [value, *inside] if isinstance(one, socket.socket))


def _forget_locals(error: BaseException | None) -> None:
    import traceback

    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__
