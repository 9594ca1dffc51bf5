"""Wrong answers to the exercises of 14_server.ipynb, and the words that help who gave them."""

import errno
import select
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

Requests = Iterator[tuple[bytes, bytes]]


def one_after_the_other(listener: socket.socket) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection:
                while data := connection.recv(65536):
                    connection.sendall(data.upper())


def threads(
    listener: socket.socket,
    *,
    joins: bool = True,
    closes: bool = True,
    waits: bool = True,
    by_lines: bool = False,
) -> None:
    """A thread for each client, with a switch for each mistake."""

    def serve(connection: socket.socket) -> None:
        with suppress(OSError):
            if by_lines:
                with connection, connection.makefile("rb") as file:
                    while line := file.readline():
                        connection.sendall(line.upper())
            while data := connection.recv(65536):
                connection.sendall(data.upper())
        if closes:
            connection.close()

    serving = []
    while True:
        try:
            connection, _ = listener.accept()
        except OSError as error:
            if error.errno == errno.EINVAL:
                break
            if waits:
                select.select([], [], [], 0.05)
            continue
        thread = threading.Thread(target=serve, args=(connection,), daemon=True)
        thread.start()
        serving.append(thread)
        del connection, thread
    if joins:
        for each in serving:
            each.join()


def returns_too_early(listener: socket.socket) -> None:
    threads(listener, joins=False)


def leaves_it_to_python(listener: socket.socket) -> None:
    threads(listener, closes=False)


def waits_for_lines(listener: socket.socket) -> None:
    threads(listener, by_lines=True)


def tries_again_at_once(listener: socket.socket) -> None:
    threads(listener, waits=False)


def ends_without_a_descriptor(listener: socket.socket) -> None:
    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while data := connection.recv(65536):
                connection.sendall(data.upper())

    serving = []
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            serving.append(threading.Thread(target=serve, args=(connection,)))
            serving[-1].start()
    for thread in serving:
        thread.join()


def loop(
    listener: socket.socket,
    *,
    survives: type[OSError] = OSError,
    drains: bool = False,
    waits_in_send: bool = False,
    keeps_all: bool = False,
    timeout: int | None = None,
    ends: bool = True,
    answers_the_rest: bool = True,
) -> None:
    """A loop with poll(), with a switch for each mistake."""
    poller, out, ended = select.poll(), dict[socket.socket, bytes](), set[socket.socket]()
    connections = {}
    listener.setblocking(False)
    poller.register(listener, select.POLLIN)
    listening = True

    def step(one: socket.socket) -> bool:
        """One turn of a connection; whether it goes on."""
        if (keeps_all or not out[one]) and one not in ended:
            with suppress(BlockingIOError):
                data = one.recv(65536)
                out[one] += data.upper()
                if not data:
                    ended.add(one)
        if one in ended and not answers_the_rest:
            return False
        if out[one]:
            if waits_in_send:
                one.setblocking(True)
                one.sendall(out[one])
                one.setblocking(False)
                out[one] = b""
            else:
                with suppress(BlockingIOError):
                    out[one] = out[one][one.send(out[one]) :]
        return bool(out[one]) or one not in ended

    while listening or (connections and ends):
        for number, _ in poller.poll(timeout):
            if number == listener.fileno():
                try:
                    one, _ = listener.accept()
                except BlockingIOError:
                    continue
                except OSError as error:
                    if error.errno == errno.EINVAL:
                        listening = False
                        poller.unregister(listener)
                    else:
                        select.select([], [], [], 0.05)
                    continue
                one.setblocking(False)
                out[one] = b""
                connections[one.fileno()] = one
                poller.register(one, select.POLLIN)
                continue
            one = connections[number]
            goes_on = True
            try:
                while (goes_on := step(one)) and drains and not out[one]:
                    if not select.select([one], [], [], 0)[0]:
                        break
            except survives:
                goes_on = False
            if goes_on:
                more = select.POLLIN if keeps_all else 0
                poller.modify(number, select.POLLOUT | more if out[one] else select.POLLIN)
            else:
                poller.unregister(number)
                connections.pop(number).close()
    for one in connections.values():
        one.close()


def ends_at_a_reset(listener: socket.socket) -> None:
    loop(listener, survives=BlockingIOError)


def reads_to_the_end(listener: socket.socket) -> None:
    loop(listener, drains=True)


def waits_for_the_deaf(listener: socket.socket) -> None:
    loop(listener, waits_in_send=True)


def keeps_everything(listener: socket.socket) -> None:
    loop(listener, keeps_all=True)


def never_waits(listener: socket.socket) -> None:
    loop(listener, timeout=0)


def stops_at_once(listener: socket.socket) -> None:
    loop(listener, ends=False)


def drops_the_rest(listener: socket.socket) -> None:
    loop(listener, keeps_all=True, answers_the_rest=False)


def each_piece_is_one(pieces: Iterable[bytes]) -> Requests:
    for piece in pieces:
        head, _, body = piece.partition(b"\r\n\r\n")
        yield head.split(b"\r\n")[0], body


def reads(
    pieces: Iterable[bytes],
    *,
    lower: bool = True,
    anywhere: bool = False,
    one_a_piece: bool = False,
    all_rest: bool = False,
    incomplete: bool = False,
) -> Requests:
    """A reader of requests, with a switch for each mistake."""
    data = b""
    for piece in pieces:
        data += piece
        while b"\r\n\r\n" in data:
            head, _, rest = data.partition(b"\r\n\r\n")
            line, *fields = head.split(b"\r\n")
            length = 0
            for field in fields:
                name, _, value = field.partition(b":")
                if anywhere and b"content-length:" in field.lower():
                    length = int(field.lower().split(b"content-length:")[1])
                elif (name.lower() if lower else name) in (b"content-length", b"Content-Length"):
                    length = int(value)
            if len(rest) < length and not incomplete:
                break
            yield line, rest if all_rest else rest[:length]
            data = b"" if all_rest else rest[length:]
            if one_a_piece:
                break


def reads_text(pieces: Iterable[bytes]) -> Requests:
    yield from reads(piece.decode().encode() for piece in pieces)


def minds_the_case(pieces: Iterable[bytes]) -> Requests:
    return reads(pieces, lower=False)


def looks_anywhere(pieces: Iterable[bytes]) -> Requests:
    return reads(pieces, anywhere=True)


def one_for_each_piece(pieces: Iterable[bytes]) -> Requests:
    return reads(pieces, one_a_piece=True)


def takes_the_rest(pieces: Iterable[bytes]) -> Requests:
    return reads(pieces, all_rest=True)


def does_not_wait_for_the_body(pieces: Iterable[bytes]) -> Requests:
    return reads(pieces, incomplete=True)


def only_at_the_end(pieces: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
    return [*reads(pieces)]


def prints_them(pieces: Iterable[bytes]) -> None:
    for _ in reads(pieces):
        pass


def only_the_lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for line, _ in reads(pieces):
        yield line


def last_orders(
    listener: socket.socket,
    stop: socket.socket,
    *,
    drains: bool = True,
    hears: bool = True,
    survives: type[OSError] = OSError,
    reads_lines: bool = True,
    closes: bool = True,
    closes_listener: bool = True,
) -> None:
    """The last exercise, with a switch for each mistake."""
    listener.setblocking(False)
    stopping = False
    while drains or not stopping:
        try:
            connection, _ = listener.accept()
        except BlockingIOError:
            if stopping:
                break
            ready, _, _ = select.select([listener, stop] if hears else [listener], [], [])
            stopping = stop in ready
            continue
        with suppress(survives):
            if reads_lines:
                with connection.makefile("rb") as file:
                    connection.sendall(file.readline().upper())
            else:
                connection.sendall(connection.recv(65536).upper())
        if closes:
            connection.close()
        del connection
    if closes_listener:
        listener.close()


def lets_nobody_in_at_the_end(listener: socket.socket, stop: socket.socket) -> None:
    last_orders(listener, stop, drains=False)


def looks_at_stop_first(listener: socket.socket, stop: socket.socket) -> None:
    with listener:
        while stop not in (ready := select.select([listener, stop], [], [])[0]):
            assert ready
            connection, _ = listener.accept()
            with connection, suppress(OSError), connection.makefile("rb") as file:
                connection.sendall(file.readline().upper())


def does_not_hear_stop(listener: socket.socket, stop: socket.socket) -> None:
    last_orders(listener, stop, hears=False)


def ends_at_the_reset(listener: socket.socket, stop: socket.socket) -> None:
    last_orders(listener, stop, survives=BlockingIOError)


def survives_one_kind_of_reset(listener: socket.socket, stop: socket.socket) -> None:
    last_orders(listener, stop, survives=ConnectionResetError)


def one_recv_is_a_line(listener: socket.socket, stop: socket.socket) -> None:
    last_orders(listener, stop, reads_lines=False)


def leaves_connections_to_python(listener: socket.socket, stop: socket.socket) -> None:
    last_orders(listener, stop, closes=False)


def leaves_the_listener_open(listener: socket.socket, stop: socket.socket) -> None:
    last_orders(listener, stop, closes_listener=False)


def returns_when_nobody_waits(listener: socket.socket, stop: socket.socket) -> None:
    stop.close()
    with listener, suppress(BlockingIOError):
        listener.setblocking(False)
        while True:
            connection, _ = listener.accept()
            with connection, suppress(OSError), connection.makefile("rb") as file:
                connection.sendall(file.readline().upper())


def accepts_once_more(listener: socket.socket, stop: socket.socket) -> None:
    with listener:
        stopping = False
        while not stopping:
            stopping = stop in select.select([listener, stop], [], [])[0]
            connection, _ = listener.accept()
            with connection, suppress(OSError), connection.makefile("rb") as file:
                connection.sendall(file.readline().upper())


WRONG: list[tuple[str, Callable[..., object], str]] = [
    ("nobody_waits", one_after_the_other, r"after three resets: no answer. A reset raises"),
    ("nobody_waits", returns_too_early, r"returned while a client was still there"),
    ("nobody_waits", leaves_it_to_python, r"left it to Python to close"),
    ("nobody_waits", waits_for_lines, r"a piece of a line: no answer.*Answer what comes"),
    ("nobody_waits", tries_again_at_once, r"no descriptor left: it never rests"),
    (
        "nobody_waits",
        ends_without_a_descriptor,
        r"no descriptor left: no answer.*EMFILE",
    ),
    ("nobody_waits", ends_at_a_reset, r"ConnectionResetError.*in your line"),
    (
        "nobody_waits",
        reads_to_the_end,
        r"fast one: no answer.*others should have their turn",
    ),
    ("nobody_waits", waits_for_the_deaf, r"reads nothing: no answer.*Does a sendall\(\) wait"),
    ("nobody_waits", keeps_everything, r"would run out of memory"),
    ("nobody_waits", never_waits, r"silence: it never rests"),
    ("nobody_waits", stops_at_once, r"stops: .*served until they leave"),
    ("any_pieces", each_piece_is_one, r"in pieces of 1.*you gave"),
    ("any_pieces", reads_text, r"UnicodeDecodeError.*\nhint: a body is bytes"),
    ("any_pieces", minds_the_case, r"may be written in any way"),
    ("any_pieces", looks_anywhere, r"before the first colon"),
    ("any_pieces", one_for_each_piece, r"you gave no more"),
    ("any_pieces", takes_the_rest, r"you gave"),
    ("any_pieces", does_not_wait_for_the_body, r"you gave .b'POST /x HTTP/1.1', b''"),
    ("any_pieces", only_at_the_end, r"whole after 27 bytes, you took"),
    ("any_pieces", prints_them, r"return None: yield each"),
    ("any_pieces", only_the_lines, r"a pair; you gave"),
    (
        "nobody_turned_away",
        lets_nobody_in_at_the_end,
        r"at the same time as the stop: .*Accept until",
    ),
    ("nobody_turned_away", looks_at_stop_first, r"Accept until EAGAIN before you close"),
    ("nobody_turned_away", does_not_hear_stop, r"stop is readable, and .* is stuck at"),
    ("nobody_turned_away", ends_at_the_reset, r"ConnectionResetError.*in your line"),
    (
        "nobody_turned_away",
        survives_one_kind_of_reset,
        r"BrokenPipeError.*in your line",
    ),
    ("nobody_turned_away", one_recv_is_a_line, r"may come in pieces"),
    ("nobody_turned_away", leaves_connections_to_python, r"left it to Python to close"),
    ("nobody_turned_away", leaves_the_listener_open, r"the listener is still open: close it"),
    ("nobody_turned_away", returns_when_nobody_waits, r"nobody has told you to"),
    ("nobody_turned_away", accepts_once_more, r"is stuck at .*accept\(\)"),
]
