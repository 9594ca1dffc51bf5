"""What the exercise on a port's holders asks of the learner's function."""

import os
import socket
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from sockutils.kernel.network import has_ipv6
from sockutils.practice.exercise import exercise

Function = Callable[[int], Any]


@exercise(
    "bind",
    hint={
        "indices must be integers": "row.state and holder.pid, with a dot: they have names",
        "and a child of yours on": "a port may have several rows that LISTEN, one for each address",
        "": "Look at the rows that LISTEN on this port, and at the holders of each.",
    },
    seconds=30,  # each call looks at all processes: a busy machine takes seconds for that
)
def who_has_it(pids_on: Function) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, ExitStack() as children:
        address = server.getsockname()
        me = os.getpid()
        agree(pids_on, address[1], {me}, "this process alone listens")
        first, second = (children.enter_context(heir(server)).pid for _ in range(2))
        family = {me, first, second}
        agree(pids_on, address[1], family, "this process and two children hold the listener")
        server.close()
        agree(pids_on, address[1], {first, second}, "two children hold the listener")
        with socket.create_connection(address) as client:
            agree(pids_on, address[1], {first, second}, "two children listen, you are a client")
            agree(pids_on, client.getsockname()[1], set(), "this is a client's port")
    agree(pids_on, address[1], set(), "nobody listens any more")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("127.0.0.1", 0))
        agree(pids_on, datagrams.getsockname()[1], set(), "only a UDP socket has this number")
    at_several_addresses(pids_on)


def at_several_addresses(pids_on: Function) -> None:
    """Each listener of the port but the first is held by a child alone."""
    with socket.create_server(("127.0.0.1", 0)) as first, ExitStack() as children:
        port, wanted = first.getsockname()[1], {os.getpid()}
        for host in ("127.1.2.3", "::1") if has_ipv6() else ("127.1.2.3",):
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            with socket.create_server((host, port), family=family) as server:
                wanted.add(children.enter_context(heir(server)).pid)
            agree(pids_on, port, wanted, f"you listen on this port, and a child of yours on {host}")


def heir(server: socket.socket) -> "subprocess.Popen[bytes]":
    """A child that holds the listener, and ends when its block does."""
    return subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=[server.fileno()])


def agree(pids_on: Function, port: int, wanted: set[int], when: str) -> None:
    """Compare what the function returns."""
    found = pids_on(port)
    assert isinstance(found, (set, frozenset)), f"it returned {found!r:.80}, not a set"
    strange = [each for each in found if not isinstance(each, int)]
    assert not strange, f"there is {strange[:1]!r:.80} in your set, not a pid"
    less, more = (f"{len(some)} of them" for some in (wanted - found, found - wanted))
    if found == wanted:
        return
    amiss = f"your set lacks {less}" if wanted - found else f"your set has {more} too many"
    pids = f"{len(wanted)} pid{'s' * (len(wanted) != 1)}"
    raise AssertionError(f"{when}: that makes {pids}, and {amiss}")
