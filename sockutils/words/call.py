"""Which call of the socket API has failed: from the traceback's positions in the source."""

import ast
import os
import select
import socket
from itertools import islice
from types import FrameType, ModuleType, TracebackType
from typing import Any, NamedTuple

STDLIB = os.path.dirname(socket.__file__)
OURS = os.path.dirname(os.path.dirname(__file__))
# The errors of each man page, and the functions of Python and C that meet them.
CALLED = {
    "socket": "socket __init__",
    "bind": "bind create_server start_server",
    "listen": "listen create_server start_server",
    "accept": "accept accept4 sock_accept",
    "connect": "connect create_connection open_connection sock_connect",
    "sendto": "sendto",
    "send": "send sendall sendmsg sendto sendfile sock_sendall",
    "recvfrom": "recvfrom recvfrom_into",
    "recv": "recv recv_into recvfrom recvfrom_into recvmsg recvmsg_into sock_recv",
    "shutdown": "shutdown",
    "close": "close",
    "getsockopt": "getsockopt",
    "setsockopt": "setsockopt",
    "getsockname": "getsockname",
    "getpeername": "getpeername",
    "gethostbyname": "gethostbyname gethostbyname_ex gethostbyaddr",
    "getaddrinfo": "getaddrinfo",
    "getnameinfo": "getnameinfo",
    "select": "select",
    "poll": "poll ppoll",
    "epoll_create": "epoll_create epoll_create1 epoll",
    "epoll_ctl": "epoll_ctl register modify unregister",
    "epoll_wait": "epoll_wait epoll_pwait",
}
NAMES = set(" ".join(CALLED.values()).split())
ADDRESS = {"bind": 0, "connect": 0, "create_server": 0, "create_connection": 0, "sendto": -1}


class Call(NamedTuple):
    """What the learner's code, or Python's own, has called."""

    name: str
    on: Any  # the socket; None where it cannot be told
    address: Any  # the argument; None where it cannot be told

    @property
    def pages(self) -> list[str]:
        if isinstance(self.on, select.epoll) and self.name == "poll":
            return ["epoll_wait"]
        return [page for page, names in CALLED.items() if self.name in names.split()]


def failed_call(error: BaseException) -> Call | None:
    """Return the call that an error has come from, or None where it cannot be told.

    The innermost line decides. Python's own modules and these helpers are passed over on the way
    out, as long as the line there is no call of the API.
    """
    steps: list[TracebackType] = []
    trace = error.__traceback__
    while trace is not None:
        steps.insert(0, trace)
        trace = trace.tb_next
    for step in steps:
        file = step.tb_frame.f_code.co_filename
        if not file.startswith(OURS):
            call = known(expression(step), step.tb_frame)
            if call or not file.startswith(STDLIB) or "-packages" in file:
                return call
    return None


def expression(step: TracebackType) -> ast.expr | None:
    """What the bytecode that failed was compiled from."""
    import linecache

    frame = step.tb_frame
    positions = islice(frame.f_code.co_positions(), step.tb_lasti // 2, None)
    line, last, start, end = next(positions, (None, None, None, None))
    if line is None or last is None or start is None or end is None:
        return None
    lines = linecache.getlines(frame.f_code.co_filename, frame.f_globals)[line - 1 : last]
    if not lines:
        return None
    lines[-1] = lines[-1].encode()[:end].decode()  # columns count bytes
    lines[0] = lines[0].encode()[start:].decode()
    try:
        return ast.parse(f"({''.join(lines)})", mode="eval").body
    except SyntaxError:
        return None


def known(node: ast.expr | None, frame: FrameType) -> Call | None:
    if isinstance(node, ast.Await):
        node = node.value
    if not isinstance(node, ast.Call):
        return None
    if isinstance(node.func, ast.Name) and node.func.id == "check" and node.args:
        return known(node.args[0], frame)
    name, on = name_and_receiver(node.func, frame)
    if name not in NAMES or not can_be_it(on) or (name == "close" and on is None):
        return None  # files are closed as well
    address = None
    if name in ADDRESS and node.args:
        address = value(node.args[ADDRESS[name]], frame)
    return Call(name, on, address)


def name_and_receiver(node: ast.expr, frame: FrameType) -> tuple[str, Any]:
    if isinstance(node, ast.Attribute):
        name = node.attr if node.attr == "__init__" else node.attr.lstrip("_")
        return name, value(node.value, frame)
    return (node.id, None) if isinstance(node, ast.Name) else ("", None)


def can_be_it(on: Any) -> bool:
    if on is None or isinstance(on, (socket.SocketType, type(select.poll()), select.epoll)):
        return True
    if isinstance(on, ModuleType):
        return on.__name__ in ("socket", "_socket", "select", "asyncio")
    return (isinstance(on, type) and issubclass(on, socket.SocketType)) or is_libc(on)


def is_libc(thing: object) -> bool:
    import sys

    module = sys.modules.get("sockutils.libc")
    return module is not None and thing is module.libc


def value(node: ast.expr, frame: FrameType) -> Any:
    """What an expression stands for, if that can be told without running it; or None."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return frame.f_locals.get(node.id, frame.f_globals.get(node.id))
    if isinstance(node, ast.Attribute):  # no property is run
        return getattr(value(node.value, frame), "__dict__", {}).get(node.attr)
    if isinstance(node, ast.Tuple):
        return tuple(value(each, frame) for each in node.elts)
    return None
