"""The other end: a plain function in a thread, for as long as a block runs."""

import contextlib
import ctypes
import linecache
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from time import monotonic
from types import FrameType, FunctionType, ModuleType
from typing import Any, Self

GRACE = 0.2  # seconds a peer still has when the block itself has failed
SLICE = 0.05  # seconds: Python hears a signal that came just before a wait only after it
RELEASE = 1.0  # seconds that releasing a stuck peer may take
KNOCK = 0.01  # seconds between two attempts at it
DEPTH = 3  # how deep to look for sockets: a selector's dictionary holds keys that hold them


def background(function: Callable[..., Any], *args: Any, patience: float = 5.0) -> "Peer":
    """Run `function(*args)` in a thread of its name while the ``with`` block runs.

    Leaving waits up to `patience` seconds for the function to return, and raises what it raised.
    If it hangs: TimeoutError with the line it is stuck at, after releasing it: its sockets are shut
    down, also those it got from you, and SystemExit is raised in it. A ``time.sleep()`` or a lock
    cannot be released; the error says so. If the block raises, the peer has 0.2 seconds to end.

    When the function raises or is released, the sockets that nobody else holds are closed, as at
    the end of any thread; hence a debugger finds no local variables in its frames.
    """
    return Peer(function, args, patience)


class Peer:
    """A function at the other end; `result` is what it returned, None before that."""

    def __init__(
        self, function: Callable[..., Any], args: tuple[Any, ...], patience: float
    ) -> None:
        self.name = _name(function)
        self.result: Any = None
        self._function, self._args, self._patience = function, args, patience
        self._state = "running"
        self._error: BaseException | None = None
        self._over = threading.Event()  # not join(): interrupted, it takes a thread for dead (3.11)
        self._ending = threading.Lock()  # no SystemExit may be sent to a thread that is over
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)

    def __repr__(self) -> str:
        result = f" {self.result!r}" if self._state == "returned" else ""
        return f"{self.name}() {self._state}{result}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: object, failure: BaseException | None, trace: object) -> None:
        until = monotonic() + (self._patience if failure is None else GRACE)
        try:
            while not self._over.wait(SLICE) and monotonic() < until:
                pass
            stuck, error = self._stuck(), self._error
        finally:  # also if the wait is interrupted
            self._error = None
            released = self._release()
            self._args = ()  # from now on only you hold your sockets

        if stuck:
            self._state = "released" if released else "stuck"
        if not released:
            stuck += " (it cannot be stopped: the thread lives on)"
        if failure is not None:
            if error is not None:
                message = f"{type(error).__name__}: {error}".removesuffix(": ")
                failure.add_note(f"meanwhile {self.name}() raised {message}")
            elif not released:
                failure.add_note(f"meanwhile {stuck}")
        elif stuck:
            raise TimeoutError(stuck)
        elif error is not None:
            try:
                raise error
            finally:
                del error  # it holds this frame, and would keep all it holds until the next gc

    # In the thread

    def _run(self) -> None:
        try:  # noqa: SIM105  suppress() is Python, and could be hit itself
            self._call()
        except SystemExit:  # sent while the function was just ending
            pass
        while not self._over.is_set():
            try:
                with self._ending:
                    self._over.set()
            except SystemExit:
                pass

    def _call(self) -> None:
        try:
            self.result = self._function(*self._args)
            self._state = "returned"
        except BaseException as error:
            self._state = f"raised {type(error).__name__}"
            error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
            self._error = error
            _abandon(error)

    # From outside

    def _frames(self) -> list[FrameType]:
        frames = []
        frame = sys._current_frames().get(self._thread.ident or 0)
        while frame and frame.f_code is not Peer._call.__code__:
            frames.append(frame)
            frame = frame.f_back

        return frames if frame else []  # [] when the function has ended meanwhile

    def _stuck(self) -> str:
        if self._over.is_set():
            return ""
        definition = _definition(self._function)
        for frame in self._frames():
            if definition and frame.f_globals is definition.__globals__:
                file, line, code = frame.f_code.co_filename, frame.f_lineno, frame.f_code
                inside = "" if code is definition.__code__ else f" in {code.co_name}()"
                source = linecache.getline(file, line, frame.f_globals).strip()
                return f"{self.name}() is stuck at line {line}{inside}" + (source and f": {source}")

        return f"{self.name}() is stuck"

    def _release(self) -> bool:
        found: list[socket.socket] = []
        until = monotonic() + RELEASE
        while not self._over.is_set() and monotonic() < until:
            self._shut_down(found)
            self._send_exit()
            self._over.wait(KNOCK)

        self._error = None
        if not self._over.is_set():
            return False
        self._thread.join()
        _close_orphans(found)
        return True

    def _shut_down(self, found: list[socket.socket]) -> None:
        _gather([self._args, getattr(self._function, "__self__", None)], found)
        definition = _definition(self._function)
        for frame in self._frames():
            values = list(frame.f_locals.values())
            if definition and frame.f_globals is definition.__globals__:
                values += [frame.f_globals.get(name) for name in frame.f_code.co_names]
            _gather(values, found)

        for one in found:
            with contextlib.suppress(OSError):  # UDP: ENOTCONN, and recvfrom() wakes nevertheless
                super(socket.socket, one).shutdown(socket.SHUT_RDWR)  # super(): past a trace()

    def _send_exit(self) -> None:
        with self._ending:
            if not self._over.is_set():
                thread = ctypes.c_ulong(self._thread.ident or 0)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(SystemExit))


def _name(function: Any) -> str:
    return getattr(_definition(function) or function, "__name__", None) or type(function).__name__


def _definition(function: Any) -> FunctionType | None:
    for attribute in ("func", "__func__", "__wrapped__"):  # partial, method, functools.wraps
        function = getattr(function, attribute, function)
    return function if isinstance(function, FunctionType) else None


def _gather(value: Any, found: list[socket.socket], depth: int = DEPTH) -> None:
    if isinstance(value, socket.socket):
        if all(value is not old for old in found):
            found.append(value)
    elif depth >= 0 and not isinstance(value, (type, ModuleType, FunctionType)):
        for part in _parts(value):
            _gather(part, found, depth - 1)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    return list(getattr(value, "__dict__", {}).values())


def _abandon(error: BaseException | None) -> None:
    found: list[socket.socket] = []
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            _gather(list(frame.f_locals.values()), found)
            with contextlib.suppress(RuntimeError):  # a frame that still runs
                frame.clear()
                frame.f_locals  # noqa: B018  up to 3.12 a copy, which this empties
        error = error.__cause__ or error.__context__

    _close_orphans(found)


def _close_orphans(found: list[socket.socket]) -> None:
    (alone,) = _references([object()])
    for one, references in zip(found, _references(found), strict=True):
        if references == alone:
            super(socket.socket, one).close()  # the garbage collector would, and warn


def _references(objects: list[Any]) -> list[int]:
    return [sys.getrefcount(one) for one in objects]
