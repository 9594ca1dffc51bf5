"""Failure as a lesson: a block that must fail in one way, and the man page's list of all ways."""

import errno
import os
import re
import socket
import sys
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from traceback import FrameSummary

# <netdb.h>
H_ERRNO = {1: "HOST_NOT_FOUND", 2: "TRY_AGAIN", 3: "NO_RECOVERY", 4: "NO_DATA"}
EAI = {number: name for name, number in vars(socket).items() if name.startswith("EAI_")}
# One number, two names: Python's table has the other ones, the man pages of the socket calls these.
ERRNO = {**errno.errorcode, errno.EOPNOTSUPP: "EOPNOTSUPP", errno.EAGAIN: "EAGAIN"}
ALIASES = {"EWOULDBLOCK": "EAGAIN", "ENOTSUP": "EOPNOTSUPP", "NO_ADDRESS": "NO_DATA"}
_errno = vars(OSError)["errno"].__get__  # past a property that a class of its own may have


def name_of(error: BaseException) -> str:
    """Return the name that the manual uses for an error: EPIPE, EAI_NONAME, HOST_NOT_FOUND.

    An exception that no call of the C library stands behind is named by its class. So are those
    of TLS, SSLWantReadError; but a mere SSLError by OpenSSL's reason, WRONG_VERSION_NUMBER.
    """
    if names := _tls_names(error):
        return names[0]
    number = _errno(error) if isinstance(error, OSError) else None
    if not isinstance(number, int):
        return type(error).__name__
    numbers = ERRNO
    if isinstance(error, socket.gaierror):
        numbers = EAI
    elif isinstance(error, socket.herror):
        numbers = H_ERRNO
    return numbers.get(number, str(number))


def _tls_names(error: BaseException) -> list[str]:
    ssl = sys.modules.get("ssl")  # who has such an error has its module
    if ssl is None or not isinstance(error, ssl.SSLError):
        return []
    # Its errno is what SSL_get_error(3) answered, no errno: 2 is SSL_ERROR_WANT_READ, not ENOENT.
    names = [type(error).__name__, getattr(error, "reason", None) or ""]
    if names[0] == "SSLError":
        names.reverse()
    numbers = {name: number for name, number in vars(ssl).items() if name.startswith("SSL_ERROR_")}
    names += [name for name, number in numbers.items() if number == error.errno]
    return [name for name in names if name]


class Failure(NamedTuple):
    name: str
    call: str  # as the learner wrote it
    entry: str


_failures: list[Failure] = []


class fails:
    """A block that must fail with the error `name`; prints the call that did so, and how.

    `name` is an errno ("EADDRINUSE"), an EAI_ name, an h_errno name, or the class of another
    exception; for TLS, whose numbers are OpenSSL's, it is the class ("SSLCertVerificationError"),
    the reason ("CERTIFICATE_VERIFY_FAILED") or what SSL_get_error(3) says ("SSL_ERROR_SSL").
    Where the man page lists one errno several times, `entry` holds some words of the entry meant,
    see errors_shown(). Raises AssertionError when the block does not fail, or fails in another way.
    """

    def __init__(self, name: str, entry: str = "") -> None:
        self.name = ALIASES.get(name, name)
        self.entry = entry

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if error is None:
            raise AssertionError(f"expected {self.name}, but nothing failed")
        if not isinstance(error, Exception):  # an interrupt is for whoever pressed the key
            return False
        call = _failing_call(trace)
        if self.name not in (name_of(error), *_tls_names(error)):
            raise AssertionError(f"expected {self.name}, but got: {_line(call, error)}") from error
        print(_line(call, error))
        _failures.append(Failure(self.name, call, self.entry))
        return True


def _line(call: str, error: Exception) -> str:
    number, words = "", str(error)
    if _tls_names(error):  # without the reason, which is a name, and the line of Python's source
        words = re.sub(r"^\[.*?\] | \(_ssl\.c:\d+\)$", "", words)
    elif isinstance(error, OSError) and error.errno is not None:
        number, words = f" ({error.errno})", str(error.strerror)
    return f"{call} → {name_of(error)}{number}: {' '.join(words.splitlines())}"


def _failing_call(trace: TracebackType | None) -> str:
    """Return the source of the innermost call that stands in the same module as the block."""
    import traceback

    frames = [frame for frame, _ in traceback.walk_tb(trace)]
    depth = max(i for i, frame in enumerate(frames) if frame.f_globals is frames[0].f_globals)
    return _source(traceback.extract_tb(trace)[depth])


def _source(where: "FrameSummary") -> str:
    import linecache

    if where.lineno is None or where.end_lineno is None:
        return where.line or "?"
    lines = linecache.getlines(where.filename)[where.lineno - 1 : where.end_lineno]
    if not lines:  # typed into a prompt that keeps no source
        return "?"
    # Columns count bytes. The end is cut first: start and end may be on one line.
    lines[-1] = lines[-1].encode()[: where.end_colno].decode()
    lines[0] = lines[0].encode()[where.colno :].decode()
    return " ".join(line.strip() for line in lines)


class Entry(NamedTuple):
    """One entry of a man page's ERRORS section, in our own words."""

    name: str
    when: str
    unseen: str = ""  # why nobody can show it on loopback without privilege; empty where you can


class Errors(NamedTuple):
    """The errors of one call, and for each the call in this notebook that showed it, or None."""

    page: str
    entries: list[Entry]
    shown: list[str | None]

    def __repr__(self) -> str:
        count = sum(call is not None for call in self.shown)
        width = max(len(entry.name) for entry in self.entries) + 2
        lines = [f"{self.page} lists {len(self.entries)} errors; shown here: {count}"]
        for entry, call in zip(self.entries, self.shown, strict=True):
            how = call or (f"not to be had: {entry.unseen}" if entry.unseen else "not yet")
            lines.append(f"{entry.name:<{width}}{entry.when}\n{'':<{width}}  {how}")
        return "\n".join(lines)


def errors_shown(call: str) -> Errors:
    """Compare the ERRORS section of a call's man page with what this notebook's fails() has seen.

    Raises KeyError for a call that the course has no list for.
    """
    import tomllib

    with open(os.path.join(os.path.dirname(__file__), "errors.toml"), "rb") as file:
        page = tomllib.load(file)[call]
    calls = page.get("calls", call)
    entries = [Entry(**entry) for entry in page["entries"]]
    return Errors(page["page"], entries, [_shown(calls, entry, entries) for entry in entries])


def _shown(calls: str, entry: Entry, entries: list[Entry]) -> str | None:
    first = next(other for other in entries if other.name == entry.name)
    for failure in reversed(_failures):
        meant = failure.entry in entry.when if failure.entry else entry is first
        if failure.name == entry.name and meant and re.search(rf"\b({calls})\(", failure.call):
            return failure.call
    return None
