"""What was asked of every socket, and what it answered.

While a trace runs, the methods of ``socket.socket`` are recording ones: they are set on the class
and taken away again. A recording subclass would miss whoever wrote ``from socket import socket``,
and ``type(s)`` would change; this way a traced socket is an ordinary ``socket.socket``.

Left out: ``makefile()`` (its file's ``recv_into()`` and ``send()`` are recorded), and whatever goes
round the object: ``os.read()``, ``select()``, C calls, the TLS of an ``SSLSocket``.
"""

import copy
import enum
import functools
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from types import CodeType
from typing import Any

from sockutils.calls import END, ERROR, RESULT, Call, Calls, Record, Traced, told

__all__ = ["Call", "Calls", "trace"]


@contextmanager
def trace() -> Iterator[Calls]:
    """Record every call on every socket made in the block, by whatever means, in any thread.

    The calls are in the list when the block has ended; one that still waits then has no end.
    Sockets made before the block are left alone, as are AF_NETLINK and AF_PACKET.
    """
    calls = Calls()
    journal: list[Record] = []
    try:
        with _lock:
            if not _open:
                _install()
            _open.append(journal)
        yield calls
    finally:
        with _lock:
            _open[:] = [other for other in _open if other is not journal]
            if not _open:
                _remove()
        calls += told([record[:] for record in journal])


class _Here(threading.local):
    def __init__(self) -> None:
        self.thread = threading.current_thread().name


_here = _Here()
_lock = threading.Lock()
_open: list[list[Record]] = []
_traced: dict[int, Traced] = {}  # by id(): who gets that of a dead socket is registered first
_own: dict[str, Any] = {}  # what socket.socket.__dict__ held; None: the method was inherited

_PAIR, _ACCEPT = socket.socketpair.__code__, socket.socket.accept.__code__
_SILENT = {_ACCEPT, socket.socket.dup.__code__, socket.socket.__repr__.__code__}
_LIBRARIES = [getattr(socket, name, None) for name in ("AF_NETLINK", "AF_PACKET")]
_PLAIN = {bytes, str, int, float, bool, type(None)}
_NO: dict[str, Any] = {}
_UNTOLD = {"fileno", "get_inheritable", "getblocking", "gettimeout", "makefile", "set_inheritable"}
_METHODS = [
    name
    for name in dir(socket.socket)
    if name not in _UNTOLD and name[0] != "_" and callable(getattr(socket.socket, name))
]


def _install() -> None:
    for name in ["__init__", *_METHODS]:
        _own[name] = vars(socket.socket).get(name)
        setattr(socket.socket, name, _recording(name, getattr(socket.socket, name)))


def _remove() -> None:
    for name, own in _own.items():
        if own is None:
            delattr(socket.socket, name)
        else:
            setattr(socket.socket, name, own)
    _own.clear()
    _traced.clear()


def _recording(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    inside = name in ("__init__", "getpeername", "getsockname", "setblocking", "settimeout")
    makes = name in ("accept", "dup")

    @functools.wraps(method)
    def call(self: socket.socket, /, *arguments: Any, **keywords: Any) -> Any:
        caller = sys._getframe(1).f_code if inside else None
        if name == "__init__":
            _register(self, arguments, caller)
        traced = _traced.get(id(self))
        if traced is None or caller in _SILENT:
            return method(self, *arguments, **keywords)

        kept = arguments
        for argument in arguments:
            if type(argument) not in _PLAIN:
                kept = _kept(arguments)
        begun, thread = perf_counter(), _here.thread
        record = [traced, name, kept, keywords or _NO, None, None, begun, None, thread]
        for journal in traced.journals:
            journal.append(record)
        try:
            result = method(self, *arguments, **keywords)
        except BaseException as error:
            record[ERROR], record[END] = copy.copy(error), perf_counter()
            error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next  # hide this
            raise
        end = perf_counter()
        record[RESULT] = _made(result) if makes else result
        record[END] = end  # last: a record with an end is complete
        return result

    return call


def _register(made: socket.socket, arguments: tuple[Any, ...], maker: CodeType | None) -> None:
    _traced.pop(id(made), None)
    if not (arguments and arguments[0] in _LIBRARIES):
        role = "pair" if maker is _PAIR else "server" if maker is _ACCEPT else "socket"
        _traced[id(made)] = Traced(role, tuple(_open))


def _kept(value: Any) -> Any:
    if type(value) in _PLAIN or isinstance(value, enum.Enum):
        return value
    if isinstance(value, tuple):
        return tuple([_kept(item) for item in value])
    if isinstance(value, list):
        return [_kept(item) for item in value]
    if isinstance(value, (bytearray, memoryview)):  # may change; to keep a memoryview locks it
        return bytes(value)
    return type(value).__name__


def _made(result: Any) -> Any:  # a socket is told by its lane: a trace keeps none alive
    if isinstance(result, tuple):
        return _made(result[0]), result[1]
    return _traced.get(id(result)) or Traced("socket", ())  # the last block has just ended
