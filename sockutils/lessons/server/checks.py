"""The checks of the exercises: a server, a reader of requests, and an end."""

import re
import socket
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial, wraps
from itertools import accumulate

from sockutils.calls.counted import counted
from sockutils.lessons.server.busy import Listener
from sockutils.lessons.server.clients import PATIENCE, Tested, all_read, hear
from sockutils.lessons.server.exam import CHECKS, MORE, Trial, no_descriptor, outcome, rests
from sockutils.peers.ends import dangling, link, reset
from sockutils.peers.peer import background
from sockutils.peers.waits import wait_until
from sockutils.practice.exercise import exercise
from sockutils.practice.short import short
from sockutils.tables.descriptors import held


@exercise(
    "server",
    seconds=25,
    hint="A thread for each client may wait as long as it likes. In a loop no call may wait.",
)
def nobody_waits(shout: Callable[[socket.socket], object]) -> None:
    threads, descriptors = {*threading.enumerate()}, held()
    ports, calls = [], Counter[str]()
    more: dict[str, Trial] = {**MORE, "a moment of silence": partial(rests, calls)}
    more["no descriptor left"] = partial(no_descriptor, calls)

    @wraps(shout)
    def served(server: socket.socket) -> object:
        ports.append(server.getsockname()[1])
        with counted(calls):
            return shout(server)

    with python_closes() as left:
        for check, trial in [*CHECKS.items(), *more.items()]:
            try:
                found = outcome(trial, served)
            except TimeoutError as error:  # of background()
                found = f"its clients have left, the listener was shut down, and {error}"
            assert found == "works", f"{check}: {found}{ADVICE.get(check, '')}"
    assert wait_until(lambda: not {*threading.enumerate()} - threads), "it left a thread running"
    assert not held() - descriptors, "it left a socket open: close each connection at its end"
    assert not left & {*ports}, "you left it to Python to close a connection: use with, or close()"


@contextmanager
def python_closes() -> Iterator[set[int]]:
    """The ports of the sockets that nobody closed, so that Python did, by the end of the block."""
    left: set[int] = set()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", ResourceWarning)
        try:
            yield left
        finally:
            found = re.findall(r"laddr=\('127.0.0.1', (\d+)\)", str([one.message for one in said]))
            left.update(map(int, found))


WAITS = ". Which call waits for one client, while another one needs you?"
ADVICE = {
    "after three resets": ". A reset raises in recv() or send(): let it end that client only",
    "stops": ". Those who are there are served until they leave",
    "half-close": ". b'' says that it sends no more; it still reads",
    "ten at once": WAITS,
    "beside a silent one": WAITS,
    "beside one that reads nothing": ". Does a sendall() wait for it, or do you keep too much?",
    "a piece of a line": ". Answer what comes, and wait for no end of a line",
    "beside a fast one": ". After a recv() or two the others should have their turn",
    "no descriptor left": ". accept() may fail with EMFILE: wait a moment, and try again",
}


BODY = b"Content-Length: 9\r\n\r\nGET /no HTTP/1.1\r\n\r\n\xff"
REQUESTS = [  # the first line, the fields, the body
    (b"GET / HTTP/1.1", b"Host: a\r\n", b""),
    (b"POST /x HTTP/1.1", b"Host: a\r\ncontent-LENGTH:%d\r\n" % len(BODY), BODY),
    (b"POST /y HTTP/1.1", b"X-Content-Length: 7\r\nContent-Length: 0\r\n", b""),
    (b"PUT /z HTTP/1.1", b"Content-Length: 3\r\nX: Content-Length: 5\r\n", b"\r\n\r"),
    (b"GET /end HTTP/1.1", b"", b""),
]
ABOUT = (  # what is easily taken for something else
    "",
    ". Names of fields may be written in any way; the body may look like a request",
    ". X-Content-Length is another field",
    ". The name of a field is what stands before the first colon",
    "",
)
WIRE = [line + b"\r\n" + fields + b"\r\n" + body for line, fields, body in REQUESTS]
STREAM = b"".join(WIRE) + b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhalf"


@exercise(
    "server",
    hint={
        "UnicodeDecode": "a body is bytes, and Content-Length counts them: decode the head at most",
        "": "Keep what has come. While there is a whole head in it, look how long the body is.",
    },
)
def any_pieces(requests: Callable[[Iterable[bytes]], Iterable[tuple[bytes, bytes]]]) -> None:
    for size in (1, len(STREAM), 2, 7, 40):
        waiting = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
        answer = requests(map(waiting.pop, [0] * len(waiting)))
        assert isinstance(answer, Iterable), f"you return {short(answer)}: yield each request"
        given = iter(answer)
        ends = accumulate(map(len, WIRE))
        for (line, _, body), end, about in zip(REQUESTS, ends, ABOUT, strict=True):
            found = next(given, None)
            wanted = f"in pieces of {size}: the next request is {(line, body)}"
            told = f"you gave {'no more' if found is None else short(found)}{about}"
            assert isinstance(found, tuple), f"{wanted}, a pair; {told}"
            assert found == (line, body), f"{wanted}, {told}"
            taken = len(STREAM) - len(b"".join(waiting))
            assert taken < end + size, f"{wanted}, whole after {end} bytes, you took {taken}"
        more = next(given, None)
        assert more is None, f"{len(REQUESTS)} whole requests, and half a one; you gave {more}, too"


@exercise(
    "server",
    seconds=20,
    hint="Watch both sockets. Once you have to stop: accept until EAGAIN, on a nonblocking socket.",
)
def nobody_turned_away(last_orders: Callable[[socket.socket, socket.socket], object]) -> None:
    for told in ("later", "before", "at the same time"):
        with ExitStack() as stack, python_closes() as left:
            listener = stack.enter_context(Listener(socket.create_server(("127.0.0.1", 0))))
            stop, stopper = map(stack.enter_context, socket.socketpair())
            server = background(last_orders, listener, stop, patience=PATIENCE)
            tested = Tested(listener, server, stack)
            name, port = link(listener), listener.getsockname()[1]
            clients = [tested.call() for _ in range(5)]
            reset(clients.pop(1))
            asks_and_resets(clients.pop(1))
            late: list[socket.socket] = []
            if told == "before":
                stopper.send(b"!")
            elif told == "at the same time":
                listener.idle = partial(one_more, tested, late, stopper)
            try:
                with server:
                    for client in clients:
                        found = in_queue(client, port)
                        if ") raised" in repr(server):
                            break  # leaving the block raises it, too
                        assert found == "works", found
                    else:
                        told_to_stop(tested, port, stopper, told, late)
            except TimeoutError as error:
                raise AssertionError(f"nobody waits, stop is readable, and {error}") from None
            assert not dangling(listener, name), "close the listener by its close()"
            assert listener.fileno() == -1, "you returned, and the listener is still open: close it"
        assert port not in left, "you left it to Python to close a connection: use with, or close()"


def asks_and_resets(client: socket.socket) -> None:
    """After its half-close a reset is EPIPE, from the send() of the answer, not ECONNRESET."""
    with suppress(OSError):  # it may have been served by now
        client.sendall(b"for nobody\n")
        client.shutdown(socket.SHUT_WR)
    reset(client)


def told_to_stop(
    tested: Tested, port: int, stopper: socket.socket, told: str, late: list[socket.socket]
) -> None:
    """When nobody waits any more, tell the server to stop, if that has not yet been done."""
    if told == "later":
        assert not tested.returns(), "you returned, and nobody has told you to"
        stopper.send(b"!")
    elif told == "at the same time":
        if not wait_until(lambda: late, 0.2):  # it asks select() first
            assert not tested.returns(), "you returned, and nobody has told you to"
            one_more(tested, late, stopper)
        found = in_queue(late[0], port)
        assert found == "works", f"one came at the same time as the stop: {found}"


def one_more(tested: Tested, late: list[socket.socket], stopper: socket.socket) -> None:
    client = tested.call()
    stopper.send(b"!")
    late.append(client)


DRAIN = "Accept until EAGAIN before you close"


def in_queue(client: socket.socket, port: int) -> str:
    """Ask as one who was in the queue, beside one that has reset."""
    try:
        client.sendall(b"ple")
        wait_until(lambda: all_read(port), 1)
        with suppress(BrokenPipeError, ConnectionResetError):  # what has come tells more
            client.sendall(b"ase\n")
        heard = hear(client)
    except TimeoutError:
        return f"no answer, or no end after it, in {PATIENCE:g} s: do you close the connection?"
    except OSError as error:
        return f"a client that was in the queue was cut off: {error}. {DRAIN}"
    if heard == b"PLEASE\n":
        return "works"
    if not heard:
        return f"a client that was in the queue got no answer. {DRAIN}"
    return f"b'PLEASE\\n' to come, {heard!r} came: a line ends with b'\\n', and may come in pieces"
