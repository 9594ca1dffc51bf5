"""09: the client takes a name, and tries each of its addresses, all within one time limit.

Names of several addresses need a private /etc/hosts; elsewhere there is localhost.
"""

import re
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from sockutils.kernel.files import edited
from sockutils.kernel.network import has_ipv6, network
from sockutils.lessons.own.connect import EXIT, LATEST, calling, gives_up
from sockutils.names.server import dns_server
from sockutils.peers.waits import wait_until
from sockutils.practice.own import own_program
from sockutils.practice.program import ANSWER, HOST, PORT, START, Program, free, running
from sockutils.practice.silent import full

# glibc leaves their order: each has as many leading bits in common with 127.0.0.1
ADDRESSES = [f"127.0.0.{number}" for number in range(16, 32)]
FIRST, SECOND, THIRD = ADDRESSES[:3]
THINKS = 0.2  # seconds until a server answers; no time is left for it if all went to one address
LOOKUP = 2.2  # seconds, more than the limit of what comes after it
WHOLE = 3.0  # seconds for connect() and recv() together, two with some patience
# what -X dev says of a socket that has never been connected; one that has may end with its program
UNCLOSED = re.compile(r"ResourceWarning: (unclosed <socket(?:(?!raddr)[^>])*>)")
LOOP = "for … in socket.getaddrinfo(host, 5000, type=socket.SOCK_STREAM): a socket for each"
SHARE = "divide what is left of the two seconds by the number of addresses left"
REST = "settimeout() holds for recv(), too: after connect() set what is left of the two seconds"
EXCEPT = "`except OSError` takes every way in which it fails"
HINTS = {
    "is not there": "the client of before is folded under the text above: begin with it",
    "calls 127.0.0.1": "the name is sys.argv[1]; without one it is localhost",
    "IndexError": 'without a name there is no sys.argv[1]: `sys.argv[1:] or ["localhost"]` has one',
    "gaierror": "getaddrinfo() may fail, too, with an OSError: have it in the `try`",
    "leaves to Python": "client.close() where connect() has failed",
    "the lookup takes": "let the two seconds begin when getaddrinfo() has returned",
    "only an IPv6 address": "ask for no family; socket() takes that of each entry in the list",
    "says nothing:": EXIT,
    "lines: one": "either print() or sys.exit() says it",
    "let it be 1": EXIT,
    "said b": 'the first word is the name; each other one is a line, with "\\n" at its end',
    "printed": "print each line of the answer as text: `.decode()` makes it of bytes",
    "takes the call": REST,
    "silent": SHARE,
    "no time was left": SHARE,
    "which answers": LOOP,
    "TimeoutError": EXCEPT,
    "ConnectionRefusedError": EXCEPT,
    "OSError": EXCEPT,
    "ended with status": "",
    "": LOOP,
}


@own_program("resolvers", hint=HINTS)
def step(client: Path) -> None:
    free()
    found = socket.getaddrinfo("localhost", PORT, type=socket.SOCK_STREAM)
    known = " and ".join(str(address[0]) for *_, address in found)
    is_served(client, HOST, f"no name is given, and localhost is {known}")
    with running(client, "localhost") as program:
        gives_up(program, "nobody listens at localhost", START)
    if network().files:
        by_name(client)
    else:
        at_a_mute_one(client)


def at_a_mute_one(client: Path) -> None:
    with (
        socket.create_server((HOST, PORT)) as server,
        running(client, "localhost") as program,
        program.calls(server),
    ):
        gives_up(program, "a server takes the call and does not answer", LATEST)


def by_name(client: Path) -> None:
    with named(FIRST, SECOND) as name:
        case = f"{name} has two addresses, of which the first refuses"
        with socket.create_server((HOST, PORT)) as trap:
            is_served(client, SECOND, case, name, "one", trap=trap)
    of_three(client)
    if has_ipv6():
        with named("::1") as name:
            is_served(client, "::1", f"{name} has only an IPv6 address", name)
    of_sixteen(client)
    if network().private:
        looked_up_late(client)
    with named(HOST), running(client, "nobody.example") as program:
        gives_up(program, "nobody knows the name nobody.example", START)


def of_three(client: Path) -> None:
    """Two are silent. A busy machine may take what they leave of the two seconds: look again."""
    with named(FIRST, SECOND, THIRD) as name, full(FIRST, PORT), full(SECOND, PORT):
        case = f"{name} has three addresses, of which the first two are silent"
        try:
            is_served(client, THIRD, case, name, "one", "two and three")
        except AssertionError:
            is_served(client, THIRD, case, name, "one", "two and three")


def of_sixteen(client: Path) -> None:
    """All are silent but the last one, which takes the call and says nothing."""
    *quiet, mute = ADDRESSES
    with named(*ADDRESSES) as name, ExitStack() as stack:
        for address in quiet:
            stack.enter_context(full(address, PORT))
        server = stack.enter_context(socket.create_server((mute, PORT)))
        program = stack.enter_context(running(client, name))
        wait_until(lambda: program.over or calling(), START)
        wait_until(lambda: program.over, WHOLE)
        case = f"{name} has sixteen addresses, fifteen of them silent"
        if called(server):
            case = f"the last of the sixteen addresses of {name} takes the call and does not answer"
        late = f"{case}, and {program} still waits after {WHOLE:g} s: two are the limit, for all"
        assert program.over, late
        gives_up(program, case, 0)


def looked_up_late(client: Path) -> None:
    """A lookup has no limit, so it does not count."""
    zone, options = f"late.example. 60 IN A {FIRST}", "timeout:5 attempts:1"
    with dns_server(zone, late=LOOKUP, options=options):
        is_served(client, FIRST, f"the lookup takes {LOOKUP:g} s", "late.example")


@contextmanager
def named(*addresses: str) -> Iterator[str]:
    """A name of these addresses, in this order."""
    lines = [f"{address} shout.example\n" for address in addresses]
    with edited("/etc/hosts", "".join(["127.0.0.1 localhost\n", *lines])):
        yield "shout.example"


def is_served(
    client: Path, address: str, case: str, *words: str, trap: socket.socket | None = None
) -> None:
    """Run it with these words, answer at the address, and see what it prints."""
    lines = words[1:] or ("hello",)
    question = "".join(f"{line}\n" for line in lines).encode()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with (
        socket.create_server((address, PORT), family=family) as server,
        running(client, *words, options=("-X", "dev")) as program,
    ):
        traps = [trap] if trap else []
        comes(program, [server, *traps], f"{case}: {program}", address)
        if trap and called(trap):
            raise AssertionError(f"{program} calls 127.0.0.1, not {words[0]}, which it was given")
        with server.accept()[0] as connection:
            connection.settimeout(ANSWER)
            heard = said(connection, question)
            told = f"{case}: {program}"
            if heard != question:
                ended(program, told)
            assert heard == question, f"{told} said {heard!r:.80}, not {question!r}"
            wait_until(lambda: program.over, THINKS)
            with suppress(OSError):  # it may be gone
                connection.sendall(question.upper())
                connection.shutdown(socket.SHUT_WR)
            wait_until(lambda: program.over, ANSWER)
            ended(program, told)
        program.ends()
        for line in lines:
            seen = program.printed
            assert line.upper() in seen, f"{told} got {line.upper()!r} and printed {seen!r:.80}"
        left = UNCLOSED.findall(program.complained)
        assert not left, f"{told} leaves to Python what did not connect: {left[0]}"


def comes(program: Program, servers: list[socket.socket], told: str, address: str) -> None:
    """Wait until it calls one of them."""

    def reached() -> bool:
        return any(map(called, servers))

    wait_until(lambda: program.over or reached() or calling(), START)
    wait_until(lambda: program.over or reached(), LATEST)
    if not reached():
        words = f"{told} {state(program)}, and did not call {address}, which answers"
        raise AssertionError(words)


def state(program: Program) -> str:
    """What it does that is not what it should: it waits, has died, or has given up in words."""
    if not program.over:
        return f"still waits after {LATEST:g} s"
    if "Traceback (most recent call last)" in program.complained:
        program.lives()
    words = program.complained.strip() or program.printed.strip()
    return f"gave up with {words!r:.80}"


def ended(program: Program, told: str) -> None:
    """Tell if it has given up, though it had reached its server."""
    if program.status:
        raise AssertionError(f"{told} is connected, and {state(program)}: no time was left")


def called(server: socket.socket) -> bool:
    return bool(select.select([server], [], [], 0)[0])


def said(connection: socket.socket, question: bytes) -> bytes:
    """What comes, until it is the question, or cannot become it any more."""
    heard = b""
    with suppress(TimeoutError, ConnectionResetError):
        while heard != question and question.startswith(heard):
            part = connection.recv(1 << 16)
            if not part:
                break
            heard += part
    return heard
