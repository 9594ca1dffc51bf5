"""Wrong answers to the exercises of 00_start_here.ipynb."""

import random
import socket

kept = []
HOST = "127.0.0.1"


def never_closes(address):
    client = socket.create_connection(address)
    client.sendall(b"hello")
    return client.recv(100)


def keeps_it_open(address):
    kept[:] = [socket.create_connection(address)]
    kept[0].sendall(b"hello")
    return kept[0].recv(100)


def says_nothing(address):
    with socket.create_connection(address) as client:
        return client.recv(100)


def hangs_up(address):
    socket.create_connection(address).close()


def does_not_call(address):
    return b"hello, you"


def asks_for_too_little(address):
    with socket.create_connection(address) as client:
        client.sendall(b"hello")
        return client.recv(3)


def reads_to_the_end(address):
    answer = b""
    with socket.create_connection(address) as client:
        client.sendall(b"hello")
        while part := client.recv(100):
            answer += part
    return answer


def sends_text(address):
    with socket.create_connection(address) as client:
        client.sendall("hello")
        return client.recv(100)


def sends_a_line(address):
    with socket.create_connection(address) as client:
        client.sendall(b"hello\n")
        return client.recv(100)


def prints_it(address):
    with socket.create_connection(address) as client:
        client.sendall(b"hello")
        print(client.recv(100))


def knows_the_answer(address):
    with socket.create_connection(address) as client:
        client.sendall(b"hello")
        client.recv(100)
    return b"hello, you"


def returns_text(address):
    with socket.create_connection(address) as client:
        client.sendall(b"hello")
        return client.recv(100).decode()


def closes_too_early(address):
    client = socket.create_connection(address)
    client.sendall(b"hello")
    client.close()
    return client.recv(100)


def binds_to_it(address):
    with socket.socket() as client:
        client.bind(address)
        client.sendall(b"hello")
        return client.recv(100)


def calls_where_nobody_listens(address):
    with socket.create_connection((HOST, 5010)) as client:
        client.sendall(b"hello")
        return client.recv(100)


def is_not_connected(address):
    with socket.socket() as client:
        client.sendall(b"hello")
        return client.recv(100)


def calls_with_two(address):
    with socket.socket() as client:
        client.connect(*address)
        client.sendall(b"hello")
        return client.recv(100)


def takes_nothing():
    return b"hello, you"


def a_pair(tcp_port, udp_port, host=HOST):
    tcp, udp = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
    tcp.bind((host, tcp_port))
    udp.bind((host, udp_port))
    return tcp, udp


def fixed_port():
    return a_pair(5000, 5000)


def the_first_free_one():
    for port in range(5000, 5100):
        try:
            return a_pair(port, port)
        except OSError:
            pass


def a_random_one():
    port = random.randint(49152, 65535)
    return a_pair(port, port)


def two_ports():
    return a_pair(0, 0)


def one_unbound():
    tcp = socket.socket()
    tcp.bind((HOST, 0))
    return tcp, socket.socket(type=socket.SOCK_DGRAM)


def both_unbound():
    return socket.socket(), socket.socket(type=socket.SOCK_DGRAM)


def everywhere():
    tcp = socket.socket()
    tcp.bind(("", 0))
    return tcp, a_pair(0, tcp.getsockname()[1], "")[1]


def swapped():
    tcp, udp = a_pair(0, 0)
    return udp, tcp


def closed_already():
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind((HOST, 0))
        udp.bind(tcp.getsockname())
        return tcp, udp


def only_one():
    return a_pair(0, 0)[0]


def both_tcp():
    tcp, udp = socket.socket(), socket.socket()
    with tcp, udp:
        tcp.bind((HOST, 0))
        udp.bind(tcp.getsockname())


def host_twice():
    tcp, udp = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
    with tcp, udp:
        tcp.bind((HOST, 0))
        udp.bind((HOST, tcp.getsockname()))


def ports():
    tcp, udp = a_pair(0, 0)
    with tcp, udp:
        return tcp.getsockname(), udp.getsockname()


def always_tcp(connected):
    return 6, *connected.getsockname(), *connected.getpeername()


def what_was_asked_for(connected):
    return connected.proto, *connected.getsockname(), *connected.getpeername()


def the_type(connected):
    kind = connected.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
    return kind, *connected.getsockname(), *connected.getpeername()


def protocol(connected):
    return connected.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL)


def ends_swapped(connected):
    return protocol(connected), *connected.getpeername(), *connected.getsockname()


def three_parts(connected):
    return protocol(connected), connected.getsockname(), connected.getpeername()


def a_list(connected):
    return [protocol(connected), *connected.getsockname(), *connected.getpeername()]


def closes_it(connected):
    with connected:
        return protocol(connected), *connected.getsockname(), *connected.getpeername()


WRONG = [
    ("greeting", never_closes, "your code never closes its socket"),
    ("greeting", keeps_it_open, r"your socket is still open: close\(\) it(.|\n)*hint: `with"),
    ("greeting", says_nothing, "without a word: send b'hello'(.|\n)*hint: client.sendall"),
    ("greeting", hangs_up, "without a word: send b'hello'"),
    (
        "greeting",
        does_not_call,
        "nobody connected: use the address(.|\n)*hint: .*create_connection",
    ),
    (
        "greeting",
        asks_for_too_little,
        r"you returned b'hel', its beginning: recv\(\) takes no more",
    ),
    ("greeting", reads_to_the_end, r"waited for you to close: one recv\(\) is enough"),
    ("greeting", sends_text, r"TypeError: .*, in your line \d+: client.sendall\(\"hello\"\)"),
    ("greeting", sends_a_line, r"the server got b'hello\\n', not b'hello'"),
    ("greeting", prints_it, "the server answered b'hello, you', you returned None"),
    ("greeting", knows_the_answer, r"answered b'who is there\?', you returned b'hello, you'"),
    ("greeting", returns_text, "answered b'hello, you', you returned 'hello, you'"),
    ("greeting", closes_too_early, r"Bad file descriptor, in your line \d+: return client.recv"),
    ("greeting", binds_to_it, r"Address already in use, in your line(.|\n)*hint: .*connect\(\)"),
    (
        "greeting",
        is_not_connected,
        r"Broken pipe, in your line(.|\n)*hint: connect\(\) comes before sendall",
    ),
    ("greeting", calls_where_nobody_listens, "refused, in your line(.|\n)*hint: .*`address`"),
    ("greeting", calls_with_two, r"exactly one argument(.|\n)*hint: an address is one thing"),
    ("greeting", takes_nothing, "the check calls it with other arguments"),
    ("twins", fixed_port, r"fails while the first is open \(.*\): let the kernel choose"),
    ("twins", the_first_free_one, "you chose port 5000 yourself: .* ask for port 0"),
    ("twins", a_random_one, r"you chose port \d+ yourself: .* ask for port 0"),
    ("twins", two_ports, r"the ports \d+ and \d+: bind the second to the port of the first"),
    ("twins", one_unbound, "the UDP socket is not bound to a port"),
    ("twins", both_unbound, "the TCP socket is not bound to a port"),
    ("twins", everywhere, "they have the addresses 0.0.0.0, 0.0.0.0(.|\n)*hint: .*127.0.0.1"),
    ("twins", swapped, "SOCK_DGRAM.*, .*SOCK_STREAM.*: TCP, then UDP"),
    ("twins", closed_already, "a socket is closed already: return it open"),
    ("twins", both_tcp, r"already in use, in your line(.|\n)*hint: .*SOCK_DGRAM"),
    ("twins", host_twice, r"'tuple' object(.|\n)*hint: .*bind\(tcp.getsockname\(\)\)"),
    ("twins", only_one, "not two sockets"),
    ("twins", ports, r"it returned \(\('127.0.0.1', \d+\), .*, not two sockets"),
    ("five_tuple", always_tcp, "its protocol is 17, you returned 6"),
    ("five_tuple", what_was_asked_for, "its protocol is 6, you returned 0"),
    ("five_tuple", the_type, "its protocol is 6, you returned 1"),
    ("five_tuple", ends_swapped, r"its local port is \d+, you returned \d+"),
    ("five_tuple", three_parts, "not one tuple of five"),
    ("five_tuple", a_list, "not one tuple of five"),
    ("five_tuple", closes_it, "you closed the socket that you were given"),
]
