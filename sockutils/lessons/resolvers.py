"""09_resolvers.ipynb: a name server on port 53, the files in /etc, its panel, its checks."""

import os
import re
import select
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from dnslib import QTYPE, RCODE, RR, DNSRecord  # type: ignore[import-untyped]

from sockutils.errors.shown import name_of
from sockutils.figures.columns import aligned
from sockutils.figures.picture import CLIENT, FAINT, SERVER, WIDTH, Picture, sheet, ticks, write
from sockutils.kernel.network import network
from sockutils.libc import ffi, libc
from sockutils.link.link import Link
from sockutils.packets.packet import Packet
from sockutils.peers.peer import background
from sockutils.peers.waits import wait_until
from sockutils.practice.exercise import exercise
from sockutils.tables.descriptors import held, no_descriptor_left

__all__ = ["no_descriptor_left"]  # for the notebook
Message = Any  # dnslib has no types
Answer = Callable[[Message], Message | None]
Info = tuple[int, int, int, str, Any]  # what getaddrinfo() returns a list of

Connect = Callable[..., socket.socket]

ADDRESS = ("127.0.0.1", 53)
ANY = ("127.0.0.1", 0)
LOWEST = "/proc/sys/net/ipv4/ip_unprivileged_port_start"

# <netdb.h>
ffi.cdef(
    "int *__h_errno_location(void); const char *hstrerror(int); const char *gai_strerror(int);",
    override=True,
)


# The files


@contextmanager
def edited(path: str, text: str) -> Iterator[None]:
    """Write the text into the file, and what was in it before when the block ends.

    Not by renaming a new file: a private network's copies in /etc are mount points.
    """
    before = Path(path).read_text()
    rewrite(path, text)
    try:
        yield
    finally:
        rewrite(path, before)


def rewrite(path: str, text: str) -> None:
    Path(path).write_text(text)
    with suppress(OSError):  # not in /proc
        # The C library looks at the time, and two edits may fall into one tick of the clock.
        os.utime(path, ns=(time.time_ns(),) * 2)


def in_hosts(name: str) -> bool:
    """Whether /etc/hosts has the name, and nsswitch.conf names it first: nobody else is asked."""
    with suppress(OSError):
        hosts, order = Path("/etc/hosts").read_text(), Path("/etc/nsswitch.conf").read_text()
        known = any(name in line.partition("#")[0].split()[1:] for line in hosts.splitlines())
        return known and re.search(r"^hosts:\s+files\b", order, re.MULTILINE) is not None
    return False


# The errors of the C library's calls


def found(host: Any) -> Any:
    """Return the pointer, or raise the herror that NULL and h_errno stand for."""
    if host == ffi.NULL:
        number = libc.__h_errno_location()[0]
        raise socket.herror(number, ffi.string(libc.hstrerror(number)).decode())
    return host


def done(code: int) -> int:
    """Return 0, or raise the gaierror that an EAI_ number stands for."""
    if code == socket.EAI_OVERFLOW:  # an older glibc says: Unknown error
        raise socket.gaierror(code, "Result too large for supplied buffer")
    if code:
        raise socket.gaierror(code, ffi.string(libc.gai_strerror(code)).decode())
    return code


# The name server


def from_zone(zone: str) -> Answer:
    """A function that answers with the records of a zone, in dnslib's notation of a zone file."""
    records = RR.fromZone(zone)

    def answer(query: Message) -> Message:
        reply, name = query.reply(), query.q.qname
        if name not in [record.rname for record in records]:
            reply.header.rcode = RCODE.NXDOMAIN
        for _ in records:  # a chain of aliases is not longer
            here = [record for record in records if record.rname == name]
            fitting = [record for record in here if record.rtype in (query.q.qtype, QTYPE.CNAME)]
            reply.add_answer(*fitting)
            if not fitting or fitting[0].rtype != QTYPE.CNAME:
                break
            name = fitting[0].rdata.label
        return reply

    return answer


def says(code: str) -> Answer:
    """A function that answers everything with this code: NXDOMAIN, SERVFAIL, REFUSED, FORMERR."""

    def answer(query: Message) -> Message:
        reply = query.reply()
        reply.header.rcode = getattr(RCODE, code)
        return reply

    return answer


def nothing(query: Message) -> None:
    """Answer nothing at all."""


@contextmanager
def dns_server(
    answer: str | Answer, late: float = 0.0, room: int = 512, patience: int = 0
) -> Iterator[list[str]]:
    """Run a name server on port 53 of 127.0.0.1, which the C library asks, while the block runs.

    `answer` is a zone, or a function of the query that returns the reply, or None. Answers come
    `late` by so many seconds; over UDP one of more than `room` bytes (RFC 1035: 512) is cut off.
    The C library waits for `patience` seconds, once (0: as by default). The list holds what was
    asked: "A www.example", and "A www.example over TCP".
    """
    if isinstance(answer, str):
        answer = from_zone(answer)
    limit = f"options timeout:{patience} attempts:1\n" if patience else ""
    with ExitStack() as stack:
        stack.enter_context(edited(LOWEST, "53"))
        stack.enter_context(edited("/etc/resolv.conf", f"nameserver 127.0.0.1\nsearch .\n{limit}"))
        udp = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        udp.bind(ADDRESS)
        tcp = stack.enter_context(socket.create_server(ADDRESS))
        end, over = map(stack.enter_context, socket.socketpair())
        server = Server(udp, tcp, over, answer, late, room, [], [])
        with background(server.serve):
            try:
                yield server.asked
            finally:
                end.close()


class Server(NamedTuple):
    """A loop that answers queries, over UDP each after a delay, until `over` ends."""

    udp: socket.socket
    tcp: socket.socket
    over: socket.socket
    answer: Answer
    late: float
    room: int
    asked: list[str]
    waiting: list[tuple[float, bytes, Any]]  # when they are due, the answer, the client

    def serve(self) -> None:
        while True:
            pause = max(0.0, self.waiting[0][0] - time.monotonic()) if self.waiting else None
            ready, _, _ = select.select([self.udp, self.tcp, self.over], [], [], pause)
            if self.over in ready:
                return
            if self.udp in ready:
                raw, client = self.udp.recvfrom(1 << 16)
                if reply := self.reply_to(raw, "", self.room):
                    self.waiting.append((time.monotonic() + self.late, reply, client))
            if self.tcp in ready:
                self.serve_connection(self.tcp.accept()[0])
            while self.waiting and self.waiting[0][0] <= time.monotonic():
                self.udp.sendto(*self.waiting.pop(0)[1:])

    def serve_connection(self, connection: socket.socket) -> None:
        """RFC 1035, 4.2.2: over TCP a message has its length before it, in two bytes."""
        with connection, suppress(OSError), connection.makefile("rb") as reader:
            connection.settimeout(1)
            while prefix := reader.read(2):
                query = reader.read(int.from_bytes(prefix, "big"))
                reply = self.reply_to(query, " over TCP", 1 << 16)
                connection.sendall(len(reply).to_bytes(2, "big") + reply)

    def reply_to(self, raw: bytes, how: str, room: int) -> bytes:
        query = DNSRecord.parse(raw)
        self.asked.append(f"{QTYPE[query.q.qtype]} {str(query.q.qname)[:-1]}{how}")
        reply = self.answer(query)
        if reply is None:
            return b""
        if len(reply.pack()) > room:
            reply = query.reply()  # not reply.truncate(): the C library wants its question back
            reply.header.tc = 1
        return bytes(reply.pack())


# The panel

KINDS = ["an answer", "cut off", "no data", "NXDOMAIN", "SERVFAIL", "REFUSED", "FORMERR"]
KINDS += ["nothing"]
ZONE = """
one.example.            60 IN A    192.0.2.1
two.example.            60 IN A    192.0.2.2
one.example.            60 IN AAAA 2001:db8::1
two.example.            60 IN AAAA 2001:db8::2
1.2.0.192.in-addr.arpa. 60 IN PTR  one.example.
2.2.0.192.in-addr.arpa. 60 IN PTR  two.example.
"""


def answering(kind: str, family: str) -> Answer:
    """A function that answers as the panel's controls say: the names one.example, two.example."""
    if kind == "nothing":
        return nothing
    if kind not in ("an answer", "cut off"):
        return says("NOERROR" if kind == "no data" else kind)
    types = {"PTR", *family.split()}
    return from_zone("\n".join(line for line in ZONE.splitlines() if types & {*line.split()}))


def addresses(result: Any) -> list[str]:
    """The addresses in what gethostbyname() or getaddrinfo() returned."""
    if isinstance(result, list):
        return sorted(address[0] for *_, address in result)
    host = found(result)
    return [socket.inet_ntop(host.h_addrtype, ffi.buffer(host.h_addr_list[0], host.h_length))]


def names(host: Any) -> list[str]:
    """The name in what gethostbyaddr() returned."""
    return [ffi.string(found(host).h_name).decode()]


def written(code: int, name: Any) -> list[str]:
    """The name that getnameinfo() has written, if it returned 0."""
    done(code)
    return [ffi.string(name).decode()]


class Bar(NamedTuple):
    """A row of a picture: from when to when something took, and what came of it."""

    label: str
    words: str
    good: bool
    start: float
    end: float


def at_once(calls: Mapping[str, Callable[[], Sequence[str]]]) -> list[Bar]:
    """Run all calls, each in a thread of its own, and say what became of them."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [*pool.map(run, calls, calls.values())]


def run(name: str, call: Callable[[], Sequence[str]]) -> Bar:
    start = time.monotonic()
    try:
        words, good = ", ".join(call()), True
    except OSError as error:
        words, good = name_of(error), False
    return Bar(f"{name}()", words, good, 0.0, round(2 * (time.monotonic() - start)) / 2)


def draw_calls(outcomes: Sequence[Bar], asked: Sequence[str]) -> Picture:
    """Draw how long each call took, and what came of it."""
    kinds = Counter(words.split()[0] + " over TCP" * words.endswith("TCP") for words in asked)
    order = sorted(kinds, key=lambda kind: (kind.endswith("TCP"), kind))
    server = "the server was asked: " + ", ".join(f"{kinds[kind]} {kind}" for kind in order)
    rows = [(one.label, one.words, f"after {one.end:g} s") for one in outcomes]
    text = aligned(rows).replace("after 0 s", "at once")
    return draw(outcomes, f"{text}\n{server}", server)


def draw_attempts(packets: Sequence[Packet]) -> Picture:
    """Draw when each address was called, and how long the program waited for its answer."""
    first: dict[str, Packet] = {}
    for packet in packets:
        if packet.flags == "SYN":
            first.setdefault(str(packet.destination[0]), packet)
    begin = packets[0].nanoseconds
    starts = [round((one.nanoseconds - begin) / 5e8) / 2 for one in first.values()]
    bars = []
    for (address, packet), start in zip(first.items(), starts, strict=True):
        words = "SYN ACK" if packet.arrivals else "lost"
        bars.append(Bar(f"SYN to {address}", words, bool(packet.arrivals), start, max(starts)))
    return draw(bars, aligned((one.label, f"after {one.start:g} s", one.words) for one in bars))


LEFT, RIGHT = 3.0, 9.2  # inches, the ends of the time axis
SPAN = 1.5  # seconds
ROW = 0.95


def across(seconds: float) -> float:
    return LEFT + (RIGHT - LEFT) * min(seconds, SPAN) / SPAN


def draw(bars: Sequence[Bar], text: str, below: str = "") -> Picture:
    bottom = 0.55 + ROW * len(bars)
    figure, axes = sheet(bottom + (0.95 if below else 0.5))
    for moment, words in ticks(SPAN):
        axes.plot([across(moment)] * 2, [0.2, bottom], color=FAINT, linewidth=1.5, zorder=0)
        write(axes, across(moment), bottom + 0.25, words)
    for y, bar in enumerate(bars):
        start, end, middle = across(bar.start), across(bar.end), 0.8 + ROW * y
        sign, colour = ("✓", CLIENT) if bar.good else ("✗", SERVER)
        write(axes, LEFT - 0.2, middle - 0.05, bar.label, ha="right")
        x = [start, max(end, start + 0.06)]
        axes.fill_between(x, middle - 0.1, middle + 0.1, color=colour, zorder=2)
        box = {"facecolor": "white", "edgecolor": "none", "pad": 2}
        words = f"{sign} {bar.words}"
        write(axes, start + 0.15, middle - 0.38, words, colour, ha="left", bbox=box)
    write(axes, WIDTH / 2, bottom + 0.7, below)
    return Picture(figure, text)


# The exercises

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
