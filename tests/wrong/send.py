"""06_send_recv: answers that are wrong, and what their authors are told."""

import socket
import struct
from collections.abc import Callable, Iterator

Answer = Callable[..., object]


def one_recv(connection: socket.socket, count: int) -> bytes:
    return connection.recv(count)


def wait_for_all(connection: socket.socket, count: int) -> bytes:
    return connection.recv(count, socket.MSG_WAITALL)


def without_its_timeout(connection: socket.socket, count: int) -> bytes:
    connection.settimeout(None)
    return connection.recv(count, socket.MSG_WAITALL)


def takes_what_there_is(connection: socket.socket, count: int) -> bytes:
    parts = b""
    while len(parts) < count:
        parts += connection.recv(4096)
    return parts[:count]


def asks_for_all_again(connection: socket.socket, count: int) -> bytes:
    parts = b""
    while len(parts) < count:
        part = connection.recv(count)
        if not part:
            raise EOFError
        parts += part
    return parts


def asks_and_cuts(connection: socket.socket, count: int) -> bytes:
    return asks_for_all_again(connection, count)[:count]


def a_hundred_and_cuts(connection: socket.socket, count: int) -> bytes:
    parts = b""
    while len(parts) < count:
        part = connection.recv(100)
        if not part:
            raise EOFError
        parts += part
    return parts[:count]


def a_file(connection: socket.socket, count: int) -> bytes:
    with connection.makefile("rb") as file:
        return file.read(count)


def never_ends(connection: socket.socket, count: int) -> bytes:
    parts = b""
    while len(parts) < count:
        parts += connection.recv(count - len(parts))
    return parts


def short_at_the_end(connection: socket.socket, count: int) -> bytes:
    parts = b""
    while len(parts) < count and (part := connection.recv(count - len(parts))):
        parts += part
    return parts


def another_error(connection: socket.socket, count: int) -> bytes:
    parts = short_at_the_end(connection, count)
    if len(parts) < count:
        raise ConnectionError("closed")
    return parts


def zero_is_the_end(connection: socket.socket, count: int) -> bytes:
    parts = b""
    while True:
        part = connection.recv(count - len(parts))
        if not part:
            raise EOFError
        parts += part
        if len(parts) == count:
            return parts


def closes(connection: socket.socket, count: int) -> bytes:
    with connection:
        return exactly(connection, count)


def exactly(connection: socket.socket, count: int) -> bytes:
    parts = short_at_the_end(connection, count)
    if len(parts) < count:
        raise EOFError
    return parts


def keeps_what_came(connection: socket.socket, count: int) -> bytes:
    parts = b""
    while len(parts) < count:
        try:
            part = connection.recv(count - len(parts))
        except TimeoutError:
            return parts
        if not part:
            raise EOFError
        parts += part
    return parts


def waits_on(connection: socket.socket, count: int) -> bytes:
    parts = b""
    while len(parts) < count:
        try:
            part = connection.recv(count - len(parts))
        except TimeoutError:
            continue
        if not part:
            raise EOFError
        parts += part
    return parts


def each_error_is_the_end(connection: socket.socket, count: int) -> bytes:
    try:
        return exactly(connection, count)
    except OSError:
        raise EOFError from None


def a_reset_is_the_end(connection: socket.socket, count: int) -> bytes:
    try:
        return exactly(connection, count)
    except ConnectionResetError:
        raise EOFError from None


# Messages


def length_at_once(connection: socket.socket) -> bytes:
    (length,) = struct.unpack("!I", connection.recv(4))
    return exactly(connection, length)


def two_bytes(connection: socket.socket) -> bytes | None:
    first = connection.recv(1)
    if not first:
        return None
    (length,) = struct.unpack("!H", first + exactly(connection, 1))
    return exactly(connection, length)


def the_last_two_bytes(connection: socket.socket) -> bytes | None:
    first = connection.recv(1)
    if not first:
        return None
    (length,) = struct.unpack("!xxH", first + exactly(connection, 3))
    return exactly(connection, length)


def of_this_machine(connection: socket.socket) -> bytes:
    (length,) = struct.unpack("<I", exactly(connection, 4))
    return exactly(connection, length)


def a_tuple(connection: socket.socket) -> bytes:
    length = struct.unpack("!I", exactly(connection, 4))
    return exactly(connection, length)  # type: ignore[arg-type]


def takes_too_many(connection: socket.socket) -> bytes | None:
    first = connection.recv(1)
    if not first:
        return None
    (length,) = struct.unpack("!I", first + asks_and_cuts(connection, 3))
    return asks_and_cuts(connection, length)


def message_at_once(connection: socket.socket) -> bytes:
    (length,) = struct.unpack("!I", exactly(connection, 4))
    return connection.recv(length)


def no_end(connection: socket.socket) -> bytes:
    (length,) = struct.unpack("!I", exactly(connection, 4))
    return exactly(connection, length)


def none_for_each_end(connection: socket.socket) -> bytes | None:
    try:
        return no_end(connection)
    except EOFError:
        return None


def none_inside_a_length(connection: socket.socket) -> bytes | None:
    prefix = short_at_the_end(connection, 4)
    if len(prefix) < 4:
        return None
    return exactly(connection, struct.unpack("!I", prefix)[0])


def nothing_is_none(connection: socket.socket) -> bytes | None:
    return none_for_each_end(connection) or None


def with_its_length(connection: socket.socket) -> bytes:
    prefix = exactly(connection, 4)
    return prefix + exactly(connection, struct.unpack("!I", prefix)[0])


def an_error_is_the_end(connection: socket.socket) -> bytes | None:
    try:
        first = connection.recv(1)
    except OSError:
        return None
    return after(first, connection)


def after(first: bytes, connection: socket.socket) -> bytes | None:
    if not first:
        return None
    (length,) = struct.unpack("!I", first + exactly(connection, 3))
    return exactly(connection, length)


def each_error_ends_early(connection: socket.socket) -> bytes | None:
    try:
        return after(connection.recv(1), connection)
    except OSError as error:
        raise EOFError(error) from error


def an_error_inside_is_the_end(connection: socket.socket) -> bytes | None:
    first = connection.recv(1)
    try:
        return after(first, connection)
    except OSError as error:
        raise EOFError(error) from error


def asks_for_ever(connection: socket.socket) -> bytes | None:
    while True:
        try:
            return after(connection.recv(1), connection)
        except TimeoutError:
            continue


def no_timeout_for_the_message(connection: socket.socket) -> bytes | None:
    first = connection.recv(1)
    if not first:
        return None
    (length,) = struct.unpack("!I", first + exactly(connection, 3))
    connection.settimeout(None)
    return exactly(connection, length)


def text(connection: socket.socket) -> str | None:
    message = after(connection.recv(1), connection)
    return None if message is None else message.decode()


def closes_it(connection: socket.socket) -> bytes | None:
    with connection:
        return after(connection.recv(1), connection)


# Lines


def each_part(connection: socket.socket) -> Iterator[bytes]:
    while part := connection.recv(4096):
        yield from part.split(b"\r\n")


def all_at_the_end(connection: socket.socket) -> Iterator[bytes]:
    data = b""
    while part := connection.recv(4096):
        data += part
    yield from data.split(b"\r\n")[:-1]


def prints(connection: socket.socket) -> None:
    rest = b""
    while b"end" not in rest:
        rest += connection.recv(4096)


def one_line(connection: socket.socket) -> bytes:
    rest = b""
    while b"\r\n" not in rest:
        rest += connection.recv(4096)
    return rest.partition(b"\r\n")[0]


def stripped(connection: socket.socket) -> Iterator[bytes]:
    for line in complete(connection):
        yield line.strip()


def complete(connection: socket.socket, last: bool = False) -> Iterator[bytes]:
    rest = b""
    while part := connection.recv(4096):
        *lines, rest = (rest + part).split(b"\r\n")
        yield from lines
    if last and rest:
        yield rest


def newlines(connection: socket.socket) -> Iterator[bytes]:
    with connection.makefile("rb") as file:
        for line in file:
            yield line.rstrip(b"\r\n")


def the_rest_as_well(connection: socket.socket) -> Iterator[bytes]:
    yield from complete(connection, last=True)


def always_too_early(connection: socket.socket) -> Iterator[bytes]:
    yield from complete(connection)
    raise EOFError


def reads_on(connection: socket.socket) -> Iterator[bytes]:
    rest = b""
    while True:
        *lines, rest = (rest + connection.recv(4096)).split(b"\r\n")
        yield from lines


WRONG: list[tuple[str, Answer, str]] = [
    ("exactly", one_recv, "came byte by byte, you were asked for 3, you returned b'o'"),
    ("exactly", wait_for_all, "byte by byte.*you returned b'o'"),
    (
        "exactly",
        without_its_timeout,
        "leave the timeout as it is: it was 2 s, is now None\nhint: a loop",
    ),
    ("exactly", takes_what_there_is, r"others were due, b'twothree'\nhint: never ask for more"),
    ("exactly", asks_for_all_again, r"for 3, you returned b'onetw.*: too many\nhint: never ask"),
    ("exactly", asks_and_cuts, r"in odd pieces(.|\n)*hint: never ask for more"),
    ("exactly", a_hundred_and_cuts, r"in odd pieces(.|\n)*hint: never ask for more"),
    ("exactly", a_file, r"others were due(.|\n)*hint: .*reads ahead"),
    ("exactly", never_ends, "a hundred times: that is the end, and your loop goes on"),
    (
        "exactly",
        short_at_the_end,
        "ended after 2 of 3 bytes: EOFError expected, you gave b'on'\nhint: b'' has",
    ),
    ("exactly", another_error, "EOFError expected, you raised ConnectionError"),
    (
        "exactly",
        zero_is_the_end,
        "asked for 0 .recv.0. is b'', and that is no end.*EOFError.*\nhint: for 0",
    ),
    ("exactly", closes, "you closed the connection"),
    ("exactly", keeps_what_came, "TimeoutError is due, .* gave b'he'\nhint: what recv.. raises"),
    ("exactly", waits_on, "timed out ten times, and your loop goes on(.|\n)*hint: what recv.. rai"),
    ("exactly", each_error_is_the_end, "TimeoutError is due, .*: you raised EOFError\nhint: what"),
    ("exactly", a_reset_is_the_end, "ConnectionResetError is due, .*: you raised EOFError\nhint"),
    ("one_message", length_at_once, "4 bytes, in your line(.|\n)*hint: recv.4. may return fewer"),
    ("one_message", two_bytes, "the message was b'hello', you returned b''\nhint: the length is"),
    ("one_message", the_last_two_bytes, "of 65,536 bytes: EOFError .*\nhint: the length is"),
    ("one_message", of_this_machine, "which length did you read(.|\n)*without the !.*83,886,080"),
    ("one_message", a_tuple, "tuple(.|\n)*hint: unpack.. returns a tuple"),
    ("one_message", takes_too_many, "in odd pieces(.|\n)*passed exercise 1"),
    ("one_message", message_at_once, "the message was b'hello', you returned b'h'"),
    ("one_message", no_end, "where it may: None is due, you raised EOFError\nhint: None only"),
    ("one_message", none_for_each_end, "ended inside a length: EOFError expected, you gave None"),
    ("one_message", none_inside_a_length, "ended inside a length: .* you gave None"),
    (
        "one_message",
        nothing_is_none,
        "the message was b'', you returned None\nhint: a message of no",
    ),
    ("one_message", with_its_length, "the message was b'hello', you returned .*x05hello"),
    (
        "one_message",
        an_error_is_the_end,
        "before a length begins TimeoutError is due, .*: you gave None\nhint: what recv.. raises",
    ),
    (
        "one_message",
        each_error_ends_early,
        "before a length begins TimeoutError is due, .*: you raised EOFError\nhint: what recv",
    ),
    (
        "one_message",
        an_error_inside_is_the_end,
        "inside a length TimeoutError is due, .*: you raised EOFError\nhint: what recv",
    ),
    ("one_message", asks_for_ever, "ten times, and your loop goes on(.|\n)*hint: what recv.. rai"),
    (
        "one_message",
        no_timeout_for_the_message,
        "leave the timeout as it is: it was 2 s, is now None\nhint: a loop",
    ),
    ("one_message", text, "you returned text, 'hello'\nhint: .* no decode.."),
    ("one_message", closes_it, "you closed the connection"),
    ("delimiter", each_part, "the line was b'GET / HTTP/1.1', you gave b'G'"),
    ("delimiter", all_at_the_end, "it is complete, and you wait for more: yield it at once"),
    ("delimiter", prints, "it returned None: a function with `yield`"),
    ("delimiter", one_line, "it returned b'GET / HTTP/1.1': a function with `yield`"),
    ("delimiter", stripped, "the line was b' ', you gave b''"),
    ("delimiter", newlines, r"the line was b'a\\rb\\nc', you gave b'a\\rb'"),
    ("delimiter", complete, "ended inside a line, after .*: EOFError expected"),
    ("delimiter", the_rest_as_well, "EOFError expected, you gave .b'one', b'tw'."),
    ("delimiter", always_too_early, "where it may: stop there, you raised EOFError"),
    ("delimiter", reads_on, "a hundred times: that is the end"),
]
