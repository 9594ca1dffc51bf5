"""Four kinds of sockets, each as two that are connected to one another."""

import socket
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

Pair = tuple[socket.socket, socket.socket]
LEFT = range(1, 100)  # of 1000 datagrams, in a buffer of 10,000 bytes: 24 or 26, by the kernel


def tcp() -> Pair:
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as stack:
        a = stack.enter_context(socket.create_connection(listener.getsockname()))
        b, _ = listener.accept()
        stack.pop_all()  # they stay open
        return a, b


def udp() -> Pair:
    """On UDP, connect() sends nothing: it sets whom send() writes to, and whom alone it hears."""
    with ExitStack() as stack:
        a, b = (stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in range(2))
        a.bind(("127.0.0.1", 0))
        b.bind(("127.0.0.1", 0))
        a.connect(b.getsockname())
        b.connect(a.getsockname())
        stack.pop_all()
        return a, b


KINDS: dict[str, Callable[[], Pair]] = {
    "TCP": tcp,
    "UDP": udp,
    "AF_UNIX, datagram": partial(socket.socketpair, socket.AF_UNIX, socket.SOCK_DGRAM),
    "AF_UNIX, seqpacket": partial(socket.socketpair, socket.AF_UNIX, socket.SOCK_SEQPACKET),
}


def compare(test: Callable[[socket.socket, socket.socket], object]) -> None:
    """Print, for each kind, what the function returns for two such sockets."""
    for name, pair in KINDS.items():
        a, b = pair()
        with a, b:
            print(f"{name:18}", test(a, b))
