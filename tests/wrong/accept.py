"""Wrong answers to the exercises of 04_accept.ipynb."""

import os
import select
import socket
from contextlib import suppress

from sockutils import sockets

kept = []


def readable(listener, seconds=0):
    return select.select([listener], [], [], seconds)[0]


def first_three(listener):
    return [listener.accept()[0] for _ in range(3)]


def only_one(listener):
    return [listener.accept()[0]]


def for_ever(listener):
    taken = []
    while True:
        taken.append(listener.accept()[0])


def waits_a_moment(listener):
    taken = []
    while readable(listener, 0.5):
        taken.append(listener.accept()[0])
    return taken


def leaves_a_timeout(listener):
    taken = []
    listener.settimeout(0.01)
    with suppress(TimeoutError):
        while True:
            taken.append(listener.accept()[0])
    return taken


def leaves_it_nonblocking(listener):
    taken = []
    listener.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            taken.append(listener.accept()[0])
    return taken


def not_caught(listener):
    taken = []
    listener.setblocking(False)
    while True:
        taken.append(listener.accept()[0])


def take(listener):
    taken = []
    while readable(listener):
        taken.append(listener.accept()[0])
    return taken


def pairs(listener):
    taken = []
    while readable(listener):
        taken.append(listener.accept())
    return taken


def as_tuple(listener):
    return tuple(take(listener))


def a_count(listener):
    kept.extend(take(listener))
    return len(kept)


def closed_ones(listener):
    taken = []
    while readable(listener):
        with listener.accept()[0] as connection:
            taken.append(connection)
    return taken


def nonblocking_ones(listener):
    taken = take(listener)
    for connection in taken:
        connection.setblocking(False)
    return taken


def closes_the_listener(listener):
    with listener:
        return take(listener)


def the_same_again(listener):
    taken = take(listener)
    return taken[:1] * len(taken)


def the_first(listener):
    return listener.accept()[0]


def first_pair(listener):
    return listener.accept()


def alive(connection):
    try:
        connection.getpeername()
    except OSError:
        return False
    return True


def peeks(listener):
    while True:
        connection, _ = listener.accept()
        connection.settimeout(0.1)
        try:
            if connection.recv(1, socket.MSG_PEEK):
                connection.settimeout(None)
                return connection
        except TimeoutError:
            connection.settimeout(None)
            return connection
        except OSError:
            connection.close()


def reads(listener):
    while True:
        connection, _ = listener.accept()
        try:
            connection.recv(1)
            return connection
        except OSError:
            connection.close()


def silent_one(listener):
    while True:
        connection, _ = listener.accept()
        if not readable(connection):
            return connection
        connection.close()


def reads_to_the_end(listener):
    while True:
        connection, _ = listener.accept()
        connection.setblocking(False)
        try:
            while connection.recv(1):
                pass
        except BlockingIOError:
            connection.setblocking(True)
            return connection
        except OSError:
            connection.close()


def forgets_the_dead(listener):
    while True:
        connection, _ = listener.accept()
        if alive(connection):
            return connection


def keeps_the_dead(listener):
    while True:
        connection, _ = listener.accept()
        kept.append(connection)
        if alive(connection):
            return connection


def takes_all(listener):
    living = []
    for connection in take(listener):
        if alive(connection):
            living.append(connection)
        else:
            connection.close()
    kept.extend(living[1:])
    return living[0]


def the_last(listener):
    *others, last = take(listener)
    for connection in others:
        connection.close()
    return last


def expects_an_error(listener):
    while True:
        try:
            connection, _ = listener.accept()
            return connection
        except ConnectionError:
            pass


def looks_once(listener):
    connection, _ = listener.accept()
    if not alive(connection):
        connection.close()
        connection, _ = listener.accept()
    return connection


def expects_one_error(listener):
    while True:
        connection, _ = listener.accept()
        try:
            connection.sendall(b"")
            return connection
        except ConnectionResetError:
            connection.close()


def none_that_ended(listener):
    while True:
        connection, _ = listener.accept()
        poll = select.poll()
        poll.register(connection, select.POLLRDHUP)
        if not poll.poll(0):
            return connection
        connection.close()


def whoever_is_silent(listener):
    while True:
        connection, _ = listener.accept()
        connection.setblocking(False)
        try:
            connection.recv(100)
        except BlockingIOError:
            connection.setblocking(True)
            return connection
        except OSError:
            pass
        connection.close()


def leaves_a_limit(listener):
    while True:
        connection, _ = listener.accept()
        connection.settimeout(1)
        if alive(connection):
            return connection
        connection.close()


def closed_at_the_end(listener):
    while True:
        with listener.accept()[0] as connection:
            if alive(connection):
                return connection


def closes_the_listener_too(listener):
    with listener:
        while True:
            connection, _ = listener.accept()
            if alive(connection):
                return connection
            connection.close()


def nonblocking_one(listener):
    while True:
        connection, _ = listener.accept()
        if alive(connection):
            connection.setblocking(False)
            return connection
        connection.close()


def close_only(listener):
    listener.close()


def shutdown_only(listener):
    listener.shutdown(socket.SHUT_RDWR)


def shutdown_for_writing(listener):
    listener.shutdown(socket.SHUT_WR)
    listener.close()


def close_then_shutdown(listener):
    listener.close()
    listener.shutdown(socket.SHUT_RDWR)


def by_number(listener):
    os.close(listener.fileno())


def detaches(listener):
    listener.shutdown(socket.SHUT_RDWR)
    kept.append(socket.socket(fileno=listener.detach()))


def nonblocking_then_close(listener):
    listener.setblocking(False)
    listener.close()


def one_client(listener):
    there = listener.getsockname()
    listener.close()
    socket.create_connection(there).close()


def three_clients(listener):
    there = listener.getsockname()
    listener.close()
    for _ in range(3):
        socket.create_connection(there).close()


def shutdown_and_number(listener):
    listener.shutdown(socket.SHUT_RDWR)
    os.close(listener.fileno())


def ten_knocks(listener):
    there = listener.getsockname()
    for _ in range(10):
        with socket.create_connection(there) as client:
            client.recv(1)
    listener.close()


def limits_the_queue(listener):
    listener.listen(0)
    listener.settimeout(0.1)


def listens_again(listener):
    listener.shutdown(socket.SHUT_RDWR)
    listener.listen()


def how_many(listener):
    return len(sockets(port=listener.getsockname()[1]))


WRONG = [
    ("take_all", first_three, "5 clients waited, you took 3"),
    ("take_all", only_one, "3 clients waited, you took 1"),
    ("take_all", for_ever, r"still busy after 5 s, in your line \d+: taken.append"),
    ("take_all", waits_a_moment, "nobody waited, and it took 0.5 s"),
    ("take_all", leaves_a_timeout, r"does not block any more: setblocking\(True\)"),
    ("take_all", leaves_it_nonblocking, r"does not block any more: setblocking\(True\)"),
    ("take_all", not_caught, r"BlockingIOError: .*, in your line \d+: taken.append"),
    ("take_all", pairs, r"the list holds \(<socket.*: accept\(\) returns a pair, a socket and"),
    ("take_all", as_tuple, r"it returned \(<socket.*, not a list"),
    ("take_all", a_count, "it returned 3, not a list"),
    ("take_all", closed_ones, "a socket in the list is closed: return it open"),
    ("take_all", nonblocking_ones, "a socket you returned does not block"),
    ("take_all", closes_the_listener, "you closed the listener"),
    ("take_all", the_same_again, "a client has no socket: .* each once"),
    ("living", the_first, r"hands it out like any other\nhint: accept\(\) did not fail, and will"),
    ("living", first_pair, r"it returned \(<socket.*, not a socket"),
    ("living", peeks, r"has reset: its bytes came before its reset.* MSG_PEEK\nhint: a call that"),
    ("living", reads, r"has reset: its bytes came before its reset.* MSG_PEEK\nhint: a call that"),
    ("living", silent_one, "you passed over a living client"),
    ("living", reads_to_the_end, r"first byte is gone\nhint: it is for whoever gets the socket"),
    ("living", forgets_the_dead, r"2 connections were dead, you closed 0\nhint: who is not ret"),
    ("living", keeps_the_dead, "2 connections were dead, you closed 0"),
    ("living", takes_all, "does not wait any more: stop at the first that lives"),
    ("living", the_last, "you passed over a living client"),
    ("living", expects_an_error, "its client has reset: accept.* hands it out like any other"),
    ("living", looks_once, r"has reset: you closed 1 of 2 such\nhint: several may come one after"),
    ("living", expects_one_error, r"BrokenPipeError: .*\nhint: whose sending had ended"),
    ("living", none_that_ended, r"living client: it has ended its.*\nhint: that is an end"),
    ("living", whoever_is_silent, "passed over a living client: the bytes that you read were its"),
    ("living", leaves_a_limit, r"does not block\nhint: what you set on a socket, take"),
    ("living", closed_at_the_end, "you returned a socket that is closed already"),
    ("living", closes_the_listener_too, "you closed the listener"),
    ("living", nonblocking_one, "the socket you returned does not block"),
    ("stop_all", close_only, r"0 ended: closing the descriptor wakes nobody\nhint: what ends the"),
    ("stop_all", shutdown_only, "the listener is still open: close it, too"),
    ("stop_all", shutdown_for_writing, r"0 ended: SHUT_WR ends sending.*nothing\nhint: which"),
    ("stop_all", close_then_shutdown, r"in your line \d+: listener.shut.*\nhint: close\(\) takes"),
    ("stop_all", by_number, "of 3 threads .*, 0 ended: closing the descriptor wakes nobody"),
    ("stop_all", detaches, "the listener is still open: close it, too"),
    ("stop_all", nonblocking_then_close, "of 3 threads .*, 0 ended: closing the descriptor"),
    ("stop_all", one_client, "of 3 threads .*, 1 ended: 1 client was served, and who serves one"),
    ("stop_all", three_clients, r"Refused.*, in your line \d+: socket|of 5 threads .*, 3 ended"),
    ("stop_all", shutdown_and_number, "you closed its number; the object still has it"),
    ("stop_all", ten_knocks, r"\d ended: 1\d clients were served, .*\nhint: each of them is in"),
    ("stop_all", limits_the_queue, "of 3 threads that waited in accept.*, 0 ended"),
    ("stop_all", listens_again, r"the listener is still open: close it|of 3 threads .*, \d ended"),
    ("stop_all", how_many, "of 3 threads that waited in accept.*, 0 ended"),
]
