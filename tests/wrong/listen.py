"""Wrong answers to the exercises of 03_listen.ipynb."""

import select
import socket
import time

from sockutils import sockets

kept = []


def one_too_many(address, places):
    return socket.create_server(address, backlog=places)


def default_backlog(address, places):
    return socket.create_server(address)


def at_least_one(address, places):
    return socket.create_server(address, backlog=max(1, places - 1))


def accepts_them(address, places):
    room = socket.create_server(address, backlog=places - 1)
    kept.append(room.accept()[0])
    return room


def one_backlog(address, places):
    return socket.create_server(address, backlog=1)


def fixed_address(address, places):
    return socket.create_server(("127.0.0.1", 5000), backlog=places - 1)


def fixed_port(address, places):
    return socket.create_server((address[0], 5000), backlog=places - 1)


def shared_port(address, places):
    return socket.create_server((address[0], 5000), backlog=places - 1, reuse_port=True)


def fixed_host(address, places):
    return socket.create_server(("127.0.0.1", 0), backlog=places - 1)


def everywhere(address, places):
    return socket.create_server(("", 0), backlog=places - 1)


def port_ignored(address, places):
    room = socket.socket()
    room.bind((address[0], 0))
    room.listen(places - 1)
    return room


def does_not_listen(address, places):
    room = socket.socket()
    room.bind(address)
    return room


def closed_room(address, places):
    with socket.create_server(address, backlog=places - 1) as room:
        return room


def nothing(address, places):
    kept.append(socket.create_server(address, backlog=places - 1))


def its_address(address, places):
    kept.append(socket.create_server(address, backlog=places - 1))
    return kept[-1].getsockname()


def accepts_and_counts(listener):
    number = 0
    while select.select([listener], [], [], 0)[0]:
        kept.append(listener.accept()[0])
        number += 1
    return number


def accepts_and_waits(listener):
    number = 0
    while True:
        listener.accept()[0].close()
        number += 1


def not_blocking(listener):
    number = 0
    listener.setblocking(False)
    while True:
        kept.append(listener.accept()[0])
        number += 1


def one_if_readable(listener):
    return len(select.select([listener], [], [], 0)[0])


def all_rows(listener):
    return len(sockets(port=listener.getsockname()[1]))


def established(listener):
    port = listener.getsockname()[1]
    rows = sockets(port=port)
    return sum(row.state == "ESTAB" and row.local[1] == port for row in rows)


def some_listener(listener):
    rows = sockets()
    return next(row.accept_queue for row in rows if row.state == "LISTEN" and row.accept_queue)


def any_listener(listener):
    return max(row.accept_queue or 0 for row in sockets())


def the_backlog(listener):
    return 5


def prints_it(listener):
    print(sockets(port=listener.getsockname()[1])[0].accept_queue)


def closes_it(listener):
    with listener:
        return sockets(port=listener.getsockname()[1])[0].accept_queue


def asks_before_it_is_over(address, seconds):
    client = socket.socket()
    client.setblocking(False)
    client.connect_ex(address)
    time.sleep(seconds)
    if client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        client.close()
        return None
    return client


def calls_the_same_again(address, seconds):
    client = socket.socket()
    client.setblocking(False)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not client.connect_ex(address):
            return client
        time.sleep(0.01)
    client.close()


def limit_too_late(address, seconds):
    client = socket.socket()
    client.connect(address)
    client.settimeout(seconds)
    return client


def leaves_it_open(address, seconds):
    client = socket.socket()
    client.settimeout(seconds)
    try:
        client.connect(address)
    except TimeoutError:
        return None
    return client


def keeps_it(address, seconds):
    client = socket.socket()
    kept.append(client)
    client.settimeout(seconds)
    try:
        client.connect(address)
    except TimeoutError:
        return None
    return client


def lets_the_error_through(address, seconds):
    return socket.create_connection(address, seconds)


def longer_than_asked(address, seconds):
    try:
        return socket.create_connection(address, 1.2)
    except TimeoutError:
        return None


def half_a_second(address, seconds):
    try:
        return socket.create_connection(address, 0.5)
    except TimeoutError:
        return None


def never_calls(address, seconds):
    return None if seconds else socket.socket()


def gives_up_at_once(address, seconds):
    with socket.socket() as client:
        client.setblocking(False)
        if client.connect_ex(address):
            return None
        return client


def not_yet_connected(address, seconds):
    client = socket.socket()
    client.setblocking(False)
    client.connect_ex(address)
    if seconds < 1:
        client.close()
        time.sleep(seconds)
        return None
    return client


def closes_in_any_case(address, seconds):
    with socket.socket() as client:
        client.settimeout(seconds)
        try:
            client.connect(address)
        except TimeoutError:
            return None
        return client


def says_true(address, seconds):
    with socket.socket() as client:
        client.settimeout(seconds)
        try:
            client.connect(address)
        except TimeoutError:
            return None
        return True


def returns_it_anyway(address, seconds):
    client = socket.socket()
    client.settimeout(seconds)
    client.connect_ex(address)
    return client


def never_asks_for_the_error(address, seconds):
    client = socket.socket()
    client.setblocking(False)
    client.connect_ex(address)
    if not select.select([], [client], [], seconds)[1]:
        client.close()
        return None
    return client


def lets_the_refusal_through(address, seconds):
    client = socket.socket()
    client.settimeout(seconds)
    try:
        client.connect(address)
    except TimeoutError:
        client.close()
        return None
    return client


def does_not_wait(address, seconds):
    client = socket.socket()
    client.setblocking(False)
    client.connect(address)
    return client


def closes_only_when_late(address, seconds):
    client = socket.socket()
    client.settimeout(seconds)
    try:
        client.connect(address)
        return client
    except TimeoutError:
        client.close()
    except ConnectionRefusedError:
        pass


def calls_until_the_end(address, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        client = socket.socket()
        client.settimeout(0.1)
        try:
            client.connect(address)
            return client
        except OSError:
            client.close()
            time.sleep(max(0, min(0.1, end - time.monotonic())))


WRONG = [
    ("waiting_room", one_too_many, "asked for 2 places, 3 clients got in"),
    ("waiting_room", default_backlog, r"at least 5 clients got in\nhint: give listen\(\) a number"),
    ("waiting_room", at_least_one, "asked for 1 place, 2 clients got in"),
    ("waiting_room", accepts_them, r"still busy after 5 s(.|\n)*hint: no accept\(\) here"),
    ("waiting_room", one_backlog, "asked for 3 places, 2 clients got in"),
    ("waiting_room", fixed_address, r"first is open \(.*\): use the address that you are given"),
    ("waiting_room", fixed_port, r"port 0 lets the kernel choose, in your line \d+"),
    ("waiting_room", shared_port, "two rooms have port 5000: let the kernel choose"),
    ("waiting_room", fixed_host, r"asked to listen on 127.0.0.2, it listens on \('127.0.0.1'"),
    ("waiting_room", everywhere, r"asked to listen on 127.0.0.1, it listens on \('0.0.0.0'"),
    ("waiting_room", port_ignored, r"asked for port \d+, it listens on port \d+(.|\n)*hint: bind"),
    ("waiting_room", does_not_listen, "the socket does not listen"),
    ("waiting_room", closed_room, "it returned a socket that is closed already"),
    ("waiting_room", nothing, "it returned None, not a socket"),
    ("waiting_room", its_address, r"it returned \('127.0.0.1', \d+\), not a socket"),
    ("head_count", accepts_and_counts, "1 clients wait, and afterwards 0: count without accepting"),
    ("head_count", accepts_and_waits, r"still busy after 5 s, in your line \d+: listener.accept"),
    ("head_count", not_blocking, r"BlockingIOError: .*, in your line \d+: kept"),
    ("head_count", one_if_readable, "2 clients wait, you counted 1"),
    ("head_count", all_rows, "0 clients wait, you counted 1"),
    ("head_count", established, "1 of 5 accepted, 4 wait, you counted 5"),
    ("head_count", some_listener, r"StopIteration: , in your line \d+: return next"),
    ("head_count", any_listener, "nobody called this other listener, you counted 3"),
    ("head_count", the_backlog, "0 clients wait, you counted 5"),
    ("head_count", prints_it, "0 clients wait, you counted None"),
    ("head_count", closes_it, "you closed the listener"),
    ("patience", limit_too_late, r"still busy after 6 s, in your line \d+: client.connect"),
    ("patience", leaves_it_open, "you did not close your socket: it knocks on"),
    ("patience", keeps_it, "you did not close your socket: it knocks on"),
    ("patience", lets_the_error_through, r"TimeoutError: timed out, in your line \d+: return"),
    ("patience", longer_than_asked, r"asked for at most 0.3 s, you waited for 1\.\d s"),
    ("patience", half_a_second, "a place became free after a second, you had 3 s and gave up"),
    ("patience", never_calls, r"you did not call connect\(\)"),
    ("patience", gives_up_at_once, r"asked to wait 0.3 s, you gave up after 0\.[012]\d s"),
    ("patience", not_yet_connected, "you returned a socket that is not connected: wait until"),
    ("patience", closes_in_any_case, "you returned a socket that is closed already"),
    ("patience", says_true, "it returned True, not a socket"),
    ("patience", returns_it_anyway, "the queue is full, yet you returned <socket"),
    (
        "patience",
        never_asks_for_the_error,
        "refused, yet you returned <socket(.|\n)*hint: .*SO_ERROR",
    ),
    ("patience", does_not_wait, r"BlockingIOError: .*(.|\n)*hint: .* settimeout\(seconds\)"),
    ("patience", closes_only_when_late, r"refused, you did not close your socket\nhint: close\(\)"),
    (
        "patience",
        calls_until_the_end,
        r"refused at once, yet you called \d+ times\nhint: a refusal is",
    ),
    (
        "patience",
        calls_the_same_again,
        r"refused at once, yet you called \d+ times\nhint: a refusal",
    ),
    ("patience", asks_before_it_is_over, r"queue is full, yet(.|\n)*hint: .*SO_ERROR is 0 as long"),
    ("patience", lets_the_refusal_through, r"ConnectionRefusedError: .*(.|\n)*hint: .* an OSError"),
]
