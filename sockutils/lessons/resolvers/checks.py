"""What its exercises ask of the learner's functions."""

import os
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from dnslib import QTYPE, RCODE, DNSRecord  # type: ignore[import-untyped]

from sockutils.kernel.network import network
from sockutils.lessons.looking import held, wait_until
from sockutils.link.link import Link
from sockutils.peers.peer import background
from sockutils.practice.exercise import exercise

Info = tuple[int, int, int, str, Any]  # what getaddrinfo() returns a list of
Connect = Callable[..., socket.socket]
ANY = ("127.0.0.1", 0)
HOSTS = {"www.example": ["192.0.2.7", "192.0.2.8"], "mail.example": ["198.51.100.1"]}


@exercise(
    "resolvers",
    hint="str(qname) ends with a dot. A name that has records, but not of this type, is not"
    " NXDOMAIN: no error, and no record.",
)
def name_server(answer: Callable[[bytes, dict[str, list[str]]], bytes]) -> None:
    for question in ("A www", "A mail", "AAAA www", "A no", "AAAA no", "A WWW"):
        kind, name = f"{question}.example".split()
        query = DNSRecord.question(name, kind)
        raw = answer(query.pack(), {**HOSTS})
        what = type(raw).__name__
        assert isinstance(raw, bytes | bytearray), f"it returned a {what}, not bytes: pack() it"
        reply = DNSRecord.parse(bytes(raw))
        asked = f"{kind} {name}"
        parts = reply.header.qr, reply.header.id, str(reply.q)
        right = 1, query.header.id, str(query.q)
        assert parts == right, f"{asked}: no answer to this query, by its header or question"
        known = HOSTS.get(name.lower(), [])
        code, due = RCODE.get(reply.header.rcode), "NOERROR" if known else "NXDOMAIN"
        assert code == due, f"{asked}: the code is {code}, not {due}"
        got = sorted(f"{str(one.rname).lower()} {QTYPE[one.rtype]} {one.rdata}" for one in reply.rr)
        wanted = [f"{name.lower()}. A {address}" for address in known if kind == "A"]
        assert got == wanted, f"{asked}: you answer {got}, not {wanted}"


UNREACHABLE = ("127.255.255.255", 5099)  # a broadcast address: TCP fails at once
WHILE = 0.6  # seconds, less than the kernel waits until it repeats a SYN


def info(address: Any, protocol: int = socket.IPPROTO_TCP) -> Info:
    family = socket.AF_INET6 if len(address) == 4 else socket.AF_INET
    return family, socket.SOCK_STREAM, protocol, "", address


def refusing() -> Info:
    """An address whose port is closed."""
    with socket.create_server(ANY) as closed:
        return info(closed.getsockname())


@contextmanager
def silent(slow: bool = False) -> Iterator[Info]:
    """An address that does not answer: its listener's queue is full, which drops every SYN.

    A slow one makes room after a while, and connects when the kernel repeats its SYN.
    """
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(ANY, backlog=1))
        for _ in range(2):
            stack.enter_context(socket.create_connection(listener.getsockname()))
        if slow:
            stack.enter_context(background(make_room, listener))
        yield info(listener.getsockname())


def make_room(listener: socket.socket) -> None:
    wait_until(lambda: False, WHILE)
    for _ in range(2):
        listener.accept()[0].close()


def reached(client: Any, answer: Info, before: set[str], case: str) -> None:
    """The learner's result is connected to that address, and nothing else was left open."""
    assert isinstance(client, socket.socket), f"{case}: you return {client!r}, not a socket"
    with client:
        limit, peer = client.gettimeout(), client.getpeername()
        assert limit is None, f"the socket that you returned has a timeout: {limit:g} s"
        assert peer == answer[4], f"{case}: you are connected to {peer}, not to {answer[4]}"
        own = os.readlink(f"/proc/self/fd/{client.fileno()}")
        assert held() - before <= {own}, f"{case}: an attempt that failed or lost is still open"


def raised(connect: Callable[..., Any], *args: object) -> str:
    """The name of what it raises when nobody answers; no traceback, which would hold sockets."""
    try:
        result = connect(*args)
    except OSError as error:
        return type(error).__name__
    if isinstance(result, socket.socket):
        result.close()
    return f"nothing, but returned {result!r}"


@exercise(
    "resolvers",
    hint="settimeout() with `each`, or with what is left of `total` if that is less, and with None"
    " for the socket that you return. socket() may fail, too. Close what did not connect.",
)
def first_that_answers(connect: Connect) -> None:
    with ExitStack() as stack:
        quiet = stack.enter_context(silent())
        server, trap = (stack.enter_context(socket.create_server(ANY)) for _ in range(2))
        good = info(server.getsockname())
        no_socket = info(trap.getsockname(), socket.IPPROTO_UDP)  # a stream: socket() fails
        other = [info(UNREACHABLE), no_socket, refusing(), quiet]
        before = held()
        client = connect([*other, good, refusing()], 0.3, 3)
        reached(client, good, before, "the fifth of six addresses answers")
        out_of_time(connect, [quiet] * 8, 0.4, 0.6)
        out_of_time(connect, [quiet], 3, 0.4)
        error = raised(connect, [info(UNREACHABLE), refusing()], 1, 5)
        assert error == "ConnectionRefusedError", f"the last one refused, and you raised {error}"
        assert not held() - before, "you left a socket open"


def out_of_time(connect: Connect, answers: list[Info], each: float, total: float) -> None:
    start = time.monotonic()
    error = raised(connect, answers, each, total)
    took = time.monotonic() - start
    case = f"all are silent, and there were {total} seconds"
    assert error == "TimeoutError", f"{case}: you raised {error}"
    assert total - 0.1 < took < total + 1.4, f"{case}: you took {took:.1f}"


@exercise(
    "resolvers",
    hint="Nonblocking sockets and select(): a new attempt after 0.25 s or after a failure, and the"
    " earlier ones go on. connect_ex() may fail at once; SO_ERROR tells what became of an attempt.",
    seconds=10,
)
def eyeballs(connect: Connect) -> None:
    before = held()
    with socket.create_server(ANY) as listener, silent() as quiet:
        good = info(listener.getsockname())
        with silent(slow=True) as slow:
            timed(connect, [slow, good], good, "the first is silent for a second", 0.15, 0.9)
        with socket.create_server(ANY) as trap:
            timed(connect, [good, info(trap.getsockname())], good, "both answer")
            called = select.select([trap], [], [], 0)[0]
            assert not called, "the first address answered, and you called the second one, too"
        with silent(slow=True) as slow:
            timed(connect, [slow, quiet], slow, "the first is slow, the second silent")
        timed(connect, [quiet, quiet, good], good, "two are silent", 0.4, 1.5)
        failing = [info(UNREACHABLE)] * 3 + [refusing()] * 3
        timed(connect, [*failing, good], good, "six fail at once", 0, 0.6)
    if linked():
        over_link(connect)
    error = raised(connect, [info(UNREACHABLE), refusing()])
    assert error == "ConnectionRefusedError", f"the last one refused, and you raised {error}"
    assert not held() - before, "you left a socket open"


def timed(
    connect: Connect, answers: list[Info], good: Info, case: str, least: float = 0, most: float = 5
) -> None:
    before, start = held(), time.monotonic()
    client = connect([*answers])
    took = time.monotonic() - start
    reached(client, good, before, case)
    assert took > least, f"{case}: the next one was tried before 0.25 seconds were over"
    assert took < most, f"{case}: you waited for {took:.1f} seconds"


def over_link(connect: Connect) -> None:
    """The link swallows one family."""
    with (
        Link(lose=lambda packet: packet.version == 6),
        socket.create_server(("10.0.0.1", 0)) as four,
    ):
        port = four.getsockname()[1]
        lost, good = info(("fd00::2", port, 0, 0)), info(("10.0.0.2", port))
        timed(connect, [lost, good], good, "all IPv6 packets get lost", 0.15, 0.9)


def linked() -> bool:
    """Whether a Link can be had, with IPv6 on it."""
    if not network().private:
        return False
    with suppress(OSError), Link(), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("fd00::1", 0))
        return True
    return False
