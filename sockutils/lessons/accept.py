"""04_accept.ipynb: what stands around its calls, its exercises' checks, and its panel's picture."""

import os
import resource
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from sockutils.peers import background
from sockutils.picture import CLIENT, FAINT, OTHER, SERVER, SIZE, Picture, canvas
from sockutils.practice import exercise
from sockutils.tables import sockets
from sockutils.trace import trace

ANY = ("127.0.0.1", 0)


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    """Lower this process's limit (RLIMIT_NOFILE) to what it has open, for a block.

    Numbers that are free in between are used up, so each one that the block closes is the only one.
    """
    _let_ipython_save()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(map(int, os.listdir("/proc/self/fd")))
    with ExitStack() as fillers:
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
        fillers.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        with suppress(OSError):  # EMFILE, when the last one is in use
            while True:
                fillers.enter_context(open(os.devnull, "rb", buffering=0))
        yield


def _let_ipython_save() -> None:
    # A thread of IPython's writes the cell into a file, and would find no descriptor either.
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell and shell.history_manager:
        shell.history_manager.writeout_cache()


def wait_for_accept(listener: socket.socket, threads: int) -> None:
    """Return when so many threads of this process wait in accept() on the listener.

    Raises TimeoutError after five seconds. proc(5): a thread's `syscall` begins with the call's
    number and its first argument.
    """
    until = time.monotonic() + 5
    while _inside(listener.fileno()) < threads:
        if time.monotonic() > until:
            raise TimeoutError(f"fewer than {threads} threads wait in accept()")
        select.select([], [], [], 0.01)


def _inside(descriptor: int) -> int:
    inside = 0
    for path in Path("/proc/self/task").glob("*/syscall"):
        with suppress(FileNotFoundError, ProcessLookupError):  # that thread has just ended
            inside += path.read_text().split()[1:2] == [hex(descriptor)]
    return inside


@exercise("accept", hint="The table of sockets tells how many wait; or do not let accept() block.")
def take_all(take: Callable[[socket.socket], list[socket.socket]]) -> None:
    for number in (3, 0, 5):
        with ExitStack() as stack:
            listener = stack.enter_context(socket.create_server(ANY))
            for _ in range(number):
                stack.enter_context(socket.create_connection(listener.getsockname()))
            while in_queue(listener.getsockname()[1]) < number:
                select.select([], [], [], 0.01)
            taken = take(listener)
            assert isinstance(taken, list), f"it returned {taken!r}, not a list"
            for connection in taken:
                assert isinstance(connection, socket.socket), f"the list holds {connection!r}"
                stack.enter_context(connection)
            assert len(taken) == number, f"{number} clients waited, you took {len(taken)}"
            assert listener.gettimeout() is None, "afterwards the listener does not block any more"
            for connection in taken:
                assert os.get_blocking(connection.fileno()), "a socket you returned does not block"


@exercise("accept", hint="Which call fails with ENOTCONN on a connection that was reset?")
def living(accept_living: Callable[[socket.socket], socket.socket]) -> None:
    for dead in (2, 0, 1):
        with ExitStack() as stack:
            _find_the_living(accept_living, dead, stack)


def _find_the_living(
    accept_living: Callable[[socket.socket], socket.socket], dead: int, stack: ExitStack
) -> None:
    listener = stack.enter_context(socket.create_server(ANY))
    for _ in range(dead):
        client = socket.create_connection(listener.getsockname())
        client.sendall(b"early")
        reset(client)
    client = stack.enter_context(socket.create_connection(listener.getsockname()))
    last = stack.enter_context(socket.create_connection(listener.getsockname()))

    with trace() as calls:  # it notes only sockets that are made in the block: hence the copy
        found = accept_living(stack.enter_context(listener.dup()))
    assert isinstance(found, socket.socket), f"it returned {found!r}, not a socket"
    stack.enter_context(found)
    try:
        peer = found.getpeername()
    except OSError:
        raise AssertionError("you returned a connection that its client has reset") from None
    assert peer != last.getsockname(), "you passed over a living client"
    assert peer == client.getsockname(), "you returned another socket than the client's"
    ends = [lane for name, lane in calls.lanes().items() if name.startswith("server")]
    closed = sum(any(call.name == "close" for call in lane) for lane in ends)
    assert closed == dead, f"{dead} connections were dead, you closed {closed}"
    client.sendall(b"!")
    assert found.recv(1) == b"!", "the living client's first byte is gone"


@exercise("accept", hint="close() leaves a waiting accept() where it is. What wakes it?")
def stop_all(stop: Callable[[socket.socket], object]) -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(ANY))
        address = listener.getsockname()
        handle = stack.enter_context(listener.dup())  # to end it all, whatever was done
        peers = [stack.enter_context(background(serve, listener)) for _ in range(3)]
        try:
            wait_for_accept(listener, 3)
            stop(listener)
            until = time.monotonic() + 1
            while (woken := sum(bool(peer.result) for peer in peers)) < 3:
                if time.monotonic() > until:
                    break
                select.select([], [], [], 0.01)
        finally:
            with suppress(OSError):  # ENOTCONN: it does not listen any more
                handle.shutdown(socket.SHUT_RDWR)
        assert woken == 3, f"3 threads waited in accept(), {woken} of them ended"
        assert listener.fileno() == -1, "the listener is still open"
        with socket.socket() as late:
            assert late.connect_ex(address), "a client can still connect"


def serve(listener: socket.socket) -> str:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return "ended"
        connection.close()


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def in_queue(port: int) -> int:
    """Return how many clients wait in the accept queue of the listener on that port."""
    waiting = sockets(port=port)[0].accept_queue
    assert waiting is not None, "nobody listens on that port"
    return waiting


def draw_load(waiting: Sequence[int], outside: Sequence[int], backlog: int) -> Picture:
    """Draw the accept queue after each step, and how many stayed outside in it."""
    steps = range(1, len(waiting) + 1)
    places = backlog + 1
    top = max(places, *waiting) + 0.5
    figure, axes = canvas(height=4.6)
    axes.bar(steps, waiting, color=SERVER, width=0.7)
    axes.axhline(places, color=OTHER, linestyle="--", linewidth=2)
    row = top * 1.22
    for step, length, lost in zip(steps, waiting, outside, strict=True):
        number = axes.text(step, length, f"{length}", size=SIZE, ha="center", color=SERVER)
        number.set(va="bottom", bbox={"facecolor": "white", "edgecolor": "none", "pad": 0})
        axes.plot(step, row, "o", color=CLIENT if lost else FAINT, markersize=28)
        ink = "white" if lost else "black"
        axes.text(step, row, f"{lost}", size=SIZE, ha="center", va="center", color=ink)
    axes.text(0.1, row, "outside", color=CLIENT, size=SIZE, va="center", ha="right")
    axes.text(len(waiting) + 0.6, places, "full", color=OTHER, size=SIZE, va="center")
    axes.set(xlim=(0.4, len(waiting) + 0.5), ylim=(0, top * 1.4), xlabel="step", xticks=list(steps))
    axes.set_yticks(range(0, places + 1, max(1, places // 4)))
    axes.set_ylabel("in the queue", color=SERVER)
    axes.spines["left"].set_bounds(0, places)
    return Picture(figure, _load_text(waiting, outside, places))


def _load_text(waiting: Sequence[int], outside: Sequence[int], places: int) -> str:
    rows = {
        "step": range(1, len(waiting) + 1),
        "in the queue": waiting,
        "left outside": outside,
    }
    lines = [f"{name:<13}" + "".join(f"{value:>4}" for value in rows[name]) for name in rows]
    return "\n".join([*lines, f"the queue is full at {places}"])
