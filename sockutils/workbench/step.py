"""A step: which program, and the line of code that it runs; both as short text."""

import ast
import re
import socket
import struct
from typing import Any, NamedTuple

PROGRAMS = ("client", "server", "second")
LINE = "line"  # what is done to the line between them
CALLS = ["socket", "bind", "listen", "connect", "accept", "send", "sendall", "sendto", "recv"]
CALLS += ["recvfrom", "shutdown", "close", "setsockopt", "getsockopt", "settimeout"]
CALLS += ["setblocking", "getsockname", "getpeername"]
CODE = re.compile(r"(?:(\w+(?:, \w+)?) = )?(\w+)\.(\w+)\((.*)\)")
LARGEST = 1 << 26  # bytes in an argument

CONSTANTS = re.compile(
    r"(AF|SOCK|SOL|SO|IPPROTO|TCP|MSG|SHUT|IP|INADDR)_[A-Z0-9_]+|SHUT_\w+|SOMAXCONN"
)
WHAT = "an argument is a number, text, bytes, a constant such as socket.SHUT_WR, or several of them"


class Step(NamedTuple):
    """One line of a story: ``client: client.connect(("127.0.0.1", 5100))``.

    Instead of code there may be `wait`, until the call of this program has returned, or `cancel`,
    which ends it; and for the line `up`, `lose` (the next packet) and `delay SECONDS`.
    """

    program: str
    code: str

    def __str__(self) -> str:
        return f"{self.program}: {self.code}"


class Code(NamedTuple):
    """A line of code, taken apart: ``names = on.call(arguments)``."""

    names: str
    on: str
    call: str
    arguments: str


def step(text: str) -> Step:
    """Read a step. ValueError with a sentence for what is none."""
    program, _, code = (part.strip() for part in text.partition(":"))
    if program == LINE and re.fullmatch(r"up|lose|delay \d+(\.\d+)?", code):
        return Step(program, code)
    if program not in PROGRAMS:
        raise ValueError(f"a step begins with client:, server:, second: or line:, not {text!r}")
    if code not in ("wait", "cancel"):
        taken_apart(code)
    return Step(program, code)


def taken_apart(code: str) -> Code:
    """Read a line of code. ValueError for what is not one call of the socket API."""
    found = CODE.fullmatch(code)
    known = found and found[3] in CALLS and (found[3] == "socket") == (found[2] == "socket")
    if not found or not known or not is_one_statement(code):
        raise ValueError(f"one call of a socket, such as client.close(), not {code!r}")
    return Code(found[1] or "", *found.groups()[1:])


def is_one_statement(code: str) -> bool:
    try:
        return len(ast.parse(code).body) == 1
    except (SyntaxError, ValueError):  # ValueError: a zero byte
        return False


def arguments(text: str) -> list[Any]:
    """What stands between the brackets of a call; it runs no code. ValueError, SyntaxError."""
    tree = ast.parse(f"({text},)" if text.strip() else "()", mode="eval").body
    assert isinstance(tree, ast.Tuple)
    return [value(node) for node in tree.elts]


def value(node: ast.expr) -> Any:
    match node:
        case ast.Constant():
            return node.value
        case ast.Tuple():
            return tuple(value(each) for each in node.elts)
        case ast.UnaryOp(op=ast.USub()):
            return -number(node.operand)
        case ast.BinOp(op=ast.BitOr()):
            return number(node.left) | number(node.right)
        case ast.BinOp(op=ast.Mult()):
            return many(value(node.left), number(node.right))
        case ast.Attribute(value=ast.Name(id="socket")) if CONSTANTS.fullmatch(node.attr):
            return getattr(socket, node.attr)
        case ast.Call(func=ast.Name(id="bytes"), args=[count]):
            return many(b"\0", number(count))
        case ast.Call(func=ast.Attribute(value=ast.Name(id="struct"), attr="pack")):
            return struct.pack(*map(value, node.args))
    raise ValueError(f"{WHAT}, not {ast.unparse(node)}")


def number(node: ast.expr) -> int:
    found = value(node)
    if isinstance(found, int):
        return found
    raise ValueError(f"{ast.unparse(node)} is no number")


def many(one: Any, count: int) -> Any:
    if isinstance(one, (bytes, str)) and len(one) * count > LARGEST:
        raise ValueError(f"at most {LARGEST:,} bytes")
    if isinstance(one, (bytes, str, int)):
        return one * count
    raise ValueError(WHAT)
