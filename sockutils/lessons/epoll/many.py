"""Many sockets at once, and four threads that share the clients of a listener."""

import fcntl
import resource
import select
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from sockutils.peers.peer import background
from sockutils.peers.waits import wait_for_threads
from sockutils.tables.descriptors import no_descriptor

CLIENTS = 200
FEWEST, OTHERS = 100, 200  # idle sockets; descriptors that the process has besides
Loop = Callable[[select.epoll, socket.socket, socket.socket], int]


@contextmanager
def crowd(number: int) -> Iterator[tuple[list[int], int]]:
    """So many idle sockets, and one with a byte to read, as numbers of descriptors.

    The soft limit of descriptors is raised for the block; where the hard one is too low there are
    fewer sockets, and that is printed. OSError: EMFILE for fewer than a hundred.
    """
    soft, hard = limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    room = number if hard == resource.RLIM_INFINITY else hard - OTHERS
    if room < FEWEST:
        raise no_descriptor(FEWEST + OTHERS, hard)
    if room < number:
        print(f"the hard limit is {hard}: {room} descriptors instead of {number}")
    if 0 <= soft < number + OTHERS:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(number, room) + OTHERS, hard))
    try:
        with ExitStack() as stack:
            busy, talker = map(stack.enter_context, socket.socketpair())
            talker.send(b"!")
            idle: list[int] = []
            for _ in range(min(number, room) // 2):
                pair = map(stack.enter_context, socket.socketpair())
                idle.extend(end.fileno() for end in pair)
            yield idle, busy.fileno()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def sizes(idle: Sequence[int]) -> list[int]:
    """Ten, a hundred and so on, up to all of them."""
    return [size for size in (10, 100, 1000) if size < len(idle)] + [len(idle)]


def at_200(end: socket.socket) -> socket.socket:
    """A copy of a socket's descriptor, with the lowest number that is free from 200 on.

    A lower one might soon be taken by another thread of this process.
    """
    return socket.socket(fileno=fcntl.fcntl(end.fileno(), fcntl.F_DUPFD_CLOEXEC, 200))


def shares(listeners: Sequence[socket.socket], events: int, loop: Loop) -> list[int]:
    """How many of 200 clients, who come one by one, each of these threads gets.

    There is a thread for each listener, which may be the same one, and an instance for each
    thread: it calls `loop(instance, listener, stop)`, which ends when `stop` is readable. Before a
    client comes all threads wait. The order is that in which the instances were registered.
    """
    with ExitStack() as stack:
        instances = [stack.enter_context(select.epoll()) for _ in listeners]
        for instance, listener in zip(instances, listeners, strict=True):
            instance.register(listener, events)
        return _shares(instances, listeners, loop)


def coarse(counts: Sequence[int]) -> list[str]:
    """Those numbers, as coarsely as they are the same each time: all, none, or more than twenty."""
    return ["> 20" if 20 < count < sum(counts) else str(count) for count in counts]


def shares_of_one(listener: socket.socket, events: int, loop: Loop) -> list[int]:
    """The same with four threads that wait in one instance, in the order in which they started."""
    with select.epoll() as instance:
        instance.register(listener, events)
        return _shares([instance] * 4, [listener] * 4, loop)


def _shares(instances: Sequence[Any], listeners: Sequence[socket.socket], loop: Loop) -> list[int]:
    together = {id(one): (one, instances.count(one)) for one in instances}.values()
    with ExitStack() as stack:
        stop, talker = map(stack.enter_context, socket.socketpair())
        for instance, _ in together:
            instance.register(stop, select.EPOLLIN)
        threads = []
        for number, instance in enumerate(instances):
            thread = background(loop, instance, listeners[number], stop)
            threads.append(stack.enter_context(thread))
            stack.callback(talker.send, b"!")  # before the thread is waited for
            wait_for_threads(instance, instances[: number + 1].count(instance))
        for _ in range(CLIENTS):
            for instance, number in together:
                wait_for_threads(instance, number)
            with socket.create_connection(listeners[0].getsockname()) as client:
                client.recv(1)
    return [thread.result for thread in threads]
