"""Wrong answers to the exercises of 05_connect.ipynb."""

import errno
import select
import socket
import time

kept = []


def told(address, seconds, known, last="unreachable", close=True):
    client = socket.socket()
    client.settimeout(seconds)
    try:
        client.connect(address)
    except tuple(known) as error:
        return known[type(error)]
    except OSError:
        return last
    finally:
        if close:
            client.close()
        else:
            kept.append(client)
    return "connected"


KNOWN = {
    0: "connected",
    errno.ECONNREFUSED: "refused",
    errno.ENETUNREACH: "unreachable",
    errno.EHOSTUNREACH: "unreachable",
}
BOTH = {ConnectionRefusedError: "refused", TimeoutError: "silent"}


def has_no_limit(address, seconds):
    return told(address, None, BOTH)


def has_its_own_limit(address, seconds):
    return told(address, 2, BOTH)


def gives_up_early(address, seconds):
    return told(address, seconds / 3, BOTH)


def refused_is_all(address, seconds):
    return told(address, seconds, {TimeoutError: "silent"}, last="refused")


def silence_is_unreachable(address, seconds):
    return told(address, seconds, {ConnectionRefusedError: "refused"})


def catches_two(address, seconds):
    with socket.socket() as client:
        client.settimeout(seconds)
        try:
            client.connect(address)
        except ConnectionRefusedError:
            return "refused"
        except TimeoutError:
            return "silent"
    return "connected"


def returns_the_errno(address, seconds):
    with socket.socket() as client:
        client.settimeout(seconds)
        return errno.errorcode.get(client.connect_ex(address), "connected")


def only_one_is_unreachable(address, seconds):
    with socket.socket() as client:
        client.settimeout(seconds)
        number = client.connect_ex(address)
    known = {0: "connected", errno.ECONNREFUSED: "refused", errno.ENETUNREACH: "unreachable"}
    return known.get(number, "silent")


def stays_open(address, seconds):
    return told(address, seconds, BOTH, close=False)


def says_nothing(address, seconds):
    told(address, seconds, BOTH)


def always_half_a_second(address, seconds):
    return told(address, 0.5, BOTH)


def limits_every_socket(address, seconds):
    socket.setdefaulttimeout(seconds)
    try:
        socket.create_connection(address).close()
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "silent"
    except OSError:
        return "unreachable"
    return "connected"


def the_rest_is_unreachable(address, seconds):
    return told(address, seconds, BOTH)


def the_other_numbers_are_silence(address, seconds):
    with socket.socket() as client:
        client.settimeout(seconds)
        number = client.connect_ex(address)
    return KNOWN.get(number, "silent")


def sets_a_timeout(client, seconds):
    client.settimeout(seconds)
    return how(client, seconds)


def lets_it_wait(client, seconds):
    said = how(client, seconds)
    client.setblocking(True)
    return said


def how(client, seconds):
    if not select.select([], [client], [], seconds)[1]:
        return None
    return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def asks_at_once(client, seconds):
    return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def writable_is_connected(client, seconds):
    return 0 if select.select([], [client], [], seconds)[1] else None


def waits_until_readable(client, seconds):
    if not select.select([client], [], [], seconds)[0]:
        return None
    return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def reads_it_twice(client, seconds):
    if not select.select([], [client], [], seconds)[1]:
        return None
    if client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return 0


def zero_is_not_over(client, seconds):
    select.select([], [client], [], seconds)
    return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or None


def raises_it(client, seconds):
    if not select.select([], [client], [], seconds)[1]:
        raise TimeoutError("nobody answered")
    return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def closes_the_attempt(client, seconds):
    with client:
        if not select.select([], [client], [], seconds)[1]:
            return None
        return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def waits_a_second(client, seconds):
    if not select.select([], [client], [], 1)[1]:
        return None
    return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def sleeps(client, seconds):
    time.sleep(seconds)
    return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def true_or_false(client, seconds):
    if not select.select([], [client], [], seconds)[1]:
        return None
    return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


def sends_to_find_out(client, seconds):
    if not select.select([], [client], [], seconds)[1]:
        return None
    try:
        client.send(b"x")
    except OSError as error:
        return error.errno
    return 0


def asks_without_end(client, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([], [client], [], 0)[1]:
            return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return None


def sends_a_byte(client):
    try:
        client.sendall(b"!")
        client.settimeout(0.2)
        return client.recv(1) == b"!"
    except OSError:
        return False
    finally:
        client.settimeout(None)


def sends_and_waits(client):
    try:
        client.sendall(b"!")
        return client.recv(1) == b"!"
    except OSError:
        return False


def compares_ports(client):
    try:
        return client.getsockname()[1] == client.getpeername()[1]
    except OSError:
        return False


def compares_hosts(client):
    try:
        return client.getsockname()[0] == client.getpeername()[0]
    except OSError:
        return False


def lets_the_error_through(client):
    return client.getsockname() == client.getpeername()


def none_for_no(client):
    try:
        return client.getsockname() == client.getpeername() or None
    except OSError:
        return None


def tries_to_connect(client):
    return client.connect_ex(client.getsockname()) == errno.EISCONN


def closes_it(client):
    with client:
        try:
            return client.getsockname() == client.getpeername()
        except OSError:
            return False


def cut_off(me, friend):
    me.connect(friend)
    sender = None
    while sender != friend:
        data, sender = me.recvfrom(100)
    return data


def page_by_page(me, friend):
    me.connect(friend)
    sender = None
    while sender != friend:
        data, sender = me.recvfrom(4096)
    return data


def only_connects(me, friend):
    me.connect(friend)
    return me.recv(65536)


def only_filters(me, friend):
    sender = None
    while sender != friend:
        data, sender = me.recvfrom(65536)
    return data


def reads_first(me, friend):
    data, sender = me.recvfrom(65536)
    me.connect(friend)
    while sender != friend:
        data, sender = me.recvfrom(65536)
    return data


def compares_the_host(me, friend):
    me.connect(friend)
    sender = None, None
    while sender[0] != friend[0]:
        data, sender = me.recvfrom(65536)
    return data


def compares_the_port(me, friend):
    me.connect(friend)
    sender = None, None
    while sender[1] != friend[1]:
        data, sender = me.recvfrom(65536)
    return data


def empties_the_queue(me, friend):
    me.connect(friend)
    while select.select([me], [], [], 0)[0]:
        me.recv(65536)
    return me.recv(65536)


def with_its_sender(me, friend):
    me.connect(friend)
    sender = None
    while sender != friend:
        data, sender = me.recvfrom(65536)
    return data, sender


def closes_me(me, friend):
    with me:
        return with_its_sender(me, friend)[0]


def another_socket(me, friend):
    with socket.socket(type=socket.SOCK_DGRAM) as mine:
        mine.settimeout(1)
        mine.connect(friend)
        return mine.recv(65536)


def one_after_the_other(addresses, seconds):
    for address in addresses:
        try:
            return socket.create_connection(address, seconds)
        except OSError:
            pass
    return None


def the_first_only(addresses, seconds):
    return socket.create_connection(addresses[0], seconds)


def the_library(addresses, seconds):
    for address in addresses:
        client = socket.socket()
        if client.connect_ex(address) == 0:
            return client
        client.close()


def started(addresses):
    waiting = []
    for address in addresses:
        client = socket.socket()
        client.setblocking(False)
        if client.connect_ex(address) == errno.EINPROGRESS:
            waiting.append(client)
        else:
            client.close()
    return waiting


def raced(addresses, seconds, ask=True, close=True, restart=False, patience=0):
    end = time.monotonic() + seconds
    waiting, winner = started(addresses), None
    while waiting and winner is None:
        left = max(0, end - time.monotonic())
        over = select.select([], waiting, [], seconds if restart else left)[1]
        if not over:
            break
        for client in over:
            error = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if ask else 0
            if winner is None and not error:
                winner = client
            else:
                client.close()
            waiting.remove(client)
    if close:
        for client in waiting:
            client.close()
    else:
        kept.extend(waiting)
    return winner


def restarts_the_time(addresses, seconds):
    return raced(addresses, seconds, restart=True)


def does_not_ask(addresses, seconds):
    return raced(addresses, seconds, ask=False)


def leaves_the_others(addresses, seconds):
    return raced(addresses, seconds, close=False)


def closes_the_winner(addresses, seconds):
    winner = raced(addresses, seconds)
    if winner is not None:
        winner.close()
    return winner


def returns_the_address(addresses, seconds):
    winner = raced(addresses, seconds)
    if winner is None:
        return None
    with winner:
        return winner.getpeername()


def says_who_was_slow(addresses, seconds):
    winner = raced(addresses, seconds)
    if winner is None:
        raise TimeoutError("nobody answered")
    return winner


def stops_at_the_first_refusal(addresses, seconds):
    waiting = started(addresses)
    over = select.select([], waiting, [], seconds)[1] if waiting else []
    winner = None
    for client in waiting:
        good = client in over and not client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if good and winner is None:
            winner = client
        else:
            client.close()
    return winner


def is_not_patient(addresses, seconds):
    return raced(addresses, min(seconds, 0.2))


def always_waits(addresses, seconds):
    winner = raced(addresses, seconds)
    if winner is None:
        time.sleep(seconds)
    return winner


def does_not_wait(addresses, seconds):
    first, *others = started(addresses)
    for client in others:
        client.close()
    return first


def races_without_end(addresses, seconds):
    end = time.monotonic() + seconds
    waiting, winner = started(addresses), None
    while waiting and winner is None and time.monotonic() < end:
        for client in list(waiting):
            if select.select([], [client], [], 0)[1]:
                waiting.remove(client)
                if winner or client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    client.close()
                else:
                    winner = client
    for client in waiting:
        client.close()
    return winner


def calls_without_end(addresses, seconds):
    end = time.monotonic() + seconds
    waiting, winner = {}, None
    for address in addresses:
        client = socket.socket()
        client.setblocking(False)
        waiting[client] = address
    while waiting and winner is None and time.monotonic() < end:
        for client, address in list(waiting.items()):
            number = client.connect_ex(address)
            if number in (errno.EINPROGRESS, errno.EALREADY):
                continue
            del waiting[client]
            if number or winner:
                client.close()
            else:
                winner = client
    for client in waiting:
        client.close()
    return winner


def expects_no_error(addresses, seconds):
    waiting = []
    for address in addresses:
        client = socket.socket()
        waiting.append(client)
        client.setblocking(False)
        client.connect(address)


WRONG = [
    ("diagnosis", has_no_limit, r"still busy after 8 s, in your line \d+: client.connect"),
    ("diagnosis", has_its_own_limit, r"nobody answers there, .*: you had 0.3 s, and it took 2"),
    ("diagnosis", gives_up_early, r"nobody answers there, .*: you gave up after 0\.\d"),
    ("diagnosis", always_half_a_second, r"you have 1.0 s: you gave up after 0\..*\nhint: .seco"),
    ("diagnosis", limits_every_socket, "left the default timeout at 2.*\nhint: client.settimeout"),
    ("diagnosis", the_rest_is_unreachable, "no local port .* 'unreachable': none .*\nhint: look"),
    ("diagnosis", the_other_numbers_are_silence, "no local port is left .* returned 'silent': no"),
    ("diagnosis", refused_is_all, "TCP cannot reach .* returned 'refused', not 'unreachable'"),
    ("diagnosis", silence_is_unreachable, "nobody answers .* returned 'unreachable', not 'sile"),
    ("diagnosis", catches_two, r"TCP cannot reach .* you raised .*unreachable.*in your line \d+"),
    ("diagnosis", returns_the_errno, "nobody listens .* you returned 'ECONNREFUSED', not 'refus"),
    (
        "diagnosis",
        only_one_is_unreachable,
        "No route to host: you returned 'silent', .*\nhint: two",
    ),
    ("diagnosis", stays_open, r"a server listens there: you left your socket open\nhint: a `with"),
    ("diagnosis", says_nothing, "a server listens there: you returned None, not 'connected'"),
    ("outcome", asks_at_once, "nobody answers: you returned 0, not None"),
    ("outcome", writable_is_connected, "you returned 0, not ECONNREFUSED\nhint: a refused.*SO_ERR"),
    ("outcome", waits_until_readable, "a server listens there: you returned None, not 0"),
    ("outcome", reads_it_twice, "nobody listens there: you returned 0, not ECONNREFUSED"),
    ("outcome", zero_is_not_over, "a server listens there: you returned None, not 0"),
    ("outcome", raises_it, r"nobody answers: you raised TimeoutError.*in your line \d+"),
    ("outcome", closes_the_attempt, "a server listens there: you closed the socket that you"),
    ("outcome", sets_a_timeout, "timeout was 0 .*, and you left it at 2.0\nhint: select.. has a"),
    ("outcome", lets_it_wait, "timeout was 0 .*, and you left it at None"),
    ("outcome", waits_a_second, "nobody answers: you had 0.3 s, and took 1"),
    ("outcome", sleeps, "a server listens there: that is clear at once, .*\nhint: select.. ret"),
    ("outcome", true_or_false, "a server listens there: you returned True, not 0"),
    ("outcome", sends_to_find_out, "you sent b'x' to find out, and the server got it: ask the"),
    ("outcome", asks_without_end, "you ask again and again, and keep the proc"),
    ("echo_chamber", sends_a_byte, "and the server got it: ask for addresses"),
    (
        "echo_chamber",
        sends_and_waits,
        r"still busy after 5 s, in your line \d+: return client.recv",
    ),
    ("echo_chamber", compares_ports, "another address, .* and you returned True"),
    ("echo_chamber", compares_hosts, "a server of this machine, and you returned True"),
    ("echo_chamber", lets_the_error_through, r"is not connected, .* raised .*, in your line \d+"),
    (
        "echo_chamber",
        none_for_no,
        "is connected to a server of this machine, and you returned None",
    ),
    ("echo_chamber", tries_to_connect, "a server of this machine, and you returned True"),
    ("echo_chamber", closes_it, "is connected to itself, and you closed it"),
    ("one_friend", cut_off, "sent 65507 bytes, you returned the first 100: what a datagram has"),
    ("one_friend", page_by_page, "sent 65507 bytes, you returned the first 4096"),
    ("one_friend", only_connects, "in place of 'friend 1' you returned what a stranger sent"),
    ("one_friend", only_filters, "you read before the socket was connected to the friend"),
    ("one_friend", compares_the_host, "in place of 'friend 1' you returned what a stranger sent"),
    ("one_friend", compares_the_port, "in place of 'friend 1' you returned what a stranger sent"),
    ("one_friend", empties_the_queue, r"'friend 2' came, and you waited for more.*in your line"),
    ("one_friend", with_its_sender, r"sent b'friend 1', you returned \(b'friend 1', \('127"),
    ("one_friend", closes_me, "you closed the socket that you were given"),
    ("one_friend", another_socket, "'friend 1' came, and you waited for more"),
    ("race", one_after_the_other, "two silent listeners .*: that was clear at once"),
    ("race", the_first_only, r"a closed port and a listener: you raised .* in your line \d+"),
    ("race", the_library, r"still busy after 10 s, in your line \d+: if client.connect_ex"),
    ("race", restarts_the_time, r"you had 1.5 seconds, all in all, and it took 2\.\d"),
    ("race", does_not_ask, "a closed port and a listener: your socket is not connected to it"),
    ("race", leaves_the_others, r"two silent listeners .*: you left 2 of your sockets open"),
    ("race", closes_the_winner, "a listener: you closed the socket that you returned"),
    ("race", returns_the_address, r"returned \('127.0.0.1', \d+\), neither a socket nor None"),
    ("race", says_who_was_slow, r"only closed ports: you raised Timeout.*in your line \d+"),
    ("race", stops_at_the_first_refusal, "you had 0.4 seconds, and gave up sooner"),
    ("race", is_not_patient, "you had 0.4 seconds, and gave up sooner"),
    ("race", always_waits, "only closed ports: that was clear at once"),
    ("race", does_not_wait, "your socket is not connected to it; has SO_ERROR said 0"),
    ("race", races_without_end, "you ask again and again, and keep the processor busy"),
    ("race", calls_without_end, "you ask again and again, and keep the processor busy"),
    ("race", expects_no_error, r"a listener: you raised BlockingIOError.*in your line \d+"),
]
