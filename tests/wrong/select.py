"""Wrong answers to the exercises of 10_select.ipynb, and the words that help who gave them."""

import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Thread

Ends = list[socket.socket]
kept: Ends = []  # what an answer keeps beyond its call


def anew_each_time(connections: Ends, seconds: float) -> list[bytes]:
    received = dict.fromkeys(connections, b"")
    watched = list(connections)
    while watched:
        readable, _, _ = select.select(watched, [], [], seconds)
        if not readable:
            break
        for one in readable:
            take(one, watched, received)
    return list(received.values())


def take(one: socket.socket, watched: Ends, received: dict[socket.socket, bytes]) -> None:
    data = b""
    with suppress(OSError):
        data = one.recv(4096)
    received[one] += data
    if not data:
        watched.remove(one)


def never_waits(connections: Ends, seconds: float) -> list[bytes]:
    end = time.monotonic() + seconds
    received = dict.fromkeys(connections, b"")
    watched = list(connections)
    while watched and time.monotonic() < end:
        for one in select.select(watched, [], [], 0)[0]:
            take(one, watched, received)
    return list(received.values())


def watches_the_ended(connections: Ends, seconds: float) -> list[bytes]:
    end = time.monotonic() + seconds
    received = dict.fromkeys(connections, b"")
    while (left := end - time.monotonic()) > 0:
        for one in select.select(connections, [], [], left)[0]:
            take(one, [*connections], received)
    return list(received.values())


def looks_once(connections: Ends, seconds: float) -> list[bytes]:
    received = dict.fromkeys(connections, b"")
    for one in select.select(connections, [], [], seconds)[0]:
        take(one, [*connections], received)
    return list(received.values())


def one_after_the_other(connections: Ends, seconds: float) -> list[bytes]:
    received = dict.fromkeys(connections, b"")
    for one in connections:
        one.settimeout(seconds)
        with suppress(OSError):
            while data := one.recv(4096):
                received[one] += data
    return list(received.values())


def as_long_as_is_left(connections: Ends, seconds: float) -> list[bytes]:
    end = time.monotonic() + seconds
    received = dict.fromkeys(connections, b"")
    for one in connections:
        one.settimeout(max(0, end - time.monotonic()))
        with suppress(OSError):
            while data := one.recv(4096):
                received[one] += data
    return list(received.values())


def not_ready_for_a_reset(connections: Ends, seconds: float) -> list[bytes]:
    end = time.monotonic() + seconds
    received = dict.fromkeys(connections, b"")
    watched = list(connections)
    while watched and (left := end - time.monotonic()) > 0:
        for one in select.select(watched, [], [], left)[0]:
            data = one.recv(4096)
            received[one] += data
            if not data:
                watched.remove(one)
    return list(received.values())


def waits_for_those_who_ended(connections: Ends, seconds: float) -> list[bytes]:
    return anew_until(connections, time.monotonic() + seconds)


def anew_until(connections: Ends, end: float) -> list[bytes]:
    received = dict.fromkeys(connections, b"")
    watched = list(connections)
    while (left := end - time.monotonic()) > 0:
        for one in select.select(watched, [], [], left)[0]:
            take(one, watched, received)
    return list(received.values())


def leaves_them_blocking(connections: Ends, seconds: float) -> list[bytes]:
    return in_time(connections, time.monotonic() + seconds)


def in_time(connections: Ends, end: float) -> list[bytes]:
    received = dict.fromkeys(connections, b"")
    watched = list(connections)
    while watched and (left := end - time.monotonic()) > 0:
        for one in select.select(watched, [], [], left)[0]:
            take(one, watched, received)
    return list(received.values())


def not_ready_is_the_end(connections: Ends, seconds: float) -> list[bytes]:
    for one in connections:
        one.setblocking(False)
    return in_time(connections, time.monotonic() + seconds)


def reads_each_until_it_is_silent(connections: Ends, seconds: float) -> list[bytes]:
    end = time.monotonic() + seconds
    received = dict.fromkeys(connections, b"")
    watched = list(connections)
    for one in watched:
        one.setblocking(False)
    while watched and (left := end - time.monotonic()) > 0:
        for one in select.select(watched, [], [], left)[0]:
            try:
                while data := one.recv(65536):
                    received[one] += data
            except BlockingIOError:
                continue
            except OSError:
                pass
            watched.remove(one)
    return list(received.values())


def gathers(
    watched: Ends,
    seconds: float,
    in_order: bool = True,
    size: int = 4096,
    longest: float | None = None,
) -> list[bytes]:
    end = time.monotonic() + seconds
    received = dict.fromkeys(watched, b"")
    ended: dict[socket.socket, bytes] = {}
    for one in watched:
        one.setblocking(False)
    while watched and (left := end - time.monotonic()) > 0:
        for one in select.select(watched, [], [], longest or left)[0]:
            try:
                data = one.recv(size)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            received[one] += data
            if not data:
                watched.remove(one)
                ended[one] = received[one]
    return list((received if in_order else ended | received).values())


def looks_now_and_then(connections: Ends, seconds: float) -> list[bytes]:
    return gathers([*connections], seconds, longest=0.01)


def reads_little(connections: Ends, seconds: float) -> list[bytes]:
    return gathers([*connections], seconds, size=100)


def empties_the_list(connections: Ends, seconds: float) -> list[bytes]:
    return gathers(connections, seconds)


def in_the_order_of_ending(connections: Ends, seconds: float) -> list[bytes]:
    return gathers(list(connections), seconds, in_order=False)


def below_zero(connections: Ends, seconds: float) -> list[bytes]:
    if seconds:
        return gathers(list(connections), seconds)
    end = time.monotonic() + seconds
    while True:
        if not select.select(connections, [], [], end - time.monotonic())[0]:
            return [b"" for _ in connections]


def closes_them(connections: Ends, seconds: float) -> list[bytes]:
    received = anew_until(connections, time.monotonic() + seconds)
    for one in connections:
        one.close()
    return received


def forgets_to_return(connections: Ends, seconds: float) -> None:
    anew_until(connections, time.monotonic() + seconds)


def threads_gather(connections: Ends, seconds: float) -> list[bytes]:
    received = dict.fromkeys(connections, b"")

    def read(one: socket.socket) -> None:
        one.settimeout(seconds)
        with suppress(OSError):
            while data := one.recv(4096):
                received[one] += data

    threads = [Thread(target=read, args=(one,)) for one in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return list(received.values())


def closes_at_the_end(one: socket.socket, other: socket.socket) -> None:
    peer = {one: other, other: one}
    while True:
        for end in select.select([*peer], [], [])[0]:
            data = end.recv(65536)
            if not data:
                one.close()
                other.close()
                return
            peer[end].sendall(data)


def returns_at_the_first_end(one: socket.socket, other: socket.socket) -> None:
    peer = {one: other, other: one}
    while True:
        for end in select.select([*peer], [], [])[0]:
            data = end.recv(65536)
            if not data:
                peer[end].shutdown(socket.SHUT_WR)
                return
            peer[end].sendall(data)


def keeps_the_end_to_itself(one: socket.socket, other: socket.socket) -> None:
    peer = {one: other, other: one}
    reading = [one, other]
    while reading:
        for end in select.select(reading, [], [])[0]:
            if data := end.recv(65536):
                peer[end].sendall(data)
            else:
                reading.remove(end)


def reads_the_end_again(one: socket.socket, other: socket.socket) -> None:
    peer, ended = {one: other, other: one}, set()
    while len(ended) < 2:
        for end in select.select([*peer], [], [])[0]:
            if data := end.recv(65536):
                peer[end].sendall(data)
            else:
                ended.add(end)
                peer[end].shutdown(socket.SHUT_WR)


def waits_in_sendall(one: socket.socket, other: socket.socket) -> None:
    peer = {one: other, other: one}
    reading = [one, other]
    while reading:
        for end in select.select(reading, [], [])[0]:
            if data := end.recv(65536):
                peer[end].sendall(data)
            else:
                reading.remove(end)
                peer[end].shutdown(socket.SHUT_WR)


def relay(
    one: socket.socket,
    other: socket.socket,
    *,
    bounded: bool = True,
    always_writes: bool = False,
    keeps_the_rest: bool = True,
) -> None:
    """A relay with a switch for each mistake."""
    peer = {one: other, other: one}
    pieces = {one: b"", other: b""}
    reading = {one, other}
    for end in peer:
        end.setblocking(False)
    while reading or any(pieces.values()):
        readers = [end for end in reading if not (bounded and pieces[end])]
        writers = [peer[end] for end in pieces if pieces[end] or always_writes]
        readable, writable, _ = select.select(readers, writers, [])
        for end in readable:
            with suppress(BlockingIOError):
                data = end.recv(65536)
                pieces[end] += data
                if not data:
                    reading.remove(end)
                    if bounded or not pieces[end]:
                        peer[end].shutdown(socket.SHUT_WR)
        for end in writable:
            with suppress(BlockingIOError):
                sent = end.send(pieces[peer[end]])
                pieces[peer[end]] = pieces[peer[end]][sent:] if keeps_the_rest else b""
                if not bounded and peer[end] not in reading and not pieces[peer[end]]:
                    end.shutdown(socket.SHUT_WR)


def reads_on_and_on(one: socket.socket, other: socket.socket) -> None:
    relay(one, other, bounded=False)


def always_asks_to_write(one: socket.socket, other: socket.socket) -> None:
    relay(one, other, always_writes=True)


def forgets_what_send_left(one: socket.socket, other: socket.socket) -> None:
    relay(one, other, keeps_the_rest=False)


def two_threads(one: socket.socket, other: socket.socket) -> None:
    def pass_on(source: socket.socket, to: socket.socket) -> None:
        while data := source.recv(65536):
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)

    thread = Thread(target=pass_on, args=(one, other))
    thread.start()
    pass_on(other, one)
    thread.join()


def chat(
    listener: socket.socket,
    visits: int,
    *,
    echoes: bool = False,
    keeps: bool = True,
    always_writes: bool = False,
    closes: bool = True,
    survives: tuple[type[OSError], ...] = (OSError,),
    stays: bool = True,
) -> None:
    """A room with a switch for each mistake."""
    listener.setblocking(False)
    waiting: dict[socket.socket, bytes] = {}
    while visits or (waiting and stays):
        writers = [one for one in waiting if waiting[one] or always_writes]
        readable, writable, _ = select.select([listener, *waiting], writers, [])
        for one in writable:
            with suppress(*survives):
                waiting[one] = waiting[one][one.send(waiting[one]) :]
        for one in readable:
            if one is listener:
                with suppress(BlockingIOError):
                    connection, _ = listener.accept()
                    connection.setblocking(not keeps)
                    waiting[connection] = b""
                    visits -= 1
                continue
            try:
                data = one.recv(65536)
            except BlockingIOError:
                continue
            except survives:
                data = b""
            for other in waiting:
                if other is not one or echoes:
                    if keeps:
                        waiting[other] += data
                    else:
                        with suppress(OSError):
                            other.sendall(data)
            if not data:
                waiting.pop(one)
                one.close() if closes else kept.append(one)


def hears_itself(listener: socket.socket, visits: int) -> None:
    chat(listener, visits, echoes=True)


def waits_for_the_deaf(listener: socket.socket, visits: int) -> None:
    chat(listener, visits, keeps=False)


def asks_everybody_to_write(listener: socket.socket, visits: int) -> None:
    chat(listener, visits, always_writes=True)


def leaves_them_open(listener: socket.socket, visits: int) -> None:
    chat(listener, visits, closes=False)


def ends_at_a_reset(listener: socket.socket, visits: int) -> None:
    chat(listener, visits, survives=(BlockingIOError,))


def leaves_when_all_have_come(listener: socket.socket, visits: int) -> None:
    chat(listener, visits, stays=False)


def takes_one_client(listener: socket.socket, visits: int) -> None:
    connection, _ = listener.accept()
    with connection:
        while data := connection.recv(65536):
            connection.sendall(data)


Waiting = dict[socket.socket, bytes]


def all_everywhere(listener: socket.socket, waiting: Waiting, limit: int) -> tuple[Ends, Ends]:
    return [listener, *waiting], [*waiting]


def either_or(listener: socket.socket, waiting: Waiting, limit: int) -> tuple[Ends, Ends]:
    readers = [one for one in waiting if not waiting[one]]
    return [listener, *readers], [one for one in waiting if waiting[one]]


def one_byte_more(listener: socket.socket, waiting: Waiting, limit: int) -> tuple[Ends, Ends]:
    readers = [one for one in waiting if len(waiting[one]) <= limit]
    return [listener, *readers], [one for one in waiting if waiting[one]]


def nobody_new(listener: socket.socket, waiting: Waiting, limit: int) -> tuple[Ends, Ends]:
    readers = [one for one in waiting if len(waiting[one]) < limit]
    return readers, [one for one in waiting if waiting[one]]


def only_the_full(listener: socket.socket, waiting: Waiting, limit: int) -> tuple[Ends, Ends]:
    readers = [one for one in waiting if len(waiting[one]) < limit]
    return [listener, *readers], [one for one in waiting if one not in readers]


def a_limit_of_its_own(listener: socket.socket, waiting: Waiting, limit: int) -> tuple[Ends, Ends]:
    return whom(listener, waiting, 1000)


def whom(listener: socket.socket, waiting: Waiting, limit: int) -> tuple[Ends, Ends]:
    readers = [one for one in waiting if len(waiting[one]) < limit]
    return [listener, *readers], [one for one in waiting if waiting[one]]


def never_one_byte(listener: socket.socket, waiting: Waiting, limit: int) -> tuple[Ends, Ends]:
    return whom(listener, waiting, limit)[0], [one for one in waiting if len(waiting[one]) > 1]


def empties(listener: socket.socket, waiting: Waiting, limit: int) -> tuple[Ends, Ends]:
    found = whom(listener, waiting, limit)
    for one in waiting:
        waiting[one] = b""
    return found


def listener_for_each(listener: socket.socket, waiting: Waiting, limit: int) -> tuple[Ends, Ends]:
    readers, writers = whom(listener, waiting, limit)
    return [*readers, *(listener for _ in waiting)], writers


def a_list_in_a_list(listener: socket.socket, waiting: Waiting, limit: int) -> tuple[object, Ends]:
    (_, *readers), writers = whom(listener, waiting, limit)
    return [listener, readers], writers


def all_together(listener: socket.socket, waiting: Waiting, limit: int) -> tuple[Ends, Ends]:
    total = sum(map(len, waiting.values()))
    return [listener, *(waiting if total < limit else ())], whom(listener, waiting, limit)[1]


def compares_bytes(listener: socket.socket, waiting: Waiting, limit: int) -> tuple[Ends, Ends]:
    return [listener, *(one for one in waiting if waiting[one] < limit)], []  # type: ignore[operator]


def asks_itself(listener: socket.socket, waiting: Waiting, limit: int) -> object:
    return select.select([listener, *waiting], [], [])


def nothing(listener: socket.socket, waiting: Waiting, limit: int) -> None:
    select.select([listener, *waiting], [], [], 0)


WRONG: list[tuple[str, Callable[..., object], str]] = [
    ("deadline", anew_each_time, r"stayed \d\.\d s, 1 s were allowed.*start the time anew"),
    ("deadline", never_waits, r"never rest.*timeout is 0"),
    ("deadline", looks_now_and_then, r"never rest.*timeout is 0, or short"),
    ("deadline", watches_the_ended, r"never rest.*ended stays readable"),
    ("deadline", looks_once, r"came back after .*call it again"),
    ("deadline", one_after_the_other, r"did not read on: do you wait for one"),
    ("deadline", as_long_as_is_left, r"did not read on: do you wait for one"),
    ("deadline", not_ready_for_a_reset, r"ConnectionResetError.*in your line"),
    ("deadline", waits_for_those_who_ended, r"all had ended, and you did not come back"),
    ("deadline", leaves_them_blocking, r"still blocks"),
    ("deadline", not_ready_is_the_end, r"said b'xy', you have b''(.|\n)*BlockingIOError: continue"),
    ("deadline", closes_them, r"closed a connection(.|\n)*hint: take it out"),
    ("deadline", reads_each_until_it_is_silent, r"talks without a pause(.|\n)*hint: one recv"),
    ("deadline", empties_the_list, r"another one now(.|\n)*hint: watched"),
    ("deadline", in_the_order_of_ending, r"in another order\nhint: make an entry"),
    ("deadline", below_zero, r"non-negative(.|\n)*hint: when no time"),
    ("deadline", forgets_to_return, r"return None, not a list"),
    ("deadline", threads_gather, r"do it in one"),
    ("whom", all_everywhere, r"nothing waits .* is among the writers.*never rests"),
    ("whom", either_or, r"1 byte waits for a client, 1000 are the limit.*not among the readers"),
    ("whom", one_byte_more, r"1000 bytes wait for a client, which is the limit.*memory fills"),
    ("whom", nobody_new, r"the listener is not among the readers: nobody new"),
    ("whom", only_the_full, r"not among the writers: who sends them"),
    ("whom", a_limit_of_its_own, r"10 bytes wait for a client, which is the limit"),
    ("whom", never_one_byte, r"1 byte waits for a client, and it is not among the writers"),
    ("whom", empties, r"you have changed `waiting`"),
    ("whom", listener_for_each, r"the listener is 2 times a reader"),
    (
        "whom",
        a_list_in_a_list,
        r"among the readers is \[\], no socket(.|\n)*\[listener, \*others\]",
    ),
    ("whom", all_together, r"while bytes wait for others: count for each"),
    ("whom", compares_bytes, r"not supported between(.|\n)*len\(\) counts"),
    ("whom", asks_itself, r"still busy(.|\n)*hint: call no select"),
    ("whom", nothing, r"return None, not two lists"),
    ("pass_on", closes_at_the_end, r"closed too early"),
    ("pass_on", returns_at_the_first_end, r"function had returned"),
    ("pass_on", keeps_the_end_to_itself, r"no end: pass it on, with shutdown"),
    ("pass_on", reads_the_end_again, r"never rest.*ended stays readable"),
    ("pass_on", waits_in_sendall, r"does a sendall\(\) wait"),
    ("pass_on", reads_on_and_on, r"read on, though what you had read"),
    ("pass_on", always_asks_to_write, r"BrokenPipeError.*in your line"),
    ("pass_on", forgets_what_send_left, r"from byte .*lost a part"),
    ("pass_on", two_threads, r"do it in one"),
    ("room", hears_itself, r"b'hello', and was told b'hello'"),
    ("room", waits_for_the_deaf, r"while a client did not read, one said"),
    ("room", asks_everybody_to_write, r"never rest.*is writable"),
    ("room", leaves_them_open, r"not closed all connections"),
    ("room", ends_at_a_reset, r"ConnectionResetError.*in your line"),
    ("room", leaves_when_all_have_come, r"function had returned"),
    ("room", takes_one_client, r"not accepted all: do you watch the listener"),
]
RIGHT: list[tuple[str, Callable[..., object]]] = [("deadline", reads_little)]
