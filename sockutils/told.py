"""The text of a traced call: the same on every run, with the kernel's own names for constants."""

import enum
import functools
import socket
from collections.abc import Iterable
from itertools import chain, repeat
from typing import Any

from sockutils.calls import Call
from sockutils.errors import ERRNO

SHOWN = 24  # bytes of data in a text
KINDS = {
    "socket": ("AF_", "SOCK_", "IPPROTO_", "fd"),
    "socketpair": ("AF_", "SOCK_", "IPPROTO_"),
    "shutdown": ("SHUT_",),
    "recv_into": ("room",),
    "recvfrom_into": ("room",),
    "read": ("", "room"),  # of an SSLSocket
}
KEYWORDS = {"fileno": "fd", "buffer": "room"}
OPTIONS = {
    socket.SOL_SOCKET: "SO_",
    socket.IPPROTO_IP: "IP_",
    socket.IPPROTO_IPV6: "IPV6_",
    socket.IPPROTO_TCP: "TCP_",
    socket.IPPROTO_UDP: "UDP_",
}


def ephemeral_ports(calls: Iterable[Call]) -> set[int]:
    """Return the ports that the kernel chose: heard of first, not given before, never bound."""
    given, chosen = {0}, set[int]()
    for call in calls:
        if call.name == "bind":
            given |= _ports(call.arguments)
    for call in calls:
        given |= _ports(call.arguments) - chosen
        chosen |= _ports(call.result) - given
    return chosen


def text(call: Call, ephemeral: set[int]) -> str:
    """Return the call with its arguments and outcome, as ``bind(('', 80)) → EACCES``."""
    arguments = [
        _argument(kind, value, ephemeral)
        for kind, value in zip(chain(_kinds(call), repeat("")), call.arguments, strict=False)
    ]
    for keyword, value in call.keywords.items():
        shown = _argument(KEYWORDS.get(keyword, ""), value, ephemeral)
        arguments.append(f"{keyword}={shown}")
    return f"{call.name}({', '.join(arguments)}){_outcome(call, ephemeral)}"


def _ports(value: Any) -> set[int]:
    if _is_address(value):
        return {value[1]}
    return set().union(*map(_ports, value)) if isinstance(value, tuple) else set()


def _is_address(value: Any) -> bool:
    # <netinet/in.h>: sockaddr_in, sockaddr_in6
    pair = isinstance(value, tuple) and len(value) in (2, 4)
    return pair and isinstance(value[0], str) and isinstance(value[1], int)


def _kinds(call: Call) -> tuple[str, ...]:
    if call.name in ("setsockopt", "getsockopt") and call.arguments:
        level = call.arguments[0]
        return ("level", OPTIONS.get(level, "") if isinstance(level, int) else "")
    return KINDS.get(call.name, ())


def _argument(kind: str, value: Any, ephemeral: set[int]) -> str:
    if kind == "room" and isinstance(value, bytes):
        return f"{len(value)} bytes"
    if kind == "fd" and value is not None:
        return "fd"
    if not kind or not isinstance(value, int) or (kind == "IPPROTO_" and value == 0):
        return _value(value, ephemeral)
    if kind == "level":
        return "SOL_SOCKET" if value == socket.SOL_SOCKET else _constant("IPPROTO_", value)
    return _socket_type(value) if kind == "SOCK_" else _constant(kind, value)


def _constant(prefix: str, value: int) -> str:
    return _names(prefix).get(value, str(value))


def _socket_type(value: int) -> str:
    flags = {socket.SOCK_NONBLOCK: "SOCK_NONBLOCK", socket.SOCK_CLOEXEC: "SOCK_CLOEXEC"}
    names = [name for flag, name in flags.items() if value & flag]
    return "|".join([_constant("SOCK_", value & ~sum(flags)), *names])


@functools.cache
def _names(prefix: str) -> dict[int, str]:
    # Of two names for one number the shorter is the usual one: SO_DEBUG, SO_VM_SOCKETS_...
    names = sorted((name for name in dir(socket) if name.startswith(prefix)), key=len, reverse=True)
    return {int(getattr(socket, name)): name for name in names}


def _outcome(call: Call, ephemeral: set[int]) -> str:
    asks_error = call.arguments[:2] == (socket.SOL_SOCKET, socket.SO_ERROR)
    if call.end is None:
        return " …"
    if call.error is not None:
        return f" → {call.error}"
    if call.result is None:
        return ""
    if call.name in ("accept", "dup", "unwrap"):
        return f" → {call.result[0] if call.name == 'accept' else call.result}"
    if call.name == "detach":
        return " → fd"
    if call.result and (call.name == "connect_ex" or asks_error):
        return f" → {ERRNO.get(call.result, call.result)}"
    return f" → {_value(call.result, ephemeral)}"


def _value(value: Any, ephemeral: set[int]) -> str:
    if isinstance(value, enum.Enum):
        return str(value.name or value.value)
    if isinstance(value, bytes) and len(value) > SHOWN:
        return f"{value[:SHOWN]!r}… {len(value)} bytes"
    if not isinstance(value, (tuple, list)):
        return repr(value)
    texts = [_value(item, ephemeral) for item in value]
    if _is_address(value) and value[1] in ephemeral:
        texts[1] = "ephemeral"
    inside = ", ".join(texts)
    if isinstance(value, list):
        return f"[{inside}]"
    return f"({inside},)" if len(value) == 1 else f"({inside})"
