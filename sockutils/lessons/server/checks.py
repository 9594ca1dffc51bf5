"""The checks of the exercises: a server, a reader of requests, and an end."""

import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from itertools import accumulate

from sockutils.lessons.looking import held, reset, wait_until
from sockutils.lessons.server.clients import PATIENCE, Tested, hear
from sockutils.lessons.server.exam import CHECKS, outcome
from sockutils.peers.peer import background
from sockutils.practice.exercise import exercise


@exercise(
    "server",
    seconds=25,
    hint="A thread for each client may wait as long as it likes. In a loop no call may wait.",
)
def nobody_waits(shout: Callable[[socket.socket], object]) -> None:
    threads, descriptors = threading.active_count(), held()
    for check, trial in CHECKS.items():
        try:
            found = outcome(trial, shout)
        except TimeoutError as error:  # of background()
            found = f"its clients have left, the listener was shut down, and {error}"
        assert found == "works", f"{check}: {found}"
    assert wait_until(lambda: threading.active_count() == threads), "it left a thread running"
    assert not held() - descriptors, "it left a socket open"


BODY = b"Content-Length: 9\r\n\r\nGET /no HTTP/1.1\r\n\r\n"
REQUESTS = [  # the first line, the fields, the body
    (b"GET / HTTP/1.1", b"Host: a\r\n", b""),
    (b"POST /x HTTP/1.1", b"Host: a\r\ncontent-LENGTH:%d\r\n" % len(BODY), BODY),
    (b"POST /y HTTP/1.1", b"X-Content-Length: 7\r\nContent-Length: 0\r\n", b""),
    (b"PUT /z HTTP/1.1", b"Content-Length: 3\r\nX: Content-Length: 5\r\n", b"\r\n\r"),
    (b"GET /end HTTP/1.1", b"", b""),
]
WIRE = [line + b"\r\n" + fields + b"\r\n" + body for line, fields, body in REQUESTS]
STREAM = b"".join(WIRE) + b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhalf"


@exercise(
    "server",
    hint="Keep what has come. While there is a whole head in it, look how long the body is.",
)
def any_pieces(requests: Callable[[Iterable[bytes]], Iterable[tuple[bytes, bytes]]]) -> None:
    for size in (1, len(STREAM), 2, 7, 40):
        waiting = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
        given = iter(requests(map(waiting.pop, [0] * len(waiting))))
        for (line, _, body), end in zip(REQUESTS, accumulate(map(len, WIRE)), strict=True):
            found = tuple(next(given, ()))
            wanted = f"in pieces of {size}: the next request is {(line, body)}"
            assert found == (line, body), f"{wanted}, you gave {found or 'no more'}"
            taken = len(STREAM) - len(b"".join(waiting))
            assert taken < end + size, f"{wanted}, whole after {end} bytes, you took {taken}"
        assert not next(given, ()), f"{len(REQUESTS)} whole requests, you gave one more"


@exercise(
    "server",
    seconds=20,
    hint="Watch both sockets. Once you have to stop: accept until EAGAIN, on a nonblocking socket.",
)
def nobody_turned_away(last_orders: Callable[[socket.socket, socket.socket], object]) -> None:
    for told in (False, True):
        with ExitStack() as stack:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            stop, stopper = map(stack.enter_context, socket.socketpair())
            tested = Tested(listener, background(last_orders, listener, stop), stack)
            clients = [tested.call() for _ in range(4)]
            reset(clients.pop(1))
            if told:
                stopper.send(b"!")
            with tested.server:
                for client in clients:
                    found = in_queue(client)
                    if ") raised" in repr(tested.server):
                        break  # leaving the block raises it, too
                    assert found == "works", found
                else:
                    if not told:
                        assert not tested.returns(), "you returned, and nobody has told you to"
                        stopper.send(b"!")
            assert listener.fileno() == -1, "you returned, and the listener is still open"


def in_queue(client: socket.socket) -> str:
    """Ask as one who was in the queue, beside one that has reset."""
    try:
        client.sendall(b"please\n")
        heard = hear(client)
    except TimeoutError:
        return f"no answer, or no end after it, in {PATIENCE:g} s: do you close the connection?"
    except OSError as error:
        return f"a client that was in the queue was cut off: {error}"
    return "works" if heard == b"PLEASE\n" else f"b'PLEASE\\n' to come, {heard!r} came"
