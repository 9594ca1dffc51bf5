"""11: an answer that does not fit waits in the server, and nobody waits for who does not read.

The client that does not read has small buffers, so that a megabyte of answers fits nowhere.
"""

import select
import socket
from functools import partial
from pathlib import Path

from sockutils.lessons.own.patience import hears_soon, patiently, waiting
from sockutils.lessons.own.rests import asleep, processes, seldom
from sockutils.peers.ends import reset
from sockutils.peers.waits import wait_until
from sockutils.practice.own import UNREAD, answers, caller, died, own_program
from sockutils.practice.program import ANSWER, HOST, PORT, Program, free, running

MEGABYTE = b"".join(b"this is a line, number %08d\n" % number for number in range(1 << 15))
FEW = MEGABYTE[: 1 << 17]  # what the server's kernel takes although nobody reads
LAST = b"the end"  # a line without its newline
LONG = b"a line without its newline, " * (1 << 15)  # more than a kernel takes at once
GONE = "who is gone concerns nobody else: `except OSError` around recv() and send()"
KEEP = "keep what send() did not take, ask for POLLOUT meanwhile, and go back to poll()"
HINTS = {
    "waits for it": "connection.setblocking(False), and send() in place of sendall(): it takes "
    "what fits, and says how much; POLLOUT tells when there is room for more",
    "is busy, and another": f"do not loop around send() until all is sent: {KEEP}. (Or is it the "
    'lines? `answers += …` for each copies all that waits; b"".join() of the lines copies it once)',
    "ResetError": GONE,
    "BrokenPipeError": GONE,
    "BlockingIOError": f"`except BlockingIOError`: {KEEP}",
    "KeyError": "unregister, take out of the dictionary, close: all three, in this order",
    "answered nothing": "an answer goes out when POLLOUT comes: ask for it as long as one waits",
    "all are silent": "a connection is nearly always writable: ask for POLLOUT while an answer "
    "waits, and at no other time. And poll() waits: give it no time, or a long one",
    "a megabyte and reads nothing": "while answers wait, ask for POLLOUT and not for POLLIN, or "
    "read what comes; when none waits any more, for POLLIN and not for POLLOUT",
    "that reads nothing was cut off": "send() on a full queue raises BlockingIOError, which is an "
    f"OSError, too: catch it first; {KEEP}. (sendall() does not tell how much it sent)",
    "before it had read everything": "POLLRDHUP and POLLHUP may come while there are bytes to "
    "read: recv() them, until b''",
    "has read all its answers": "when no answer waits any more, ask for POLLIN and not for POLLOUT",
    "has its answer and says": "when no answer waits, ask for POLLIN and not for POLLOUT",
    "ended its direction and": "its end stays readable: once you have read b'', ask for POLLOUT "
    "while answers wait, and then close",
    "has reset": "recv() or send() tells of it: then unregister and close",
    r"WORLD\nHELLO": "cut off what send() took: it returns how many bytes that were",
    r"HELLO\nHELLO": "cut off what send() took: it returns how many bytes that were",
    "THE ENDTHE": "b'' comes each time that you ask: once you have read it, do not ask for POLLIN",
    "another answer": "cut off exactly what send() took, and keep the rest, one for each client",
    "and then nothing": "whoever got POLLOUT sends, and asks for POLLIN when nothing is left",
    "without an answer": "close at b'' only when all answers are sent, also that of a last line "
    "without its newline",
    "and then the end": "close at b'' only when all answers are sent",
    "has not closed": "once b'' has come and all answers are sent: unregister and close",
}


@own_program("poll", hint=HINTS, seconds=120)
def step(server: Path) -> None:
    free()
    with running(server) as program:
        program.listens()
        with caller() as silent:
            serves(program, "and one client is silent")
            rests(program, "all are silent")
            seldom(program, processes(), "all are silent")
            with small() as client:
                sent = says(program, client, MEGABYTE)
                asleep(program, processes())  # it has taken what it will, then
                serves(program, "one client has sent a megabyte, and reads nothing")
                rests(program, "one client has sent a megabyte and reads nothing")
                hears(program, client, MEGABYTE, sent)
                rests(program, "a client has read all its answers and says no more")
                ends(program, client)
            meets_one_that_ends(program)
            meets_one_that_ends_at_once(program)
            meets_a_long_last_line(program)
            meets_one_that_resets(program)
            silent.sendall(b"at last\n")
            answers(program, silent, b"AT LAST\n")
            rests(program, "a client has its answer and says no more")
        rests(program, "nobody is there")


def small() -> socket.socket:
    """A client with small buffers and packets, which make the server's kernel take little, too."""
    client = socket.socket()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(ANSWER)
    client.connect((HOST, PORT))
    return client


def says(program: Program, client: socket.socket, words: bytes) -> int:
    """Send until there has been no room for a while; return how many bytes that were."""
    sent = 0
    while sent < len(words) and select.select([], [client], [], 0.4)[1]:
        try:
            sent += client.send(words[sent:][: 1 << 16])
        except OSError:
            raise AssertionError(cut_off(program)) from None
    return sent


def cut_off(program: Program) -> str:
    died(program)
    return f"a client that reads nothing was cut off: {program} closed its connection"


def serves(program: Program, meanwhile: str) -> None:
    """Another client comes, and talks in pieces."""
    with caller() as client:
        client.sendall(b"hello\nwor")
        client.sendall(b"ld\n")
        try:
            hears_soon(program, client, b"HELLO\nWORLD\n")
        except AssertionError as error:
            if "answered nothing within" not in str(error) or "silent" in meanwhile:
                raise
            why = "waits for it" if asleep(program, processes()) else "is busy"
            others = f"another client gets no answer within {ANSWER:.0f} s"
            raise AssertionError(f"{meanwhile}: {program} {why}, and {others}") from None
        ends(program, client)


def ends(program: Program, client: socket.socket) -> None:
    """A last line without its newline, and the end; its answer, and the end."""
    client.sendall(LAST)
    client.shutdown(socket.SHUT_WR)
    hears_soon(program, client, LAST.upper())
    closes(program, client)


def closes(program: Program, client: socket.socket) -> None:
    """Read the end of a connection whose other direction is over."""
    try:
        more = client.recv(100)
    except TimeoutError:
        over = f"within {ANSWER:.0f} s of a client's end, and of the last answer to it"
        raise AssertionError(f"{program} has not closed its connection {over}") from None
    except ConnectionResetError as error:
        raise AssertionError(f"{program} reset the connection: it closed{UNREAD}") from error
    assert not more, f"after its last answer {program} sent {more!r:.80}, too"


def hears(program: Program, client: socket.socket, words: bytes, sent: int) -> None:
    """Read all the answers, and send the rest meanwhile."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    expected, got = words.upper(), 0
    while got < len(expected):
        writers = [client] if sent < len(words) else []
        readable, writable, _ = select.select([client], writers, [], 1)
        so_far = f"the client that read nothing reads now: {got} of {len(expected)} bytes came"
        if (
            not readable
            and not writable
            and not patiently(program, partial(ready, client, writers))
        ):
            raise AssertionError(f"{so_far}, and then nothing within {ANSWER:.0f} s")
        try:
            if writable:
                sent += client.send(words[sent:][: 1 << 16])
            part = client.recv(1 << 16) if readable else None
        except OSError:
            raise AssertionError(cut_off(program)) from None
        if part is not None:
            if not part:
                died(program)
                raise AssertionError(f"{so_far}, and then the end")
            assert part == expected[got : got + len(part)], f"{so_far}, and then another answer"
            got += len(part)


def ready(reader: socket.socket, writers: list[socket.socket]) -> bool:
    return any(select.select([reader], writers, [], 0))


def meets_one_that_ends(program: Program) -> None:
    """A client ends its direction while answers wait for it, and reads them later."""
    with small() as client:
        sent = says(program, client, FEW)
        if sent == len(FEW):
            client.shutdown(socket.SHUT_WR)
        serves(program, "one client has sent 131072 bytes and ended its direction")
        rests(program, "one client has ended its direction and reads nothing")
        hears(program, client, FEW, sent)
        if sent < len(FEW):
            client.shutdown(socket.SHUT_WR)
        closes(program, client)


def meets_one_that_ends_at_once(program: Program) -> None:
    """Its words and its end come together, in one packet."""
    with caller() as client:
        client.send(b"hello\nworld\n", socket.MSG_MORE)
        client.shutdown(socket.SHUT_WR)
        answers(program, client, b"HELLO\nWORLD\n")
        closes(program, client)


def meets_a_long_last_line(program: Program) -> None:
    """It ends its direction behind it, and reads the answer later: nothing may be lost."""
    with small() as client:
        if (sent := says(program, client, LONG)) == len(LONG):
            client.shutdown(socket.SHUT_WR)
        rests(program, "one client has sent a long last line and reads nothing")
        hears(program, client, LONG, sent)
        if sent < len(LONG):
            client.shutdown(socket.SHUT_WR)
        closes(program, client)


def meets_one_that_resets(program: Program) -> None:
    with small() as client:
        says(program, client, MEGABYTE)
        reset(client)
    wait_until(lambda: program.over, 0.3)
    program.lives()
    assert not program.over, f"{program} ended when a client reset the connection"
    serves(program, "one client has sent a megabyte and has reset the connection")
    rests(program, "one client that read nothing has reset the connection")


def rests(program: Program, when: str) -> None:
    """It sleeps, as soon as it has done what there is to do, however long that takes."""
    calm, left = asleep(program, processes()), waiting()
    while not calm and not program.over:
        for _ in range(2):  # by the second one's answer, a loop has come round to everybody
            serves(program, when)
        calm, before, left = asleep(program, processes()), left, waiting()
        if left == before:
            break
    program.lives()
    assert not program.over, f"{program} ended while {when}"
    idle = f"{program} reads nothing and sends nothing"
    assert calm, f"while {when}, {idle}, and keeps a processor busy"
