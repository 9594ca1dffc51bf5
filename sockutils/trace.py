"""What was asked of every socket, and what it answered.

While a trace runs, the methods of ``socket.socket`` are recording ones: they are set on the class
and taken away again. A recording subclass would miss whoever wrote ``from socket import socket``,
and ``type(s)`` would change; this way a traced socket is an ordinary ``socket.socket``.

Left out: ``makefile()`` (its file's ``recv_into()`` and ``send()`` are recorded), and whatever goes
round the object: ``os.read()``, ``select()``, C calls, the TLS of an ``SSLSocket``.
"""

import enum
import errno
import functools
import itertools
import math
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, overload

if TYPE_CHECKING:
    from types import FrameType

ROLES = ["listener", "client", "server", "pair", "socket"]
SHOWN = 24  # bytes of data in a text


class Buffer(NamedTuple):
    """An argument that can change (bytearray, memoryview, array): its size and first bytes then."""

    size: int
    head: bytes


class Call(NamedTuple):
    """One call on a socket; `start` and `end` are time.perf_counter() seconds.

    `end` is None while the call has not returned. `text` is the same on every run: a port that the
    kernel chose reads ``ephemeral``, a descriptor ``fd``. A socket is told by its lane and `error`
    is a copy without traceback, so that a trace keeps no socket alive.
    """

    lane: str
    name: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    result: Any
    error: BaseException | None
    start: float
    end: float | None
    thread: str
    text: str = ""

    def __repr__(self) -> str:
        return f"{self.lane}: {self.text}"


class Calls(Sequence[Call]):
    """The calls of a trace in the order they began: live inside the block, fixed after it."""

    def __init__(self, calls: Iterable[Call] = ()) -> None:
        self._calls = list(calls)
        self._live: Callable[[], list[Call]] | None = None

    def _now(self) -> list[Call]:
        return self._live() if self._live else self._calls

    def __len__(self) -> int:
        return len(self._now())

    def __iter__(self) -> Iterator[Call]:
        return iter(self._now())

    @overload
    def __getitem__(self, index: int) -> Call: ...
    @overload
    def __getitem__(self, index: slice) -> list[Call]: ...
    def __getitem__(self, index: int | slice) -> Call | list[Call]:
        return self._now()[index]

    def lanes(self) -> dict[str, list[Call]]:
        """Return the calls of each socket: listeners first, then clients, servers, the others."""
        lanes: dict[str, list[Call]] = {}
        for call in self._now():
            lanes.setdefault(call.lane, []).append(call)

        return {lane: lanes[lane] for lane in sorted(lanes, key=_lane_order)}

    def __repr__(self) -> str:
        lanes = self.lanes().items()
        return "\n".join(
            "\n  ".join([lane, *(call.text for call in calls)]) for lane, calls in lanes
        )


@contextmanager
def trace() -> Iterator[Calls]:
    """Record every call on every socket made in the block, by whatever means, in any thread.

    Sockets made before the block are left alone. Blocks may be nested and may overlap in time.
    A call that is still blocked when the block ends is in the list, with `end` None.
    """
    calls = Calls()
    with _lock:
        if not _open:
            _install()
        first_record, first_socket = len(_journal), next(_serials)
        calls._live = lambda: _calls(_records(first_record, first_socket))
        _open.append(calls)
    try:
        yield calls
    finally:
        with _lock:
            try:
                records = _records(first_record, first_socket)
            finally:
                _open.remove(calls)
                if not _open:
                    _remove()
        calls._calls, calls._live = _calls(records), None


# Recording

_lock = threading.Lock()
_serials = itertools.count(1)


@dataclass(eq=False, slots=True)
class _Traced:
    serial: int
    role: str = ""
    origin: "_Traced | None" = None


class _Record(NamedTuple):
    traced: _Traced
    name: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    thread: str
    start: float
    end: float | None
    result: Any
    error: BaseException | None


class _Here(threading.local):
    def __init__(self) -> None:
        self.thread = threading.current_thread().name


_here = _Here()
_open: list[Calls] = []
_journal: list[tuple[Any, ...]] = []  # of plain values where possible: the gc lets go of those
_serial: dict[int, int] = {}  # by id(): who gets that of a dead socket comes by _begin() first
_made: dict[int, _Traced] = {}  # by serial
_own: dict[str, Any] = {}  # what socket.socket.__dict__ held; None: the method was inherited

_ACCEPT = socket.socket.accept.__code__
_DUP = socket.socket.dup.__code__
_SOCKETPAIR = socket.socketpair.__code__
_REPR = socket.socket.__repr__.__code__
_NO: dict[str, Any] = {}
_NONE = object()
_PLAIN = {bytes, str, int, float, bool, type(None)}

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
    _serial.clear()
    _made.clear()
    _journal.clear()


def _recording(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    find = {"__init__": _begin, "getsockname": _asked, "getpeername": _asked}.get(name)
    makes = name in ("accept", "dup")

    @functools.wraps(method)
    def call(self: socket.socket, /, *arguments: Any, **keywords: Any) -> Any:
        start, traced, given, named = perf_counter(), None, arguments, _NO
        try:
            traced = find(self) if find else _serial.get(id(self))
            if traced is None:
                return method(self, *arguments, **keywords)
            given = _kept(arguments)
            named = {keyword: _kept(value) for keyword, value in keywords.items()}
            start = perf_counter()
            result = method(self, *arguments, **keywords)
        except BaseException as error:
            _failed(error, traced, name, given, named, start)
            raise
        end, told = perf_counter(), _kept(result) if makes else result
        _journal.append((traced, name, given, named, _here.thread, start, end, told, None))
        return result

    # Nearly every call sends or receives with one argument. For those each 50 ns count: positions
    # instead of *arguments, and no keywords, which the C methods refuse as well.
    @functools.wraps(method)
    def quick(self: socket.socket, argument: Any = _NONE, flags: Any = _NONE, /) -> Any:
        start, traced = perf_counter(), None
        try:
            if flags is not _NONE or type(argument) not in _PLAIN:
                return call(self, *[value for value in (argument, flags) if value is not _NONE])
            traced = _serial.get(id(self))
            result = method(self, argument)
        except BaseException as error:
            _failed(error, traced, name, (argument,), _NO, start)
            raise
        if traced is not None:
            end, thread = perf_counter(), _here.thread
            _journal.append((traced, name, argument, None, thread, start, end, result, None))
        return result

    return quick if name in ("recv", "send", "sendall") else call


def _failed(
    error: BaseException,
    traced: int | None,
    name: str,
    given: tuple[Any, ...],
    named: dict[str, Any],
    start: float,
) -> None:
    if traced is not None:
        copy = type(error).__new__(type(error), *error.args)
        end = perf_counter()
        _journal.append((traced, name, given, named, _here.thread, start, end, None, copy))
    if error.__traceback__:  # the recording frame is not the learner's business
        error.__traceback__ = error.__traceback__.tb_next


def _begin(made: socket.socket) -> int | None:
    serial, maker = next(_serials), sys._getframe(2)
    _serial[id(made)] = serial
    traced = _made[serial] = _Traced(serial)
    if maker.f_code is _SOCKETPAIR:
        traced.role = "pair"
    elif maker.f_code is _ACCEPT:
        traced.role = "server"
        return None  # accept() was the call: that Python then wraps the descriptor is no news
    elif maker.f_code is _DUP:
        traced.origin = _traced(maker.f_locals["self"])
        return None
    return serial


def _asked(one: socket.socket) -> int | None:
    # repr() asks for the names too, even that of a ResourceWarning
    return None if sys._getframe(2).f_code is _REPR else _serial.get(id(one))


def _traced(one: socket.socket) -> _Traced | None:
    return _made.get(_serial.get(id(one), 0))


def _kept(value: Any) -> Any:
    if isinstance(value, (*_PLAIN, enum.Enum)):
        return value
    if isinstance(value, (tuple, list)):
        return (tuple if isinstance(value, tuple) else list)([_kept(item) for item in value])
    if isinstance(value, socket.socket):
        return _traced(value) or "socket"
    try:
        with memoryview(value) as view:  # to keep it would lock its bytearray
            return Buffer(view.nbytes, bytes(view.cast("B")[:SHOWN]))
    except (TypeError, ValueError):
        return type(value).__name__


# Telling


def _records(first_record: int, first_socket: int) -> list[_Record]:
    waiting = list(_in_flight())  # first: what returns meanwhile is then in the journal
    journal = _journal[first_record:]
    done = [_record(*fields) for fields in journal if fields[0] in _made]  # not of an older trace
    returned = {(record.traced, record.start) for record in done}
    done += [record for record in waiting if (record.traced, record.start) not in returned]
    mine = [record for record in done if record.traced.serial > first_socket]
    return sorted(mine, key=lambda record: record.start)


def _record(serial: int, name: str, given: Any, named: Any, *others: Any) -> _Record:
    arguments = given if isinstance(given, tuple) else (given,)
    return _Record(_made[serial], name, arguments, named or {}, *others)


def _in_flight() -> Iterator[_Record]:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, top in sys._current_frames().items():
        frame: FrameType | None = top
        while frame:
            if frame.f_globals is globals() and frame.f_code.co_name in ("call", "quick"):
                seen = frame.f_locals
                if seen.get("traced") in _made:
                    given, named = seen.get("given", seen.get("argument")), seen.get("named")
                    begun = (seen["traced"], seen["name"], given, named, names.get(ident, ""))
                    yield _record(*begun, seen["start"], None, None, None)
            frame = frame.f_back


def _calls(records: list[_Record]) -> list[Call]:
    lanes = _lanes(records)
    calls = [_call(record, lanes) for record in records]
    chosen = _ports_chosen(calls)
    return [
        call._replace(text=f"{call.name}({_arguments(call, chosen)}){_outcome(call, chosen)}")
        for call in calls
    ]


def _call(record: _Record, lanes: dict[_Traced, str]) -> Call:
    name, arguments = record.name, record.arguments
    if name == "__init__":
        pair = record.traced.role == "pair"
        name, arguments = ("socketpair", arguments[:3]) if pair else ("socket", arguments)
    begun = (lanes[record.traced], name, arguments, record.keywords)
    ended = (_named(record.result, lanes), record.error)
    return Call(*begun, *ended, record.start, record.end, record.thread)


def _lanes(records: list[_Record]) -> dict[_Traced, str]:
    names: dict[_Traced, set[str]] = {}
    for record in records:
        names.setdefault(record.traced, set()).add(record.name)
        for traced in record.result if isinstance(record.result, tuple) else [record.result]:
            if isinstance(traced, _Traced):
                names.setdefault(traced, set())

    roles: dict[str, list[_Traced]] = {}
    for traced in sorted(names, key=lambda traced: traced.serial):
        roles.setdefault(_role(traced, names), []).append(traced)

    return {
        traced: role if len(members) == 1 else f"{role} {number}"
        for role, members in roles.items()
        for number, traced in enumerate(members, 1)
    }


def _role(traced: _Traced, names: dict[_Traced, set[str]]) -> str:
    called = names.get(traced, set())
    if traced.role:
        return traced.role
    if "listen" in called:
        return "listener"
    if called & {"connect", "connect_ex"}:
        return "client"
    return _role(traced.origin, names) if traced.origin else "socket"


def _lane_order(lane: str) -> tuple[int, int]:
    role, _, number = lane.partition(" ")
    return ROLES.index(role) if role in ROLES else len(ROLES), int(number or 0)


def _named(value: Any, lanes: dict[_Traced, str]) -> Any:
    if isinstance(value, _Traced):
        return lanes.get(value, "socket")
    if type(value) in (tuple, list):
        return type(value)([_named(item, lanes) for item in value])
    return value


def _ports_chosen(calls: list[Call]) -> set[int]:
    given: dict[int, float] = {}
    heard: dict[int, float] = {}
    for call in calls:
        for port in _ports(call.arguments):
            when = -math.inf if call.name == "bind" else call.start
            given[port] = min(when, given.get(port, math.inf))
        for port in _ports(call.result):
            heard[port] = min(call.end or math.inf, heard.get(port, math.inf))

    # A client's port goes back into sendto(): it counts as given only if nobody heard of it before.
    return {port for port in heard if port and heard[port] < given.get(port, math.inf)}


def _ports(value: Any) -> Iterator[int]:
    if _is_address(value):
        yield value[1]
    elif type(value) in (tuple, list):
        for item in value:
            yield from _ports(item)


def _is_address(value: Any) -> bool:
    # <netinet/in.h>: sockaddr_in, sockaddr_in6
    pair = type(value) is tuple and len(value) in (2, 4)
    return pair and isinstance(value[0], str) and isinstance(value[1], int)


_PARAMETERS = {
    "socket": ("family", "type", "proto", "fileno"),
    "socketpair": ("family", "type", "proto"),
    "setsockopt": ("level", "option"),
    "getsockopt": ("level", "option"),
    "shutdown": ("how",),
    "recv_into": ("into",),
    "recvfrom_into": ("into",),
}


def _arguments(call: Call, chosen: set[int]) -> str:
    named = (*_PARAMETERS.get(call.name, ()), *itertools.repeat("", len(call.arguments)))
    texts = [
        _constant(parameter, value, call) or _text(value, chosen)
        for parameter, value in zip(named, call.arguments, strict=False)
    ]
    for keyword, value in call.keywords.items():
        texts.append(f"{keyword}={_constant(keyword, value, call) or _text(value, chosen)}")

    return ", ".join(texts)


def _constant(parameter: str, value: Any, call: Call) -> str | None:
    if parameter == "into" and isinstance(value, Buffer):
        return f"{value.size} bytes"
    if not isinstance(value, int):
        return None
    match parameter:
        case "fileno":
            return "fd"
        case "family":
            return _names("AF_").get(value)
        case "type":
            return _kind(value)
        case "proto":
            return _names("IPPROTO_").get(value) if value else None
        case "level":
            return _level(value)
        case "option":
            prefix = (_level(call.arguments[0]) or "UNKNOWN").replace("SOL_SOCKET", "SO")
            return _names(f"{prefix.removeprefix('IPPROTO_')}_").get(value)
        case "how":
            return _names("SHUT_").get(value)
    return None


def _level(value: int) -> str | None:
    return "SOL_SOCKET" if value == socket.SOL_SOCKET else _names("IPPROTO_").get(value)


def _kind(value: int) -> str | None:
    bits = {name: getattr(socket, name, 0) for name in ("SOCK_NONBLOCK", "SOCK_CLOEXEC")}
    flags = [name for name, bit in bits.items() if value & bit]
    name = _names("SOCK_").get(value & ~sum(bits.values()))
    return "|".join([name, *flags]) if name else None


@functools.cache
def _names(prefix: str) -> dict[int, str]:
    # Of two names for one number the shorter is the usual one: SO_DEBUG, SO_VM_SOCKETS_...
    names = sorted((name for name in dir(socket) if name.startswith(prefix)), key=len, reverse=True)
    return {int(getattr(socket, name)): name for name in names}


def _outcome(call: Call, chosen: set[int]) -> str:
    if call.end is None:
        return " …"
    if call.error is not None:
        return f" → {_error(call.error)}"
    if call.result is None:
        return ""
    if call.name == "accept":
        return f" → {call.result[0]}"
    if call.name == "dup":
        return f" → {call.result}"
    if call.name == "detach":
        return " → fd"
    asks_error = call.arguments[:2] == (socket.SOL_SOCKET, socket.SO_ERROR)
    if call.result and (call.name == "connect_ex" or asks_error):
        return f" → {_symbol(call.result)}"
    return f" → {_text(call.result, chosen)}"


def _error(error: BaseException) -> str:
    if isinstance(error, TimeoutError) and error.errno is None:
        return "timeout"  # settimeout() is Python's own: no call of the kernel failed
    if isinstance(error, socket.gaierror):
        return _names("EAI_").get(error.errno or 0, "gaierror")
    if isinstance(error, OSError) and error.errno is not None:
        return _symbol(error.errno)
    return type(error).__name__


def _symbol(number: int) -> str:
    # <asm-generic/errno.h>: ENOTSUP is the same number on Linux, the man pages say EOPNOTSUPP
    return "EOPNOTSUPP" if number == errno.EOPNOTSUPP else errno.errorcode.get(number, str(number))


def _text(value: Any, chosen: set[int]) -> str:
    if isinstance(value, enum.Enum):
        return str(value.name or value.value)
    if isinstance(value, bytes):
        value = Buffer(len(value), value[:SHOWN])
    if isinstance(value, Buffer):
        return f"{value.head!r}" + (f"… {value.size} bytes" if value.size > SHOWN else "")
    if type(value) not in (tuple, list):
        return repr(value)

    texts = [_text(item, chosen) for item in value]
    if _is_address(value) and value[1] in chosen:
        texts[1] = "ephemeral"
    if type(value) is list:
        return f"[{', '.join(texts)}]"
    return f"({', '.join(texts)}{',' * (len(texts) == 1)})"
