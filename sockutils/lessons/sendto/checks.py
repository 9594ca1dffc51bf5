"""What its first three exercises ask of the learner's functions."""

import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

from sockutils.calls.call import Call
from sockutils.calls.trace import trace
from sockutils.link.relay import LARGEST, Address
from sockutils.peers.peer import background
from sockutils.practice.exercise import exercise
from sockutils.practice.left import left_open

ANY = ("127.0.0.1", 0)


def udp(stack: ExitStack) -> socket.socket:
    made = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
    made.bind(ANY)
    return made


SIZES = ((3, 10), (10, 10), (11, 10), (0, 10), (5000, 4999), (LARGEST, LARGEST))  # and limits
LAST = 7  # bytes
TAKEN = "you took more than one from the queue; an empty datagram is one, too"


CUT = "ValueError is due: it was too long, and the rest is gone"
DUE = "ValueError is due: raise it"
SHORT = "that is not too long"


@exercise(
    "sendto",
    hint={
        CUT: "how can you tell that a part is missing? Ask for more than the limit, or for flags",
        DUE: '`raise ValueError("too long")` ends the call: nothing is returned',
        SHORT: "`limit` bytes are allowed, and so is none: compare with >",
        "not (data, address)": "return both, as recvfrom() does: the data and the sender's address",
        "still in the queue": "MSG_PEEK leaves it there: read it, too, before you raise",
        TAKEN: "one call of recvfrom() or recvmsg() is one datagram: call it once",
        "you closed": "leave it open: `with` closes it",
    },
)
def not_too_long(
    receive_whole: Callable[[socket.socket, int], tuple[bytes, Address] | None],
) -> None:
    with ExitStack() as stack:
        receiver, sender = udp(stack), udp(stack)
        receiver.settimeout(1)
        here, there = receiver.getsockname(), sender.getsockname()
        sender.sendto(bytes(SIZES[0][0]), here)
        for (size, limit), (after, _) in zip(SIZES, [*SIZES[1:], (LAST, 0)], strict=True):
            sender.sendto(bytes(after), here)  # the next one waits behind it
            came = f"{size} bytes came, the limit was {limit}"
            found, said = whole(receive_whole, receiver, limit)
            assert receiver.fileno() != -1, "you closed the receiver: others come after this one"
            head = waiting(receiver)
            assert head != size, f"{came}, {said}, and it is still in the queue"
            assert head == after, f"{came}, {said}: {TAKEN}"
            raised = isinstance(found, ValueError)
            due = CUT if found == (bytes(limit), there) else DUE
            right = raised == (size > limit)
            assert right, f"{came}, {said}: {due if size > limit else SHORT}"
            assert raised or found == (bytes(size), there), f"{came}, {said}, not (data, address)"


def whole(receive: Callable[..., object], *arguments: object) -> tuple[object, str]:
    """What it returned or raised, and the words for that."""
    try:
        found = receive(*arguments)
    except ValueError as error:
        return error, "you raised ValueError"
    except TimeoutError:
        return None, "you wait for one more"
    return found, f"you returned {shorter(found)}"


def waiting(receiver: socket.socket) -> int:
    """The size of the next datagram, -1 if there is none."""
    there = select.select([receiver], [], [], 0)[0]
    return len(receiver.recv(LARGEST, socket.MSG_PEEK)) if there else -1


def shorter(value: object) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(shorter, value))})"
    if isinstance(value, bytes) and (len(value) > 20 or not any(value)):
        return f"{len(value)} bytes"
    text = repr(value)
    return text if len(text) < 60 else f"{text[:50]}…"


UNHEARD = "the machine says that nobody there takes your datagram"
SECONDS = 0.3


@exercise(
    "sendto",
    hint="Whom does the kernel tell about a closed port? connect() first. And settimeout().",
)
def knock(closed: Callable[[Address, float], bool]) -> None:
    with ExitStack() as stack:
        silent, lively, busy = udp(stack), udp(stack), udp(stack)
        # It hears its peer only, so nobody takes what you send; but bind() finds the port in use.
        busy.connect(silent.getsockname())
        with background(echo, lively, silent.getsockname()) as peer:
            try:
                knocked(closed, busy.getsockname(), True, UNHEARD)
                took = knocked(closed, silent.getsockname(), False, "no answer")
                assert drained(silent), "you said that a port is open, and sent nothing to it"
                assert took >= 0.9 * SECONDS, f"no answer: you waited {took:.2f} s of {SECONDS} s"
                knocked(closed, lively.getsockname(), False, "an answer came")
            finally:
                silent.sendto(b"over", lively.getsockname())
        assert peer.result, "you sent nothing to a server that answers"


def knocked(closed: Callable[..., object], address: Address, right: bool, what: str) -> float:
    start = time.monotonic()
    with trace() as calls:
        try:
            said = f"you returned {(answer := closed(address, SECONDS))!r}"
        except OSError as error:
            answer, said = None, f"you raised {type(error).__name__}; {right} is the answer"
    took = time.monotonic() - start
    streams = {socket.SOCK_STREAM} & {kind(lane[0]) for lane in calls.lanes().values()}
    tcp = "; a TCP connection asks for another port" if streams else ""
    assert answer is right, f"{what}: {said}{tcp}"
    assert took < 1, f"{what}: that took you more than a second"
    assert not left_open(calls), f"{what}: you left a socket open"
    return took


def kind(made: Call) -> object:
    """The type in the call that made a socket."""
    positional = made.arguments[1] if len(made.arguments) > 1 else socket.SOCK_STREAM
    return made.keywords.get("type", positional)


def echo(server: socket.socket, over: Address) -> bool:
    """Answer the first one, and return whether it was anybody else than `over`."""
    words, address = server.recvfrom(LARGEST)
    server.sendto(words, address)
    return bool(address != over)


STRANGER = b"from a stranger"
CHATTER = 1.0  # seconds for which strangers talk after a question
RESTARTED = "does each datagram of a stranger start the time again?"
LONG = b"answer " * 9000  # 63,000 bytes
LATE = 0.3  # seconds after the first question, when the second has been asked
PEER = (
    "the kernel knows who sent each: recvfrom() tells it, and a socket with a peer hears no other"
)


@exercise(
    "sendto",
    seconds=15,
    hint={
        "a stranger": PEER,
        "no stranger makes": "a round ends with its time, not with a stranger: count the rounds",
        "you raised TimeoutError": "catch it inside the loop: it means, ask again",
        "wait after the last": "each round is two steps: send, then wait; also the last round",
        "is empty": "b'' is a message: return it. Only a TimeoutError says that none has come",
        "bytes of it": "what does not fit is gone: ask for 65,535",
        "question came late": "one socket for all rounds: with a new one, an answer to the old one is lost",
        "left a socket open": "`with socket.socket(…) as client:` around all of it",
        " times": "count the rounds: at most `tries`, and none after an answer",
        "long enough": "settimeout(seconds), before you wait",
    },
)
def persistence(ask: Callable[[Address, bytes, float, int], bytes | None]) -> None:
    left = 0
    for deaf, tries, late, expected in (
        (0, 3, 0.0, b"answer 1"),
        (2, 3, 0.0, b"answer 3"),
        (3, 3, 0.0, None),
        (0, 1, 0.3, b"answer 1"),
        (0, 2, 0.0, b""),
        (0, 2, 0.0, LONG),
    ):
        seconds = 1.0 if late else 0.2
        what = f"the server ignores {deaf} questions, you had {tries} tries of {seconds:g} s"
        what += f", and the answer comes {late:g} s late" if late else ""
        what += ", and the answer is empty" if expected == b"" else ""
        count = min(deaf + 1, tries)
        with ExitStack() as stack:
            server, stranger = udp(stack), udp(stack)
            over = threading.Event()
            with background(hard_of_hearing, server, stranger, deaf, late, expected, over) as peer:
                answer, elapsed, more = asked(ask, server, seconds, tries, what, over)
            questions = peer.result + drained(server)
        left += more
        assert answer != STRANGER, f"{what}: you believed a stranger"
        assert answer is None or isinstance(answer, bytes), f"{what}: you returned {answer!r}"
        times = f"{what}: you asked {len(questions)} of {count} times"
        again = "it is an answer" if expected == b"" else "no stranger makes you ask again"
        assert len(questions) <= count, f"{times}; {again}"
        assert elapsed < 1.5, f"{what}: you waited much longer than asked; {RESTARTED}"
        hasty = answer is None and len(questions) == tries and elapsed < 0.9 * seconds * tries
        assert not hasty, f"{times}, and returned None after {elapsed:.2f} s: wait after the last"
        if answer and expected and len(answer) < len(expected) == len(LONG):
            missed = f"the answer had {len(expected)} bytes, you returned {len(answer)} bytes of it"
            raise AssertionError(missed)
        assert answer == expected, f"{times}, and returned {shorter(answer)}"
        assert len(questions) == count, times
        assert set(questions) == {b"what?"}, f"{what}: the server got {questions!r}"
        least = seconds * (count if answer is None else count - 1)
        assert elapsed >= 0.9 * least, (
            f"{what}: all was over after {elapsed:.2f} s, so you did not wait long enough"
        )
    after_the_second(ask)
    assert not left, "you left a socket open"


def asked(
    ask: Callable[[Address, bytes, float, int], object],
    server: socket.socket,
    seconds: float,
    tries: int,
    what: str,
    over: threading.Event,
) -> tuple[object, float, int]:
    """What it returned, how long that took, and how many sockets it has left open."""
    start = time.monotonic()
    try:
        with trace() as calls:
            answer = ask(server.getsockname(), b"what?", seconds, tries)
    except TimeoutError:
        raise AssertionError(f"{what}: you raised TimeoutError") from None
    finally:
        elapsed = time.monotonic() - start
        over.set()
    return answer, elapsed, left_open(calls)


def after_the_second(ask: Callable[[Address, bytes, float, int], object]) -> None:
    """The answer to the first question comes while it waits after the second."""
    what = f"the answer to your first question came late, after {LATE:g} s, and a try has 0.2 s"
    with ExitStack() as stack:
        server, over = udp(stack), threading.Event()
        with background(slow, server, over):
            answer, *_ = asked(ask, server, 0.2, 4, what, over)
    assert answer == b"late", f"{what}: you returned {answer!r}"


def slow(server: socket.socket, over: threading.Event) -> None:
    """Answer the first question only, late."""
    server.settimeout(0.05)
    while not over.is_set():
        try:
            _, client = server.recvfrom(LARGEST)
        except TimeoutError:
            continue
        over.wait(LATE)
        server.sendto(b"late", client)
        over.wait()


def hard_of_hearing(
    server: socket.socket,
    stranger: socket.socket,
    deaf: int,
    late: float,
    said: bytes | None,
    over: threading.Event,
) -> list[bytes]:
    """A server that ignores the first questions, while a stranger talks to its client."""
    questions: list[bytes] = []
    client, quiet = None, 0.0
    server.settimeout(0.05)
    while not over.is_set():
        if client and time.monotonic() < quiet:
            stranger.sendto(STRANGER, client)
        try:
            question, client = server.recvfrom(LARGEST)
        except TimeoutError:
            continue
        quiet = time.monotonic() + CHATTER
        questions.append(question)
        stranger.sendto(STRANGER, client)
        if len(questions) > deaf:
            over.wait(late)
            numbered = b"answer %d" % len(questions)
            server.sendto(said if said in (b"", LONG) else numbered, client)
    return questions


def drained(receiver: socket.socket) -> list[bytes]:
    receiver.setblocking(False)
    found = []
    while select.select([receiver], [], [], 0)[0]:
        found.append(receiver.recv(LARGEST))
    return found
