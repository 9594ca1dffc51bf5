"""What was asked of every socket, and what it answered.

While a trace runs, the methods of ``socket.socket`` are recording ones: they are set on the class
and taken away again. A recording subclass would miss whoever wrote ``from socket import socket``,
and ``type(s)`` would change; this way a traced socket is an ordinary ``socket.socket``.

Left out: ``makefile()`` (its file's ``recv_into()`` and ``send()`` are recorded), and whatever goes
round the object: ``os.read()``, ``select()``, C calls. An ``SSLSocket`` goes on in the lane of the
socket that it was made of, and its calls are TLS's: what you read and write, not what is sent.
"""

import functools
import socket
import sys
import threading
from collections.abc import Callable
from time import perf_counter
from types import CodeType, FrameType
from typing import Any

from sockutils.calls import Call, Calls
from sockutils.errors import name_of
from sockutils.journal import (
    END,
    ERROR,
    MAKES,
    PLAIN,
    RESULT,
    Record,
    Traced,
    all_kept,
    calls_of,
    kept,
)

__all__ = ["Call", "Calls", "trace"]


class trace:
    """Record every call on every socket made in the block, by whatever means, in any thread.

    The calls are in the list when the block has ended; one that still waits then has no end.
    Sockets made before the block are left alone, as are AF_NETLINK and AF_PACKET. Whatever the
    calls return or raise is what they return or raise without a trace, the same objects.
    """

    # not @contextmanager: that assigns to exceptions, and one that forbids it becomes another

    def __enter__(self) -> Calls:
        self._calls, self._journal = Calls(), list[Record]()
        try:
            with _lock:
                if not _open:
                    _install()
                _open.append(self._journal)
        except BaseException:  # an interrupt
            self.__exit__()
            raise
        return self._calls

    def __exit__(self, *failure: object) -> None:
        with _lock:
            _open[:] = [other for other in _open if other is not self._journal]
            if not _open:
                _remove()
        self._calls += calls_of([record[:] for record in self._journal])


class _Here(threading.local):
    def __init__(self) -> None:
        self.thread = threading.current_thread().name


_here = _Here()
_lock = threading.Lock()
_open: list[list[Record]] = []
_traced: dict[int, Traced] = {}  # by id(): who gets that of a dead socket is registered first
_own: dict[tuple[type, str], Any] = {}  # of the class's __dict__; None: it was inherited

_SOCKET = socket.socket
_PAIR, _ACCEPT = socket.socketpair.__code__, socket.socket.accept.__code__
# by id(): a code object's hash reads the whole code
_SILENT = {id(_ACCEPT), id(socket.socket.dup.__code__), id(socket.socket.__repr__.__code__)}
_LOUD = {"close", "do_handshake"}  # told also where the library calls them
# what it calls on a plain socket.socket: nothing else is asked who calls, which costs time
_INSIDE = {"__init__", "detach", "getpeername", "getsockname", "getsockopt"}
_INSIDE |= {"setblocking", "settimeout"}
_LIBRARIES = [getattr(socket, name, None) for name in ("AF_NETLINK", "AF_PACKET")]
_NO: dict[str, Any] = {}
_UNTOLD = {"fileno", "get_inheritable", "getblocking", "gettimeout", "makefile", "set_inheritable"}
_METHODS = [
    name
    for name in dir(socket.socket)
    if name not in _UNTOLD and name[0] != "_" and callable(getattr(socket.socket, name))
]
_TLS = ["do_handshake", "read", "recv", "recv_into", "send", "sendall", "unwrap", "write"]


def _install() -> None:
    methods = [(socket.socket, name) for name in ["__init__", *_METHODS]]
    for kind, name in methods + _tls_methods():
        _own[kind, name] = vars(kind).get(name)
        setattr(kind, name, _recording(name, getattr(kind, name)))


def _tls_methods() -> list[tuple[type[socket.socket], str]]:
    try:
        from ssl import SSLSocket
    except ImportError:  # a Python without it
        return []
    _SILENT.update(id(getattr(SSLSocket, name).__code__) for name in ["_create", *_TLS])
    return [(SSLSocket, name) for name in _TLS]


def _wraps(maker: CodeType) -> bool:
    # what context.wrap_socket() runs: it makes a socket of the old one's descriptor
    ssl = sys.modules.get("ssl")
    return ssl is not None and maker is ssl.SSLSocket._create.__code__


def _remove() -> None:
    for (kind, name), own in _own.items():
        if own is None:
            delattr(kind, name)
        else:
            setattr(kind, name, own)
    _own.clear()
    _traced.clear()


def _recording(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    inside, keep = name in _INSIDE, _made if name in MAKES else kept

    @functools.wraps(method)
    def call(self: socket.socket, /, *arguments: Any, **keywords: Any) -> Any:
        if name == "__init__":
            _register(self, arguments or (keywords.get("family", -1),), sys._getframe(1))
        traced = _traced.get(id(self))
        if traced is None or (
            (inside or type(self) is not _SOCKET)
            and id(sys._getframe(1).f_code) in _SILENT
            and name not in _LOUD
        ):
            return method(self, *arguments, **keywords)

        given = arguments
        for argument in arguments:
            if type(argument) not in PLAIN:
                given = all_kept(arguments)
                break
        named = dict(zip(keywords, all_kept(keywords.values()), strict=True)) if keywords else _NO
        record = [traced, name, given, named, None, None, perf_counter(), None, _here.thread]
        for journal in traced.journals:
            journal.append(record)
        try:
            result = method(self, *arguments, **keywords)
        except BaseException as error:
            record[ERROR], record[END] = _name(error), perf_counter()
            _hide_this_frame(error)
            raise
        end = perf_counter()
        record[RESULT] = result if type(result) in PLAIN else keep(result)
        record[END] = end  # last: a record with an end is complete
        return result

    return call


def _register(made: socket.socket, arguments: tuple[Any, ...], maker: FrameType) -> None:
    _traced.pop(id(made), None)
    code = maker.f_code
    wrapped = _traced.get(id(maker.f_locals.get("sock"))) if _wraps(code) else None
    if wrapped:
        _traced[id(made)] = wrapped
    elif arguments[0] not in _LIBRARIES:
        role = "pair" if code is _PAIR else "server" if code is _ACCEPT else "socket"
        _traced[id(made)] = Traced(role, tuple(_open))


def _name(error: BaseException) -> str:
    # settimeout() is Python's own: no call of the kernel failed
    return "timeout" if type(error) is TimeoutError and error.errno is None else name_of(error)


def _hide_this_frame(error: BaseException) -> None:
    # by the base class: to assign is the exception's own affair, and some forbid it
    traceback = sys.exc_info()[2]
    BaseException.with_traceback(error, traceback and traceback.tb_next)


def _made(result: Any) -> Any:  # a socket is told by its lane: a trace keeps none alive
    if isinstance(result, tuple):
        return _made(result[0]), result[1]
    return _traced.get(id(result)) or Traced("socket", ())  # the last block has just ended
