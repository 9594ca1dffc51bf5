"""13_sockopts: answers that are wrong, and what their authors are told."""

import os
import socket
import struct
from collections.abc import Callable


def keepalive(
    connection: socket.socket, idle: int, pause: int, count: int | None = 1, on: int = 1
) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, on)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, pause)
    if count:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, count)


def never_on(connection: socket.socket, seconds: int) -> None:
    keepalive(connection, seconds - 1, 1, on=0)


def only_on(connection: socket.socket, seconds: int) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def only_idle(connection: socket.socket, seconds: int) -> None:
    keepalive(connection, seconds, 1)


def as_often_as_usual(connection: socket.socket, seconds: int) -> None:
    keepalive(connection, seconds - 1, 1, count=None)


def by_halves(connection: socket.socket, seconds: int) -> None:
    keepalive(connection, seconds // 2, seconds // 2)


def of_python(connection: socket.socket, seconds: int) -> None:
    connection.settimeout(seconds)


def of_the_user(connection: socket.socket, seconds: int) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, seconds * 1000)


def twenty(connection: socket.socket, seconds: int) -> None:
    keepalive(connection, 19, 1)


def of_the_wrong_level(connection: socket.socket, seconds: int) -> None:
    keepalive(connection, seconds - 1, 1, on=0)
    connection.setsockopt(socket.IPPROTO_TCP, socket.SO_KEEPALIVE, 1)


def pause_of_the_wrong_level(connection: socket.socket, seconds: int) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, seconds - 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.TCP_KEEPINTVL, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 1)


def idle_of_the_wrong_level(connection: socket.socket, seconds: int) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.TCP_KEEPIDLE, seconds - 1)


def many_probes(connection: socket.socket, seconds: int) -> None:
    keepalive(connection, 1, 1, seconds - 1)


def two_less(connection: socket.socket, seconds: int) -> None:
    keepalive(connection, seconds - 2, 1, 2)


def by_true_halves(connection: socket.socket, seconds: int) -> None:
    keepalive(connection, seconds / 2, seconds / 2)  # type: ignore[arg-type]


def closes(connection: socket.socket, seconds: int) -> None:
    with connection:
        keepalive(connection, seconds - 1, 1)


# Without the forty milliseconds


def two_calls(connection: socket.socket, head: bytes, body: bytes) -> bytes:
    connection.sendall(head)
    connection.sendall(body)
    return connection.recv(2, socket.MSG_WAITALL)


def quick_acknowledgements(connection: socket.socket, head: bytes, body: bytes) -> bytes:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
    return two_calls(connection, head, body)


def at_the_wrong_level(connection: socket.socket, head: bytes, body: bytes) -> bytes:
    connection.setsockopt(socket.SOL_SOCKET, socket.TCP_NODELAY, 1)
    return two_calls(connection, head, body)


def corked_for_ever(connection: socket.socket, head: bytes, body: bytes) -> bytes:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    return two_calls(connection, head, body)


def body_first(connection: socket.socket, head: bytes, body: bytes) -> bytes:
    connection.sendall(body + head)
    return connection.recv(2, socket.MSG_WAITALL)


def head_only(connection: socket.socket, head: bytes, body: bytes) -> bytes:
    connection.sendall(head)
    return connection.recv(2, socket.MSG_WAITALL)


def half_an_answer(connection: socket.socket, head: bytes, body: bytes) -> bytes:
    connection.sendall(head + body)
    return connection.recv(1)


def no_answer(connection: socket.socket, head: bytes, body: bytes) -> None:
    connection.sendall(head + body)


def knows_the_answer(connection: socket.socket, head: bytes, body: bytes) -> bytes:
    return b"ok"


def once_only(connection: socket.socket, head: bytes, body: bytes) -> bytes:
    with connection:
        connection.sendall(head + body)
        return connection.recv(2, socket.MSG_WAITALL)


def without_waiting(connection: socket.socket, head: bytes, body: bytes) -> bytes:
    connection.setblocking(False)
    connection.sendall(head + body)
    return connection.recv(2)


def head_and_a_limit(connection: socket.socket, head: bytes, body: bytes) -> bytes:
    connection.settimeout(0.5)
    return head_only(connection, head, body)


def nodelay_for_a_moment(connection: socket.socket, head: bytes, body: bytes) -> bytes:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(head)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
    connection.sendall(body)
    return connection.recv(2, socket.MSG_WAITALL)


# Who is calling?


def peer(connection: socket.socket) -> tuple[int, ...]:
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return struct.unpack("iII", raw)


def myself(connection: socket.socket) -> tuple[int, int]:
    return os.getpid(), os.getuid()


def my_user(connection: socket.socket) -> tuple[int, int]:
    return peer(connection)[0], os.getuid()


def group(connection: socket.socket) -> tuple[int, int]:
    return peer(connection)[0], peer(connection)[2]


def all_three(connection: socket.socket) -> tuple[int, ...]:
    return peer(connection)


def the_number(connection: socket.socket) -> int:
    return connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED)


def turned_round(connection: socket.socket) -> tuple[int, int]:
    return peer(connection)[1], peer(connection)[0]


def hangs_up(connection: socket.socket) -> tuple[int, ...]:
    with connection:
        return peer(connection)[:2]


WRONG: list[tuple[str, Callable[..., object], str]] = [
    ("watch", never_on, "SO_KEEPALIVE is off"),
    ("watch", only_on, "first probe goes out after [0-9]+ s, then 9 times 75 s"),
    ("watch", only_idle, "after 20 s, then 1 times 1 s without an answer make 21 s"),
    ("watch", as_often_as_usual, "after 19 s, then [0-9]+ times 1 s .* make [0-9]+ s"),
    ("watch", by_halves, "asked for 7 s: .* after 3 s, .* make 6 s"),
    ("watch", of_python, "is off.*; settimeout.. is a limit for your own calls"),
    ("watch", of_the_user, "is off.*; TCP_USER_TIMEOUT is a limit for what you send"),
    ("watch", twenty, "asked for 7 s: .* after 19 s, .* make 20 s"),
    (
        "watch",
        of_the_wrong_level,
        "is off: .*; TCP_DEFER_ACCEPT is set, .* at that level, IPPROTO_TCP\nhint: SO_KEEPALIVE is",
    ),
    ("watch", pause_of_the_wrong_level, "; SO_DONTROUTE is set, which has the number of TCP_KEEPI"),
    ("watch", idle_of_the_wrong_level, "Protocol not available, in your line.*\nhint: SO_KEEPALIV"),
    (
        "watch",
        many_probes,
        "asked for 30000 s: OSError: .* Invalid argument, .*\nhint: .* 1 to 127",
    ),
    ("watch", two_less, "asked for 2 s: OSError: .* Invalid argument, .*\nhint: .* 1 to 32767"),
    ("watch", by_true_halves, "asked for 20 s: TypeError: .* 'float', .*\nhint: .* a whole number"),
    ("watch", closes, "you closed the connection: it is used again"),
    (
        "quick",
        two_calls,
        "a request usually takes [0-9]+ ms: the client's kernel has a piece of it, and does not "
        "send it\nhint: what does the second piece wait for",
    ),
    (
        "quick",
        quick_acknowledgements,
        "does not send it\nhint: .* The server's kernel confirms late",
    ),
    ("quick", nodelay_for_a_moment, "a request usually takes [0-9]+ ms: the client's kernel has"),
    (
        "quick",
        at_the_wrong_level,
        "Permission denied, in your line.*\nhint: SO_KEEPALIVE is .* SO_DEBUG|"
        "SO_DEBUG is set, which has the number of TCP_NODELAY at that level",  # for root
    ),
    ("quick", corked_for_ever, "a request usually takes [0-9]+ ms"),
    ("quick", body_first, "wants b'headbody' eleven times, it got .b'bodyhead'."),
    ("quick", head_only, "you wait for the answer, and the server for more of the request"),
    (
        "quick",
        head_and_a_limit,
        "you wait for the answer, and the server for more .*, in your line .*\nhint: has all of",
    ),
    (
        "quick",
        without_waiting,
        "your recv.. has not waited for the answer, .*, in your line .*\nhint: let recv.. wait",
    ),
    ("quick", half_an_answer, "the server answers b'ok', you returned b'o'"),
    ("quick", no_answer, "the server answers b'ok', you returned None\nhint: `return`"),
    ("quick", knows_the_answer, "wants b'headbody' eleven times, it got nothing"),
    ("quick", once_only, "you closed the connection: it is used again"),
    ("caller", myself, "you say .*, which is yourself"),
    ("caller", my_user, "if user 4001 of group 4002 had called, you would say .[0-9]+, [0-9]+."),
    ("caller", group, "if user 4001 of group 4002 had called, .* 4002.|you say "),
    ("caller", all_three, "called: .[0-9]+, [0-9]+., you say .[0-9]+, [0-9]+, "),
    ("caller", the_number, "called: .[0-9]+, [0-9]+., you say [0-9]+"),
    ("caller", turned_round, "called: .[0-9]+, [0-9]+., you say .[0-9]+, [0-9]+."),
    ("caller", hangs_up, "you closed the connection"),
]
