"""Wrong answers to the exercises with bind(), in the lesson and in depth."""

import errno
import os
import socket
import stat
import struct

from sockutils import sockets
from sockutils.kernel.network import has_ipv6

REUSE = socket.SO_REUSEADDR


def pack(host, port, family="=H", number="!H"):
    head = struct.pack(family, socket.AF_INET) + struct.pack(number, port)
    return head + socket.inet_aton(host) + bytes(8)


def network_family(host, port):
    return pack(host, port, family="!H")


def native_port(host, port):
    return pack(host, port, number="=H")


def turned_address(host, port):
    made = pack(host, port)
    return made[:4] + made[7:3:-1] + made[8:]


def fixed_host(host, port):
    return pack("127.0.0.1", port)


def fixed_port(host, port):
    return pack(host, 5001)


def eight_bytes(host, port):
    return pack(host, port)[:8]


def text_of_host(host, port):
    return struct.pack("=HH4s8x", socket.AF_INET, socket.htons(port), host.encode())


def as_pair(host, port):
    return host, port


def length_in_zero(host, port):
    return pack(host, port)[:8] + bytes(7) + b"\x10"


def ipv6_family(host, port):
    return struct.pack("=H", socket.AF_INET6) + pack(host, port)[2:]


def forgets_the_option(address):
    server = socket.socket()
    server.bind(address)
    server.listen()
    return server


def option_too_late(address):
    server = socket.socket()
    server.bind(address)
    server.setsockopt(socket.SOL_SOCKET, REUSE, 1)
    server.listen()
    return server


def opened(address, option=REUSE):
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, option, 1)
    server.bind(address)
    server.listen()
    return server


def shares_the_port(address):
    return opened(address, socket.SO_REUSEPORT)


def does_not_listen(address):
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, REUSE, 1)
    server.bind(address)
    return server


def library_function(address):
    return socket.create_server(address)


def everywhere(address):
    return opened(("", address[1]))


def another_port(address):
    try:
        return forgets_the_option(address)
    except OSError:
        return opened((address[0], 0))


def none_if_it_fails(address):
    try:
        return opened(address)
    except OSError:
        return None


def shares_after_a_look(address):
    with socket.socket() as probe:
        if not probe.connect_ex(address):
            raise OSError(errno.EADDRINUSE, "somebody is there")
    return shares_the_port(address)


def another_error(address):
    try:
        return opened(address)
    except OSError:
        raise ConnectionError("somebody is there") from None


def closed_server(address):
    with opened(address) as server:
        return server


def tries_until_it_works(address):
    while True:
        try:
            return opened(address)
        except OSError:
            pass


def bound(path):
    server = socket.socket(socket.AF_UNIX)
    try:
        server.bind(path)
        server.listen()
    except OSError:
        server.close()
        raise
    return server


def deletes_nothing(path):
    return bound(path)


def always_deletes(path):
    os.unlink(path)
    return bound(path)


def deletes_what_is_there(path):
    if os.path.exists(path):
        os.unlink(path)
    return bound(path)


def deletes_sockets(path):
    if os.path.exists(path) and stat.S_ISSOCK(os.lstat(path).st_mode):
        os.unlink(path)
    return bound(path)


def answers(path, blocking=False):
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(blocking)
        return probe.connect_ex(path)


def no_look_at_the_file(path):
    if os.path.exists(path) and answers(path) == errno.ECONNREFUSED:
        os.unlink(path)
    return bound(path)


def is_socket(path):
    return os.path.exists(path) and stat.S_ISSOCK(os.lstat(path).st_mode)


def only_success_is_life(path):
    if is_socket(path) and answers(path) != 0:
        os.unlink(path)
    return bound(path)


def busy_is_dead(path):
    if is_socket(path) and answers(path) in (errno.ECONNREFUSED, errno.EAGAIN):
        os.unlink(path)
    return bound(path)


def waits_for_the_busy(path):
    if is_socket(path) and answers(path, blocking=True) == errno.ECONNREFUSED:
        os.unlink(path)
    return bound(path)


def follows_links(path):
    at_its_end = os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode)
    if at_its_end and answers(path) == errno.ECONNREFUSED:
        os.unlink(path)
    return bound(path)


def three_signs_of_life(path):
    if is_socket(path) and answers(path) not in (0, errno.EAGAIN, errno.EPROTOTYPE):
        os.unlink(path)
    return bound(path)


def raises_its_own(path):
    if is_socket(path) and answers(path) != errno.ECONNREFUSED:
        raise FileExistsError(errno.EEXIST, "a server lives there")
    if is_socket(path):
        os.unlink(path)
    return bound(path)


def raises_a_bare_one(path):
    if is_socket(path) and answers(path) != errno.ECONNREFUSED:
        raise OSError
    if is_socket(path):
        os.unlink(path)
    return bound(path)


def returns_none(path):
    if is_socket(path) and answers(path) == errno.ECONNREFUSED:
        os.unlink(path)
    try:
        return bound(path)
    except OSError:
        return None


def path_that_does_not_listen(path):
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    return server


def takes_datagrams(path):
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind(path)
    return server


def holders_of(rows):
    return {holder.pid for row in rows for holder in row.holders}


def every_row(port):
    return holders_of(sockets(port=port, holders=True))


def every_listener(port):
    return holders_of(row for row in sockets(holders=True) if row.state == "LISTEN")


def not_connected(port):
    rows = sockets(port=port, holders=True)
    return holders_of(row for row in rows if row.state not in ("ESTAB", "CLOSE-WAIT"))


def first_row(port):
    return {holder.pid for holder in sockets(port=port, holders=True)[0].holders}


def one_of_them(port):
    return set(sorted(listening(port))[:1])


def listening(port):
    return holders_of(row for row in sockets(port=port, holders=True) if row.state == "LISTEN")


def first_listener(port):
    for row in sockets(port=port, holders=True):
        if row.state == "LISTEN":
            return {holder.pid for holder in row.holders}
    return set()


def at(port, wanted):
    rows = sockets(port=port, holders=True)
    return holders_of(row for row in rows if row.state == "LISTEN" and wanted(row.local[0]))


def on_localhost(port):
    return at(port, lambda host: host == "127.0.0.1")


def on_ipv4(port):
    return at(port, lambda host: ":" not in host)


def only_me(port):
    return {os.getpid()}


def without_me(port):
    return listening(port) - {os.getpid()}


def without_holders(port):
    return holders_of(row for row in sockets(port=port) if row.state == "LISTEN")


def names_of_programs(port):
    rows = sockets(port=port, holders=True)
    return {holder.program for row in rows if row.state == "LISTEN" for holder in row.holders}


def brackets(port):
    rows = sockets(port=port, holders=True)
    return holders_of(row for row in rows if row["state"] == "LISTEN")


def list_of_pids(port):
    return sorted(listening(port))


def table(port):
    return sockets(port=port, holders=True)


def shows_them(port):
    print(listening(port))


WRONG = [
    ("who_has_it", every_row, "two children listen, you are a client: .* has 1 of them too many"),
    ("who_has_it", every_listener, "a client's port: that makes 0 pids, and your set has 2"),
    ("who_has_it", not_connected, "only a UDP socket has this number: .* 0 pids, .* 1 of them too"),
    ("who_has_it", first_row, "this is a client's port.* your set has|IndexError: .*in your line"),
    ("who_has_it", one_of_them, "process and two children hold .* 3 pids, .* lacks 2 of them"),
    ("who_has_it", first_listener, r"on 127.1.2.3: that makes 2 pids, and your set lacks 1 of"),
    ("who_has_it", on_localhost, r"on 127.1.2.3: that makes 2 pids, and your set lacks 1 of them"),
    ("who_has_it", only_me, "this process and two children .* lacks 2 of them"),
    ("who_has_it", without_me, "this process alone listens: .* 1 pid, and your set lacks 1 of"),
    ("who_has_it", without_holders, r"'NoneType' object is not iterable, in your line \d+"),
    ("who_has_it", names_of_programs, "there is .'.*'. in your set, not a pid"),
    ("who_has_it", brackets, r"indices must be integers.*\nhint: row.state and holder.pid, with a"),
    ("who_has_it", list_of_pids, r"it returned \[\d+\], not a set"),
    ("who_has_it", table, r"it returned protocol .*, not a set"),
    ("who_has_it", shows_them, "it returned None, not a set"),
    ("sixteen_bytes", network_family, "the family, AF_INET .*: they are in the other order"),
    ("sixteen_bytes", native_port, r"the port \d+ in network order, is .*: they are in the other"),
    ("sixteen_bytes", turned_address, "the address 127.0.0.2 .* you have 02 00 00 7f: they are"),
    ("sixteen_bytes", fixed_host, "the address 127.0.0.2 .* is 7f 00 00 02, you have 7f 00 00 01"),
    ("sixteen_bytes", fixed_port, r"the port \d+ in network order, is .*, you have 13 89"),
    ("sixteen_bytes", eight_bytes, "it returned 8 bytes, not 16"),
    ("sixteen_bytes", text_of_host, "the address 127.0.0.2 .* is 7f 00 00 02, you have 31 32 37"),
    ("sixteen_bytes", as_pair, r"it returned \('127.0.0.2', \d+\), not bytes"),
    ("sixteen_bytes", length_in_zero, "sin_zero, all zeros, is 00 .*, you have 00 .* 10"),
    ("sixteen_bytes", ipv6_family, "the family, AF_INET .* you have (0a 00|00 0a)"),
    ("same_port_again", forgets_the_option, r"left a connection in TIME_WAIT.*in your line \d+"),
    ("same_port_again", option_too_late, r"set before bind\(\); the .*, in your line \d+: server"),
    ("same_port_again", shares_the_port, "two living servers have one port.* SO_REUSEPORT"),
    ("same_port_again", shares_after_a_look, "it has SO_REUSEPORT: two that start at the same"),
    ("same_port_again", does_not_listen, "it returned a socket that does not listen"),
    ("same_port_again", library_function, r"write out what create_server\(\) does"),
    ("same_port_again", everywhere, r"asked to listen on 127.0.0.1, .* \('0.0.0.0', \d+\)"),
    ("same_port_again", another_port, r"the second start was to listen on .*, it listens on"),
    ("same_port_again", none_if_it_fails, r"a second start returned None: raise the OSError"),
    ("same_port_again", another_error, "a second start raised ConnectionError"),
    ("same_port_again", closed_server, "it returned a socket that is closed already"),
    ("same_port_again", tries_until_it_works, r"still busy after 5 s, in your line \d+"),
    ("path_again", deletes_nothing, r"the path of a dead server it failed: .*, in your line \d+"),
    ("path_again", always_deletes, r"at a new path it failed: .*in your line \d+: os.unlink"),
    ("path_again", deletes_what_is_there, "a server lives at this path, and you took it away"),
    ("path_again", deletes_sockets, "a server lives at this path, and you took it away"),
    ("path_again", no_look_at_the_file, "at this path was a file with data, and you deleted it"),
    ("path_again", only_success_is_life, "lives at this path, for datagrams, and you took it"),
    ("path_again", follows_links, "a symbolic link, no socket, and you deleted it"),
    ("path_again", three_signs_of_life, "which you may not connect to, and you took it away"),
    ("path_again", busy_is_dead, "too busy to answer, and you took it away"),
    ("path_again", waits_for_the_busy, r"still busy after 5 s, in your line \d+: return probe"),
    ("path_again", raises_its_own, "a server lives at this path, and your function raised EEXIST"),
    ("path_again", raises_a_bare_one, r"lives at this path, and your function raised OSError\(\)"),
    ("path_again", returns_none, r"function returned None: raise the OSError of bind\(\)"),
    ("path_again", path_that_does_not_listen, "at a new path it returned .* does not listen"),
    ("path_again", takes_datagrams, "at a new path it returned a SOCK_DGRAM socket"),
]
if has_ipv6():
    WRONG += [("who_has_it", on_ipv4, "on ::1: that makes 3 pids, and your set lacks 1 of them")]
