"""What its exercises ask of the learner's functions."""

import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from sockutils.lessons.send.arrivals import trickle, wait_until_over
from sockutils.lessons.send.stream import TIMEOUT, connected
from sockutils.peers.ends import reset
from sockutils.peers.peer import background
from sockutils.practice.exercise import exercise

LENGTH = struct.Struct("!I")
SHORT = 0.1  # seconds, where nothing more comes
CLOSED = "you closed the connection, and whoever called you reads on from it"
TOO_MANY = "you wait for bytes that nobody sent; did an earlier call take more than its own?"
LENGTH_OFF = (
    "you wait for bytes that nobody sent; which length did you read? Or did you take too many?"
)
COMPLETE = "it is complete, and you wait for more: yield it at once"
GENERATOR = "a function with `yield` in it returns a generator"
# Byte by byte (the long end at once: a piece costs two switches, dear ones on a busy machine),
# odd pieces, all at once; 2 and 7: who asks for 3 twice has too many then.
SIZES = ((*(1,) * 60, 1 << 20), (2, 7, 1, 3), (1 << 20,))
OVER = (
    "never ask for more than is missing: recv(count - len(data)). What you take beyond that, the "
    "next call does not find any more; a file of makefile() reads ahead, too"
)
NO_OTHER = "a loop needs no other timeout: each recv() waits for a byte at least"
FEWER = "recv() returns what is there. While something is missing, ask again; b'' is the end."
THROUGH = "what recv() raises is no end: leave out the `except`, and your caller learns of it"
EXACTLY = {
    "goes on: nobody": THROUGH,
    "is due, and let through": THROUGH,
    "did an earlier call": OVER,
    "too many": OVER,
    "others were due": OVER,
    "that is no end": "for 0 bytes there is nothing to ask for: compare the lengths before recv()",
    "EOFError expected": "b'' has come before all bytes have: raise EOFError then, and only then",
    "leave the timeout": NO_OTHER,
    "closed the connection": "`with` closes what your caller still needs: leave it out",
    "": FEWER,
}
NO_BYTE = "None only if not one byte of a length has come: ask for the first byte alone"
FOUR = "the length is four bytes, all of them: !I; !H is two"
PREFIX = "First exactly four bytes, in network byte order (!), then exactly as many as they say."
MESSAGE = {
    "is due, and let through": f"{THROUGH}. Has your receive_exactly() passed exercise 1?",
    "goes on: nobody": THROUGH,
    "leave the timeout": NO_OTHER,
    "you returned text": "a message is bytes, and need not be text: no decode()",
    "requires a buffer of 4 bytes": "recv(4) may return fewer than four: receive_exactly() reads "
    "on until it has them. Has yours passed exercise 1?",
    "tuple": "unpack() returns a tuple, also of one: `(length,) = struct.unpack(…)`, or `[0]`",
    "which length": 'struct.unpack("!I", …): without the ! many machines read the four bytes '
    "backwards, and 5 becomes 83,886,080. Has your receive_exactly() passed exercise 1?",
    "in odd pieces": "byte by byte it was right, so too many bytes are taken somewhere. Has your "
    "receive_exactly() passed exercise 1?",
    "was b'hello', you returned b''": FOUR,
    "of 65,536 bytes": FOUR,
    "was b'', you returned None": "a message of no bytes is a message: b''. None is the end",
    "EOFError expected": NO_BYTE,
    "None is due": NO_BYTE,
    "": PREFIX,
}


@contextmanager
def trickling(data: bytes, sizes: Sequence[int]) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection on which the client sends data in pieces of these sizes."""
    with ExitStack() as stack:
        client, server = connected(stack)
        stack.enter_context(background(trickle, client, server, data, sizes))
        stack.callback(server.close)  # first: then nothing is left to read
        yield client, server


def in_pieces(sizes: Sequence[int]) -> str:
    if sizes[0] == 1:
        return "byte by byte"
    return "in odd pieces" if len(sizes) > 1 else "all at once"


def heard(came: str, waits: str, receive: Callable[..., Any], *args: object) -> Any:
    """What it returns while the stream is open, and all that it should ask for is sent."""
    try:
        return receive(*args)
    except EOFError:
        raise AssertionError(f"{came}: you raised EOFError, but the stream is open") from None
    except TimeoutError:
        raise AssertionError(f"{came}: {waits}") from None


def ends_early(receive: Callable[[socket.socket], object], early: bytes, when: str) -> None:
    """At this end of the stream it raises EOFError, and nothing else."""
    with ExitStack() as stack:
        client, server = connected(stack)
        client.sendall(early)
        client.close()
        try:
            what = f"you gave {shorter(receive(server))}"
        except EOFError:
            return
        except OSError as error:
            what = f"you raised {type(error).__name__}"
    raise AssertionError(f"the stream ended {when}: EOFError expected, {what}")


def lets_through(receive: Callable[[socket.socket], object], early: bytes, where: str) -> None:
    """A stream that is silent, or reset, has not ended there: its error is the caller's."""
    for due in (TimeoutError, ConnectionResetError):
        let_through(receive, early, where, due)


def let_through(
    receive: Callable[[socket.socket], object], early: bytes, where: str, due: type[OSError]
) -> None:
    with ExitStack() as stack:
        client, server = connected(stack)
        client.sendall(early)
        if due is ConnectionResetError:
            reset(client)
            wait_until_over(server)
        server.settimeout(SHORT)
        try:
            what = f"you gave {shorter(receive(server))}"
        except due:
            return
        except (EOFError, OSError) as error:
            what = f"you raised {type(error).__name__}"
    raise AssertionError(f"{where} {due.__name__} is due, and let through: {what}")


def at_the_end(due: str, receive: Callable[..., object], *args: object) -> object:
    """What it returns at an end of the stream that is none too early."""
    try:
        return receive(*args)
    except EOFError:
        words = f"the stream ended where it may: {due}, you raised EOFError"
        raise AssertionError(words) from None


def left_as_it_was(server: socket.socket) -> None:
    assert server.fileno() != -1, CLOSED
    limit = server.gettimeout()
    assert limit == TIMEOUT, f"leave the timeout as it is: it was 2 s, is now {limit}"


def shorter(value: object) -> str:
    text = repr(value)
    return text if len(text) < 40 else f"{text[:30]}… ({len(text)} characters)"


def differs(found: bytes, wanted: bytes) -> str:
    """What was returned, and what is wrong with it."""
    what = f"you returned {shorter(found)}"
    if len(found) > len(wanted):
        return f"{what}: too many"
    return what if wanted.startswith(found) else f"{what}: others were due, {shorter(wanted)}"


@exercise("send", seconds=10, hint=EXACTLY)
def exactly(receive_exactly: Callable[[socket.socket, int], bytes]) -> None:
    parts = (b"one", b"", b"twothree", b"x" * 300)
    for sizes in SIZES:
        with trickling(b"".join(parts), sizes) as (_, server):
            for wanted in parts:
                came = f"the bytes came {in_pieces(sizes)}, you were asked for {len(wanted)}"
                came += "" if wanted else " (recv(0) is b'', and that is no end)"
                found = heard(came, TOO_MANY, receive_exactly, server, len(wanted))
                assert isinstance(found, (bytes, bytearray)), f"it returned {found!r}, not bytes"
                assert found == wanted, f"{came}, {differs(bytes(found), wanted)}"
                left_as_it_was(server)
    for early in (b"on", b""):
        when = f"after {len(early)} of 3 bytes"
        ends_early(lambda server: receive_exactly(server, 3), early, when)
    lets_through(lambda server: receive_exactly(server, 5), b"he", "after b'he' of 5 bytes")


@exercise("send", seconds=10, hint=MESSAGE)
def one_message(receive_message: Callable[[socket.socket], bytes | None]) -> None:
    messages = [b"hello", b"", b"\0\0\0\1!", b"x" * 300]
    data = b"".join(LENGTH.pack(len(message)) + message for message in messages)
    for sizes in SIZES:
        with trickling(data, sizes) as (client, server):
            for wanted in messages:
                came = f"the bytes came {in_pieces(sizes)}, the message was {wanted[:9]!r}"
                found = heard(came, LENGTH_OFF, receive_message, server)
                text = "text, " if isinstance(found, str) else ""
                assert found == wanted, f"{came}, you returned {text}{shorter(found)}"
                left_as_it_was(server)
            client.shutdown(socket.SHUT_WR)
            last = at_the_end("None is due", receive_message, server)
            assert last is None, f"the stream has ended, you returned {shorter(last)}"
    for early, when in (
        (b"\0\0", "inside a length"),
        (b"\0\0\0\5", "between a length and its message"),
        (b"\0\0\0\5hel", "inside a message"),
        (b"\0\1\0\0hel", "inside a message of 65,536 bytes"),
    ):
        ends_early(receive_message, early, when)
    for early, where in (
        (b"", "before a length begins"),
        (b"\0\0", "inside a length"),
        (b"\0\0\0\5he", "inside a message"),
    ):
        lets_through(receive_message, early, where)


@exercise(
    "send",
    seconds=10,
    hint="Keep what you have read in a variable, and look for the delimiter in that.",
)
def delimiter(lines: Callable[[socket.socket], Iterator[bytes]]) -> None:
    ends = [b" ", b"\n begins so", b"ends so\r", b"\r"]
    expected = [b"GET / HTTP/1.1", b"", b"a\rb\nc", *ends, b"x" * 500, b"end"]
    data = b"".join(line + b"\r\n" for line in expected)
    for sizes in SIZES:
        with trickling(data, sizes) as (client, server):
            found = heard("a line has come", COMPLETE, lines, server)
            assert isinstance(found, Iterator), f"it returned {shorter(found)}: {GENERATOR}"
            for wanted in expected:  # the stream is still open: no waiting for its end
                came = f"the bytes came {in_pieces(sizes)}, the line was {wanted[:20]!r}"
                line = heard(came, COMPLETE, next, found, None)
                assert line == wanted, f"{came}, you gave {shorter(line)}"
            client.shutdown(socket.SHUT_WR)
            more = at_the_end("stop there", next, found, None)
            assert more is None, f"the stream has ended, you gave {shorter(more)}"
    for early in (b"one\r\ntw", b"one\r\n\r", b"one\r\n "):
        when = f"inside a line, after {early!r}"
        ends_early(lambda server: list(lines(server)), early, when)
