"""09_resolvers.ipynb: a name server on port 53, the files in /etc, its panel, its checks."""

import heapq
import itertools
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from sockutils.columns import aligned
from sockutils.lessons.looking import held, no_descriptor_left, wait_until
from sockutils.libc import ffi, libc
from sockutils.netem import Link
from sockutils.network import network
from sockutils.packet import Packet
from sockutils.peers import background
from sockutils.picture import CLIENT, FAINT, SERVER, WIDTH, Picture, sheet, ticks, write
from sockutils.practice import exercise

__all__ = ["no_descriptor_left"]  # for the notebook
Message = Any  # dnslib has no types
Answer = Callable[[Message], Message | None]
Info = tuple[int, int, int, str, Any]  # what getaddrinfo() returns a list of

ADDRESS = ("127.0.0.1", 53)
LOWEST = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
RESOLVER = "nameserver 127.0.0.1\nsearch .\n"
ROOM = 512  # bytes of a DNS message over UDP: RFC 1035, 4.2.1

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


# The errors of the C library's calls


def found(host: Any) -> Any:
    """Return the pointer, or raise the herror that NULL and h_errno stand for."""
    if host == ffi.NULL:
        number = libc.__h_errno_location()[0]
        raise socket.herror(number, ffi.string(libc.hstrerror(number)).decode())
    return host


def done(code: int) -> int:
    """Return 0, or raise the gaierror that an EAI_ number stands for."""
    if code:
        words = ffi.string(libc.gai_strerror(code)).decode()
        raise socket.gaierror(code, TOO_LARGE if code == socket.EAI_OVERFLOW else words)
    return code


TOO_LARGE = "Result too large for supplied buffer"  # an older glibc says: Unknown error


# The name server


def from_zone(zone: str) -> Answer:
    """A function that answers with the records of a zone, in dnslib's notation of a zone file."""
    from dnslib import QTYPE, RCODE, RR  # type: ignore[import-untyped]

    records = RR.fromZone(zone)

    def answer(query: Message) -> Message:
        reply, name, known = query.reply(), query.q.qname, False
        for _ in records:  # a chain of aliases is not longer
            here = [record for record in records if record.rname == name]
            known = known or bool(here)
            fitting = [record for record in here if record.rtype == query.q.qtype]
            aliases = [record for record in here if record.rtype == QTYPE.CNAME]
            reply.add_answer(*fitting or aliases)
            if fitting or not aliases:
                break
            name = aliases[0].rdata.label
        if not known:
            reply.header.rcode = RCODE.NXDOMAIN
        return reply

    return answer


def says(code: str) -> Answer:
    """A function that answers everything with this code: NXDOMAIN, SERVFAIL, REFUSED, FORMERR."""
    from dnslib import RCODE

    def answer(query: Message) -> Message:
        reply = query.reply()
        reply.header.rcode = getattr(RCODE, code)
        return reply

    return answer


def nothing(query: Message) -> None:
    """Answer nothing at all."""


def in_hosts(name: str) -> bool:
    """Whether /etc/hosts has the name, and nsswitch.conf names it first: nobody else is asked."""

    def lines(path: str) -> list[list[str]]:
        return [line.partition("#")[0].split() for line in Path(path).read_text().splitlines()]

    with suppress(OSError):
        known = any(name in line[1:] for line in lines("/etc/hosts"))
        return known and ["hosts:", "files"] in [line[:2] for line in lines("/etc/nsswitch.conf")]
    return False


@contextmanager
def dns_server(
    answer: str | Answer, late: float = 0.0, room: int = ROOM, patience: int = 0
) -> Iterator[list[str]]:
    """Run a name server on port 53 of 127.0.0.1, which the C library asks, while the block runs.

    `answer` is a zone, or a function of the query that returns the reply, or None. Answers come
    `late` by so many seconds; over UDP one of more than `room` bytes is cut off. The C library
    waits for `patience` seconds, once (0: as long and as often as it does by default). The list
    holds what was asked: "A www.example", and "A www.example over TCP".
    """
    if isinstance(answer, str):
        answer = from_zone(answer)
    limit = f"options timeout:{patience} attempts:1\n" if patience else ""
    with ExitStack() as stack:
        stack.enter_context(edited(LOWEST, "53"))
        stack.enter_context(edited("/etc/resolv.conf", f"{RESOLVER}{limit}"))
        udp = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        udp.bind(ADDRESS)
        tcp = stack.enter_context(socket.create_server(ADDRESS))
        over = os.eventfd(0)
        stack.callback(os.close, over)
        server = Server(udp, tcp, over, answer, late, room)
        with background(server.serve):
            try:
                yield server.asked
            finally:
                os.eventfd_write(over, 1)


class Server:
    """A loop that answers queries, each after its delay, over UDP and TCP."""

    def __init__(
        self,
        udp: socket.socket,
        tcp: socket.socket,
        over: int,
        answer: Answer,
        late: float,
        room: int,
    ) -> None:
        self.udp, self.tcp, self.over = udp, tcp, over
        self.answer, self.late, self.room = answer, late, room
        self.asked: list[str] = []
        self.waiting: list[tuple[float, int, bytes, Any]] = []  # a heap, by when they are due
        self.numbers = itertools.count()

    def serve(self) -> None:
        """Serve until the block is over; what is not yet answered then stays so."""
        while True:
            pause = max(0.0, self.waiting[0][0] - time.monotonic()) if self.waiting else None
            watched: list[Any] = [self.udp, self.tcp, self.over]
            ready, _, _ = select.select(watched, [], [], pause)
            if self.over in ready:
                return
            if self.udp in ready:
                query, client = self.udp.recvfrom(1 << 16)
                if reply := self.reply_to(query, "", self.room):
                    due = time.monotonic() + self.late
                    heapq.heappush(self.waiting, (due, next(self.numbers), reply, client))
            if self.tcp in ready:
                self.serve_connection(self.tcp.accept()[0])
            while self.waiting and self.waiting[0][0] <= time.monotonic():
                _, _, reply, client = heapq.heappop(self.waiting)
                self.udp.sendto(reply, client)

    def serve_connection(self, connection: socket.socket) -> None:
        """RFC 1035, 4.2.2: over TCP a message has its length before it, in two bytes."""
        with connection, suppress(OSError), connection.makefile("rb") as reader:
            connection.settimeout(1)
            while prefix := reader.read(2):
                query = reader.read(int.from_bytes(prefix, "big"))
                if (reply := self.reply_to(query, " over TCP", 1 << 16)) is None:
                    return
                connection.sendall(len(reply).to_bytes(2, "big") + reply)

    def reply_to(self, raw: bytes, how: str, room: int) -> bytes | None:
        from dnslib import QTYPE, DNSRecord

        query = DNSRecord.parse(raw)
        self.asked.append(f"{QTYPE[query.q.qtype]} {str(query.q.qname)[:-1]}{how}")
        reply = self.answer(query)
        if reply is None:
            return None
        if len(reply.pack()) > room:
            reply = query.reply()  # not reply.truncate(): the C library wants its question back
            reply.header.tc = 1
        return bytes(reply.pack())


# The panel

KINDS = ["an answer", "cut off", "no data", "NXDOMAIN", "SERVFAIL", "REFUSED", "FORMERR"]
KINDS += ["nothing"]


class Outcome(NamedTuple):
    """What a call returned, or how it failed, and after how many half seconds."""

    call: str
    result: str
    worked: bool
    seconds: float


def answering(kind: str, family: str) -> Answer:
    """A function that answers as the panel's controls say: the names one.example, two.example."""
    if kind == "nothing":
        return nothing
    if kind in ("an answer", "cut off", "no data"):
        return from_zone("\n".join(records(family if kind != "no data" else "")))
    return says(kind)


def records(family: str) -> Iterator[str]:
    for number, name in enumerate(("one.example.", "two.example."), 1):
        reverse = f"{number}.2.0.192.in-addr.arpa."
        yield f"{name} 60 IN TXT here"  # the names are there, whatever they have
        yield f"{reverse} 60 IN TXT here"
        if "A" in family.split():
            yield f"{name} 60 IN A 192.0.2.{number}"
        if "AAAA" in family.split():
            yield f"{name} 60 IN AAAA 2001:db8::{number}"
        if family:
            yield f"{reverse} 60 IN PTR {name}"


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


def at_once(calls: Mapping[str, Callable[[], Sequence[str]]]) -> list[Outcome]:
    """Run all calls, each in a thread of its own, and say what became of them."""
    from sockutils.errors import name_of

    outcomes: dict[str, Outcome] = {}

    def run(name: str, call: Callable[[], Sequence[str]]) -> None:
        start = time.monotonic()
        try:
            result, worked = ", ".join(call()), True
        except OSError as error:
            result, worked = name_of(error), False
        halves = round(2 * (time.monotonic() - start)) / 2
        outcomes[name] = Outcome(name, result, worked, halves)

    threads = [threading.Thread(target=run, args=item) for item in calls.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [outcomes[name] for name in calls]


LEFT, RIGHT = 3.0, 9.2  # inches, the ends of the time axis
SPAN = 1.5  # seconds
ROW = 0.95


def draw_calls(outcomes: Sequence[Outcome], asked: Sequence[str]) -> Picture:
    """Draw how long each call took, and what came of it."""
    height = 1.5 + ROW * len(outcomes)
    figure, axes = sheet(height)
    bottom = height - 0.95
    for moment, words in ticks(SPAN):
        x = LEFT + (RIGHT - LEFT) * moment / SPAN
        axes.plot([x, x], [0.2, bottom], color=FAINT, linewidth=1.5, zorder=0)
        write(axes, x, bottom + 0.25, words)
    for place, one in enumerate(outcomes):
        y = 0.3 + ROW * place
        colour = CLIENT if one.worked else SERVER
        end = LEFT + (RIGHT - LEFT) * min(one.seconds, SPAN) / SPAN
        write(axes, LEFT - 0.2, y + 0.45, f"{one.call}()", ha="right")
        bar = [LEFT, max(end, LEFT + 0.06)]
        axes.fill_between(bar, y + 0.4, y + 0.6, color=colour, zorder=2)
        sign = "✓" if one.worked else "✗"
        box = {"facecolor": "white", "edgecolor": "none", "pad": 2}
        write(axes, LEFT + 0.15, y + 0.12, f"{sign} {one.result}", colour, ha="left", bbox=box)
    write(axes, WIDTH / 2, height - 0.25, f"the server was asked: {counted(asked)}")
    rows = [(f"{one.call}()", one.result, told(one.seconds)) for one in outcomes]
    return Picture(figure, f"{aligned(rows)}\nthe server was asked: {counted(asked)}")


def told(seconds: float) -> str:
    return f"after {seconds:g} s" if seconds else "at once"


def counted(asked: Sequence[str]) -> str:
    kinds = [f"{words.split()[0]}{' over TCP' if 'TCP' in words else ''}" for words in asked]
    order = ["A", "AAAA", "PTR", "A over TCP", "AAAA over TCP", "PTR over TCP"]
    return ", ".join(f"{kinds.count(kind)} {kind}" for kind in order if kind in kinds)


# The figure


class Attempt(NamedTuple):
    """The first SYN to an address, and after how many half seconds it was sent."""

    address: str
    answered: bool
    seconds: float


def attempts(packets: Sequence[Packet]) -> Iterator[Attempt]:
    """What the packets of a Link tell about each address that was called."""
    tried: set[str] = set()
    for packet in packets:
        address = str(packet.destination[0])
        if packet.flags == "SYN" and address not in tried:
            tried.add(address)
            passed = (packet.nanoseconds - packets[0].nanoseconds) / 1e9
            yield Attempt(address, bool(packet.arrivals), round(2 * passed) / 2)


def draw_attempts(packets: Sequence[Packet]) -> Picture:
    """Draw when each address was called, and how long the program waited for its answer."""
    table = list(attempts(packets))
    last = max(one.seconds for one in table)
    height = 1.2 + ROW * len(table)
    figure, axes = sheet(height)

    def across(seconds: float) -> float:
        return LEFT + (RIGHT - LEFT - 1) * seconds / (last or 1)

    for moment in sorted({one.seconds for one in table}):
        x = across(moment)
        axes.plot([x, x], [0.75, height - 0.2], color=FAINT, linewidth=1.5, zorder=0)
        write(axes, x, 0.45, f"{moment:g} s")
    for place, one in enumerate(table):
        y = 1.2 + ROW * place
        colour, sign = (CLIENT, "✓ SYN ACK") if one.answered else (SERVER, "✗ silence")
        write(axes, LEFT - 0.3, y, f"SYN to {one.address}", ha="right")
        x = across(one.seconds)
        if not one.answered:
            axes.fill_between([x, across(last)], y - 0.05, y + 0.05, color=colour, zorder=2)
        axes.plot([x], [y], "o", color=colour, markersize=12, zorder=3)
        write(axes, x + 0.25, y + 0.35, sign, colour, ha="left")
    rows = [
        (f"SYN to {one.address}", f"after {one.seconds:g} s", "SYN ACK" if one.answered else "lost")
        for one in table
    ]
    return Picture(figure, aligned(rows))


# The exercises

HOSTS = {"www.example": ["192.0.2.7", "192.0.2.8"], "mail.example": ["198.51.100.1"]}


@exercise(
    "resolvers",
    hint="str(qname) ends with a dot. A name that has records, but not of this type, is not"
    " NXDOMAIN: no error, and no record.",
)
def name_server(answer: Callable[[bytes, dict[str, list[str]]], bytes]) -> None:
    from dnslib import QTYPE, RCODE, DNSRecord

    questions = [("www.example", "A"), ("mail.example", "A"), ("www.example", "AAAA")]
    questions += [("no.example", "A"), ("no.example", "AAAA"), ("WWW.example", "A")]
    for name, kind in questions:
        query = DNSRecord.question(name, kind)
        raw = answer(query.pack(), {**HOSTS})
        kind_of = type(raw).__name__
        assert isinstance(raw, bytes | bytearray), f"it returned a {kind_of}, not bytes: pack() it"
        reply = DNSRecord.parse(bytes(raw))
        asked = f"{kind} {name}"
        assert reply.header.qr == 1, f"{asked}: what you return is not marked as an answer"
        assert reply.header.id == query.header.id, f"{asked}: the answer has another id"
        assert str(reply.q) == str(query.q), f"{asked}: the answer is to another question"
        addresses = HOSTS.get(name.lower(), [])
        code = RCODE.get(reply.header.rcode)
        right = "NOERROR" if addresses else "NXDOMAIN"
        assert code == right, f"{asked}: the code is {code}, not {right}"
        got = [f"{QTYPE.get(record.rtype)} {record.rdata}" for record in reply.rr]
        wanted = [f"A {address}" for address in addresses if kind == "A"]
        assert sorted(got) == sorted(wanted), f"{asked}: you answer {got}, not {wanted}"
        names = {str(record.rname).lower() for record in reply.rr}
        assert names <= {f"{name.lower()}."}, f"{asked}: the records belong to {names}"


def info(address: Any, protocol: int = socket.IPPROTO_TCP) -> Info:
    family = socket.AF_INET6 if len(address) == 4 else socket.AF_INET
    return family, socket.SOCK_STREAM, protocol, "", address


def dead_end() -> tuple[str, int]:
    """An address whose port is closed: bound by nobody that listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[0]), int(probe.getsockname()[1])


UNREACHABLE = ("127.255.255.255", 5099)  # a broadcast address: TCP fails at once


@contextmanager
def silent() -> Iterator[Info]:
    """An address that does not answer: its listener's queue is full, which drops every SYN."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1))
        for _ in range(2):
            stack.enter_context(socket.create_connection(listener.getsockname()))
        yield info(listener.getsockname())


Within = Callable[[list[Info], float, float], socket.socket]


@exercise(
    "resolvers",
    hint="settimeout() with `each`, or with what is left of `total` if that is less, and with None"
    " for the socket that you return. socket() may fail, too. Close what did not connect.",
)
def first_that_answers(connect: Within) -> None:
    with ExitStack() as stack:
        quiet = stack.enter_context(silent())
        trap = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        before = held()
        good = info(listener.getsockname())
        answers = [
            info(UNREACHABLE),
            info(trap.getsockname(), socket.IPPROTO_UDP),  # socket() fails
            info(dead_end()),
            quiet,
            good,
            info(dead_end()),
        ]
        try:
            client = connect(answers, 0.3, 3)
        except (BlockingIOError, TimeoutError) as error:
            raise AssertionError(f"one is silent, and you raised {error!r}: try the next") from None
        assert not select.select([trap], [], [], 0)[0], "each entry names a protocol: use it"
        with reached(client, good) as client:
            assert held() - before == held_by(client), "a socket that failed is still open"
            assert select.select([listener], [], [], 1)[0], "nobody has called the right address"
            listener.accept()[0].close()
            assert not select.select([listener], [], [], 0)[0], "you called it twice"
        seconds = out_of_time(connect, [quiet] * 8, 0.4, 0.6)
        assert seconds > 0.5, f"there were 0.6 seconds for all, and you gave up after {seconds:.1f}"
        assert seconds < 2, f"there were 0.6 seconds for all, and you took {seconds:.1f}"
        seconds = out_of_time(connect, [quiet], 3, 0.4)
        assert seconds < 2, f"there were 0.4 seconds for all, and you took {seconds:.1f}"
        fails_with_error(lambda answers: connect(answers, 1, 5))
        assert not held() - before, "you left a socket open"


def out_of_time(connect: Within, answers: list[Info], each: float, total: float) -> float:
    start = time.monotonic()
    try:
        result = connect(answers, each, total)
    except TimeoutError:
        return time.monotonic() - start
    except OSError as error:
        raise AssertionError(f"nobody answered: the error is not {error!r}") from None
    if isinstance(result, socket.socket):
        result.close()
    raise AssertionError(f"nobody answered, and you returned {result!r}")


def fails_with_error(connect: Callable[[list[Info]], socket.socket]) -> None:
    try:
        connect([info(UNREACHABLE), info(dead_end())])
    except ConnectionRefusedError:
        return
    except OSError as error:
        raise AssertionError(f"all failed, the last one was refused: not {error!r}") from None
    raise AssertionError("all addresses failed, and you raised no error")


def reached(client: Any, answer: Info, other: str = "") -> socket.socket:
    """The learner's result, if it is what was asked for; `other`: what to say of other peers."""
    assert isinstance(client, socket.socket), f"it returned {client!r}, not a socket"
    try:
        peer = client.getpeername()
    except OSError:
        client.close()
        raise AssertionError("the socket that you returned is not connected") from None
    if peer != answer[4] or client.gettimeout() is not None:
        limit = client.gettimeout()
        client.close()
        assert limit is None, f"the socket that you returned has a timeout: {limit:g} s"
        raise AssertionError(other or f"you are connected to {peer}, not to {answer[4]}")
    return client


def held_by(*sockets: socket.socket) -> set[str]:
    return {os.readlink(f"/proc/self/fd/{one.fileno()}") for one in sockets}


class Ways(NamedTuple):
    """Two addresses of one server: the first answer and the second, and who listens there."""

    answers: list[Info]
    listeners: list[socket.socket]


Happy = Callable[[list[Info]], socket.socket]


@exercise(
    "resolvers",
    hint="Nonblocking sockets and select(): a new attempt after 0.25 s or after a failure, and the"
    " earlier ones go on. connect_ex() may fail at once; SO_ERROR tells what became of an attempt.",
    seconds=10,
)
def eyeballs(connect: Happy) -> None:
    before, link = held(), linked()
    with two_ways(link, late=[0]) as ways:
        waited = "the first address is silent for a second, and you waited for it"
        seconds = timed(connect, ways, 1, waited)
        assert seconds > 0.15, "the second address was tried before the first had its 0.25 seconds"
        assert seconds < 0.9, f"{waited}: {seconds:.1f} s"
    with two_ways(link) as ways:
        timed(connect, ways, 0)
        called = select.select(ways.listeners[1:], [], [], 0)[0]
        assert not called, "the first address answered, and you called the second one, too"
    with two_ways(link, slow=[0], lost=[1]) as ways:
        timed(connect, ways, 0)
    with silent() as one, silent() as two, socket.create_server(("127.0.0.1", 0)) as listener:
        seconds = timed(connect, Ways([one, two, info(listener.getsockname())], [listener]), 2)
        assert seconds > 0.4, "the third address was tried before the second had its 0.25 seconds"
        assert seconds < 1.5, f"two addresses are silent: {seconds:.1f} seconds were lost"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        good = info(listener.getsockname())
        closed = [info(dead_end()) for _ in range(3)]
        for failing in ([info(UNREACHABLE)], closed):
            seconds = timed(connect, Ways([*failing, good], [listener]), len(failing))
            assert seconds < 0.6, "after a failure the next attempt begins at once"
    fails_with_error(connect)
    assert not held() - before, "you left a socket open"


def timed(connect: Happy, ways: Ways, place: int, other: str = "") -> float:
    before = held()
    start = time.monotonic()
    try:
        client = connect([*ways.answers])
    except OSError as error:
        raise AssertionError(
            f"somebody would have answered, and you raised {error!r}: an attempt goes on beside"
            " the next ones until it fails"
        ) from None
    seconds = time.monotonic() - start
    with reached(client, ways.answers[place], other) as client:
        assert held() - before <= held_by(client), "an attempt that lost is still open"
    return seconds


@contextmanager
def two_ways(
    link: bool, lost: Sequence[int] = (), slow: Sequence[int] = (), late: Sequence[int] = ()
) -> Iterator[Ways]:
    """Two ways to a server: over a Link in IPv6 and IPv4, or, where there is none, on loopback.

    A lost one lets no packet through, a late one none for a while: it connects when the kernel
    repeats its SYN, after a second. A slow one takes longer than 0.25 seconds to connect.
    """
    yield from over_link(lost, slow, late) if link else over_loopback(lost, [*slow, *late])


def linked() -> bool:
    """Whether a Link can be had, with IPv6 on it."""
    if not network().private:
        return False
    with suppress(OSError), Link(), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("fd00::1", 0))
        return True
    return False


VERSIONS = (6, 4)  # of the two ways, in this order
WHILE = 0.6  # seconds, less than the kernel waits until it repeats a SYN


def over_link(lost: Sequence[int], slow: Sequence[int], late: Sequence[int]) -> Iterator[Ways]:
    begin: list[int] = []

    def lose(packet: Packet) -> bool:
        place = VERSIONS.index(packet.version)
        begin.append(packet.nanoseconds)
        young = packet.nanoseconds - begin[0] < WHILE * 1e9
        return place in lost or (place in late and young)

    def delay(packet: Packet) -> float:
        return 0.2 if VERSIONS.index(packet.version) in slow else 0.02

    with Link(delay, lose):
        six = socket.create_server(("fd00::1", 0), family=socket.AF_INET6)
        with six, socket.create_server(("10.0.0.1", 0)) as four:
            there = ("fd00::2", six.getsockname()[1], 0, 0), ("10.0.0.2", four.getsockname()[1])
            yield Ways([info(address) for address in there], [six, four])


def over_loopback(lost: Sequence[int], slow: Sequence[int]) -> Iterator[Ways]:
    with ExitStack() as stack:
        listeners = [
            stack.enter_context(socket.create_server((f"127.0.0.{last}", 0), backlog=1))
            for last in (2, 3)
        ]
        for place in {*lost, *slow}:  # a full queue drops every SYN
            for _ in range(2):
                stack.enter_context(socket.create_connection(listeners[place].getsockname()))
        ways = Ways([info(listener.getsockname()) for listener in listeners], listeners)
        for place in slow:
            stack.enter_context(background(make_room, listeners[place]))
        yield ways


def make_room(listener: socket.socket) -> None:
    wait_until(lambda: False, WHILE)
    for _ in range(2):
        listener.accept()[0].close()
