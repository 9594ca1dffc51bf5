"""Wrong answers to the exercises of 12_epoll.ipynb, and the words that help who gave them."""

import os
import select
import socket
import time
from collections import deque
from collections.abc import Callable

Taken = tuple[bytes, bool]


def one_recv(connection: socket.socket) -> Taken:
    data = connection.recv(65536)
    return data, not data


def blocks_at_the_end(connection: socket.socket) -> Taken:
    data = b""
    while piece := connection.recv(65536):
        data += piece
    return data, True


def stops_at_a_short_answer(connection: socket.socket) -> Taken:
    data = b""
    while True:
        try:
            piece = connection.recv(1000, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return data, False
        data += piece
        if len(piece) < 1000:
            return data, not piece


def changes_the_socket(connection: socket.socket) -> Taken:
    connection.setblocking(False)
    return to_eagain(connection)


def to_eagain(connection: socket.socket) -> Taken:
    data = b""
    while True:
        try:
            piece = connection.recv(65536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return data, False
        if not piece:
            return data, True
        data += piece


def only_the_bytes(connection: socket.socket) -> bytes:
    return to_eagain(connection)[0]


def swapped(connection: socket.socket) -> tuple[bool, bytes]:
    data, ended = to_eagain(connection)
    return ended, data


def a_list_of_pieces(connection: socket.socket) -> tuple[list[bytes], bool]:
    data, ended = to_eagain(connection)
    return [data], ended


def nothing_is_the_end(connection: socket.socket) -> Taken:
    data, _ = to_eagain(connection)
    return data, not data


def raises_eagain(connection: socket.socket) -> Taken:
    data = b""
    while piece := connection.recv(65536, socket.MSG_DONTWAIT):
        data += piece
    return data, True


def closes_at_the_end(connection: socket.socket) -> Taken:
    data, ended = to_eagain(connection)
    if ended:
        os.close(connection.fileno())
    return data, ended


def two_recvs(connection: socket.socket, *, gathers: bool = True) -> Taken:
    data, ended = b"", False
    for _ in range(2):
        try:
            piece = connection.recv(65536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            break
        if piece:
            data = data + piece if gathers else piece
        ended = not piece
    return data, ended


def the_last_of_two(connection: socket.socket) -> Taken:
    return two_recvs(connection, gathers=False)


def waits_a_little(connection: socket.socket) -> Taken:
    data = b""
    connection.settimeout(0.01)
    try:
        while piece := connection.recv(65536):
            data += piece
    except TimeoutError:
        return data, False
    finally:
        connection.setblocking(True)
    return data, True


def waits_in_select(connection: socket.socket) -> Taken:
    data = b""
    while select.select([connection], [], [], 0.2)[0]:
        piece = connection.recv(65536)
        if not piece:
            return data, True
        data += piece
    return data, False


def waits_in_poll(connection: socket.socket) -> Taken:
    poller = select.poll()
    poller.register(connection, select.POLLIN)
    data = b""
    while poller.poll(200):
        piece = connection.recv(65536)
        if not piece:
            return data, True
        data += piece
    return data, False


def sleeps_first(connection: socket.socket) -> Taken:
    time.sleep(0.1)
    return to_eagain(connection)


def drops_all_at_the_end(connection: socket.socket) -> Taken:
    data, ended = to_eagain(connection)
    return b"" if ended else data, ended


def to_the_last_byte(instance: select.epoll, connections: list[socket.socket]) -> list[int]:
    ends = {end.fileno(): end for end in connections}
    counts = dict.fromkeys(ends, 0)
    while ends:
        for number, _ in instance.poll():
            while number in ends:
                try:
                    data = ends[number].recv(1000)
                except BlockingIOError:
                    break
                counts[number] += len(data)
                if not data:
                    ends.pop(number).close()
    return list(counts.values())


def one_recv_for_an_edge(instance: select.epoll, connections: list[socket.socket]) -> list[int]:
    ends = {end.fileno(): end for end in connections}
    counts = dict.fromkeys(ends, 0)
    while ends:
        for number, _ in instance.poll():
            data = ends[number].recv(10)
            counts[number] += len(data)
            if not data:
                ends.pop(number).close()
    return list(counts.values())


def in_turn(
    instance: select.epoll,
    connections: list[socket.socket],
    *,
    asks: bool = True,
    takes_out_early: bool = False,
    closes: bool = True,
) -> list[int]:
    """Nobody starves, with a switch for each mistake."""
    ends = {end.fileno(): end for end in connections}
    counts = dict.fromkeys(ends, 0)
    ready: deque[int] = deque()
    while ends:
        for number, _ in instance.poll(0 if ready else None) if asks or not ready else []:
            if number in ends and number not in ready:
                ready.append(number)
        number = ready.popleft()
        data = b""
        for _ in range(10):
            try:
                data = ends[number].recv(10)
            except BlockingIOError:
                break
            if not data:
                instance.unregister(number)
                end = ends.pop(number)
                if closes:
                    end.close()
                break
            counts[number] += len(data)
        else:
            if not takes_out_early:
                ready.append(number)
    return list(counts.values())


def asks_only_when_its_list_is_empty(
    instance: select.epoll, connections: list[socket.socket]
) -> list[int]:
    return in_turn(instance, connections, asks=False)


def takes_it_out_too_early(instance: select.epoll, connections: list[socket.socket]) -> list[int]:
    return in_turn(instance, connections, takes_out_early=True)


def leaves_them_open(instance: select.epoll, connections: list[socket.socket]) -> list[int]:
    return in_turn(instance, connections, closes=False)


def level_triggered(instance: select.epoll, connections: list[socket.socket]) -> list[int]:
    for end in connections:
        instance.modify(end, select.EPOLLIN)
    ends = {end.fileno(): end for end in connections}
    counts = dict.fromkeys(ends, 0)
    while ends:
        for number, _ in instance.poll():
            data = ends[number].recv(1000)
            counts[number] += len(data)
            if not data:
                ends.pop(number).close()
    return list(counts.values())


def tries_them_all(instance: select.epoll, connections: list[socket.socket]) -> list[int]:
    left = dict.fromkeys(connections, 0)
    counts = dict(left)
    while left:
        for end in [*left]:
            try:
                data = end.recv(1000)
            except BlockingIOError:
                continue
            counts[end] += len(data)
            if not data:
                del left[end]
                end.close()
    return list(counts.values())


def counts_nothing(instance: select.epoll, connections: list[socket.socket]) -> None:
    in_turn(instance, connections)


def closes_the_instance(instance: select.epoll, connections: list[socket.socket]) -> list[int]:
    with instance:
        return in_turn(instance, connections)


def only_closes(instance: select.epoll, connection: socket.socket) -> None:
    connection.close()


def shuts_down(instance: select.epoll, connection: socket.socket) -> None:
    instance.unregister(connection)
    connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def closes_first(instance: select.epoll, connection: socket.socket) -> None:
    number = connection.fileno()
    connection.close()
    instance.unregister(number)


def closes_first_too(instance: select.epoll, connection: socket.socket) -> None:
    connection.close()
    instance.unregister(connection)


def only_unregisters(instance: select.epoll, connection: socket.socket) -> None:
    instance.unregister(connection)


def watches_for_nothing(instance: select.epoll, connection: socket.socket) -> None:
    instance.modify(connection, 0)
    connection.close()


def ends_the_instance(instance: select.epoll, connection: socket.socket) -> None:
    instance.close()
    connection.close()


def behind_its_back(instance: select.epoll, connection: socket.socket) -> None:
    instance.unregister(connection)
    os.close(connection.fileno())


def reads_what_is_left(instance: select.epoll, connection: socket.socket) -> None:
    instance.unregister(connection)
    connection.settimeout(0.1)
    connection.recv(1)
    connection.close()


WRONG: list[tuple[str, Callable[..., object], str]] = [
    ("take", one_recv, r"(?s)bytes have come: you return 65,536 bytes.*the last one"),
    ("take", blocks_at_the_end, r"(?s)still busy.*in your line.*MSG_DONTWAIT"),
    (
        "take",
        stops_at_a_short_answer,
        r"(?s)whether it has ended is True, you say False.*what does recv",
    ),
    ("take", changes_the_socket, r"nonblocking: MSG_DONTWAIT"),
    ("take", two_recvs, r"(?s)bytes have come: you return 131,072 bytes.*the last one"),
    ("take", the_last_of_two, r"(?s)bytes have come: you return 65,536 bytes.*the last one"),
    ("take", waits_a_little, r"(?s)time limit of 0.01 s, and wait.*may never come"),
    ("take", waits_in_select, r"(?s)3 bytes have come: you wait for more.*at once"),
    ("take", waits_in_poll, r"(?s)3 bytes have come: you wait for more.*at once"),
    ("take", sleeps_first, r"(?s)3 bytes have come: you wait for more.*at once"),
    ("take", drops_all_at_the_end, r"(?s)and the end have come: you return b''.*before the end"),
    ("take", only_the_bytes, r"not a tuple"),
    ("take", swapped, r"first the bytes, then whether"),
    ("take", a_list_of_pieces, r"first the bytes, then whether"),
    (
        "take",
        nothing_is_the_end,
        r"(?s)nothing has come: whether it has ended is False.*what does recv",
    ),
    ("take", raises_eagain, r"(?s)BlockingIOError: 3 bytes have come.*in your line.*Is it the end"),
    ("take", closes_at_the_end, r"you have closed the socket"),
    ("share", to_the_last_byte, r"has waited for more than 100"),
    ("share", one_recv_for_an_edge, r"(?s)still busy.*an edge is not told again"),
    ("share", asks_only_when_its_list_is_empty, r"has waited for more than 100"),
    ("share", takes_it_out_too_early, r"(?s)still busy.*Only BlockingIOError takes one out"),
    ("share", leaves_them_open, r"left a connection open: close each"),
    ("share", level_triggered, r"registered as they are, with EPOLLET"),
    ("share", tries_them_all, r"recv\(\) found nothing \d+ times"),
    ("share", counts_nothing, r"were sent, you return None"),
    ("share", closes_the_instance, r"it is not yours"),
    ("forget", only_closes, r"(?s)still on the interest list: somebody has a copy.*at once"),
    ("forget", shuts_down, r"no shutdown\(\)"),
    ("forget", closes_first, r"(?s)in your line.*In which order"),
    ("forget", closes_first_too, r"(?s)in your line.*In which order"),
    ("forget", only_unregisters, r"(?s)still open here.*it is off the list"),
    ("forget", watches_for_nothing, r"(?s)without a flag: ERR and HUP.*which method"),
    ("forget", ends_the_instance, r"watches others, too"),
    ("forget", behind_its_back, r"after os.close\(\) the object"),
    ("forget", reads_what_is_left, r"in your line"),
]
