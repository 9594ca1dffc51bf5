"""What its first three exercises ask of the learner's functions."""

import select
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

from sockutils.calls.trace import trace
from sockutils.link.relay import LARGEST, Address
from sockutils.peers.peer import background
from sockutils.practice.exercise import exercise

ANY = ("127.0.0.1", 0)


def udp(stack: ExitStack) -> socket.socket:
    made = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
    made.bind(ANY)
    return made


@exercise("sendto", hint="recvmsg() also returns flags. Which one says that a part is missing?")
def not_too_long(
    receive_whole: Callable[[socket.socket, int], tuple[bytes, Address] | None],
) -> None:
    with ExitStack() as stack:
        receiver, sender = udp(stack), udp(stack)
        receiver.settimeout(1)
        for size, limit in ((3, 10), (10, 10), (11, 10), (0, 10), (5000, 4999), (LARGEST, LARGEST)):
            sender.sendto(b"." * size, receiver.getsockname())
            came = f"{size} bytes came, the limit was {limit}"
            try:
                found = receive_whole(receiver, limit)
            except ValueError:
                assert size > limit, (
                    f"{came}, and you raised ValueError; is a longer one still in the queue?"
                )
                continue
            assert size <= limit, f"{came}, and you raised no ValueError"
            assert isinstance(found, tuple), f"{came}, you returned {found!r}"
            assert found[0] == b"." * size, f"{came}, you returned {len(found[0])} other bytes"
            assert found[1] == sender.getsockname(), f"{came}, the sender was {found[1]!r} for you"


@exercise("sendto", hint="Whom does the kernel tell about a closed port? connect() first.")
def knock(closed: Callable[[Address, float], bool]) -> None:
    with ExitStack() as stack:
        silent, lively, busy = udp(stack), udp(stack), udp(stack)
        # It hears its peer only, so nobody takes what you send; but bind() finds the port in use.
        busy.connect(silent.getsockname())
        with background(echo, lively) as peer:
            for address, right, what in (
                (
                    busy.getsockname(),
                    True,
                    "the machine says that nobody there takes your datagram",
                ),
                (silent.getsockname(), False, "no answer"),
                (lively.getsockname(), False, "an answer came"),
            ):
                start = time.monotonic()
                with trace() as calls:
                    answer = closed(address, 0.3)
                assert answer is right, f"{what}: you returned {answer!r}"
                assert time.monotonic() - start < 1, f"{what}: that took you more than a second"
                left = sum(lane[-1].name != "close" for lane in calls.lanes().values())
                assert not left, f"{what}: you left a socket open"
            assert drained(silent), "you said that a port is open, and sent nothing to it"
        assert peer.result, "you sent nothing to a server that answers"


def echo(server: socket.socket) -> bool:
    server.settimeout(3)
    try:
        words, address = server.recvfrom(LARGEST)
    except TimeoutError:
        return False
    server.sendto(words, address)
    return True


@exercise(
    "sendto", seconds=10, hint="Send, wait, send again. A socket with a peer hears no strangers."
)
def persistence(ask: Callable[[Address, bytes, float, int], bytes | None]) -> None:
    for deaf, tries, late, expected in (
        (0, 3, 0.0, b"answer 1"),
        (2, 3, 0.0, b"answer 3"),
        (3, 3, 0.0, None),
        (0, 1, 0.3, b"answer 1"),
    ):
        with ExitStack() as stack:
            server, stranger = udp(stack), udp(stack)
            count = min(deaf + 1, tries)
            seconds = 1.0 if late else 0.2
            what = f"the server ignores {deaf} questions, you had {tries} tries of {seconds:g} s"
            what += f", and the answer comes {late:g} s late" if late else ""
            start = time.monotonic()
            with background(hard_of_hearing, server, stranger, deaf, count, late) as peer:
                answer = ask(server.getsockname(), b"what?", seconds, tries)
                elapsed = time.monotonic() - start
            assert answer != b"from a stranger", f"{what}: you believed a stranger"
            assert answer == expected, f"{what}: you returned {answer!r}"
            questions = peer.result + drained(server)
            assert set(questions) == {b"what?"}, f"{what}: the server got {questions!r}"
            assert len(questions) == count, f"{what}: you asked {len(questions)} times"
            assert elapsed < 1.5, f"{what}: you waited much longer than asked"
            least = seconds * (count if answer is None else count - 1)
            assert elapsed >= 0.9 * least, (
                f"{what}: all was over after {elapsed:.2f} s, so you did not wait long enough"
            )


def hard_of_hearing(
    server: socket.socket, stranger: socket.socket, deaf: int, count: int, late: float
) -> list[bytes]:
    questions: list[bytes] = []
    server.settimeout(1)
    while len(questions) < count:
        try:
            question, address = server.recvfrom(LARGEST)
        except TimeoutError:
            break
        questions.append(question)
        stranger.sendto(b"from a stranger", address)
        if len(questions) > deaf:
            select.select([], [], [], late)
            server.sendto(b"answer %d" % len(questions), address)
    return questions


def drained(receiver: socket.socket) -> list[bytes]:
    receiver.setblocking(False)
    found = []
    while select.select([receiver], [], [], 0)[0]:
        found.append(receiver.recv(LARGEST))
    return found
