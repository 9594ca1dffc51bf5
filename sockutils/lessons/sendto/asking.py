"""What its exercise "Ask again" asks of the learner's function."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

from sockutils.calls.trace import trace
from sockutils.lessons.sendto.ends import drained, shorter, udp
from sockutils.link.relay import LARGEST, Address
from sockutils.peers.peer import background
from sockutils.practice.exercise import exercise
from sockutils.practice.left import left_open

STRANGER = b"from a stranger"
CHATTER = 1.0  # seconds for which strangers talk after a question
SLEEPY = 3.0  # seconds of a try whose answer comes early
RESTARTED = "does each datagram of a stranger start the time again?"
LONG = b"answer " * 9000  # 63,000 bytes
LATE = 0.3  # seconds after the first question, when the second has been asked
PEER = (
    "the kernel knows who sent each: recvfrom() tells it, host and port (compare both), "
    "and a socket with a peer hears no other"
)


@exercise(
    "sendto",
    seconds=15,
    hint={
        "as soon as it comes": "wait in recv(), settimeout(seconds) long: sleep() hears nothing",
        "a try took": "settimeout(seconds), before you wait",
        RESTARTED: "a try has one deadline: settimeout(what is left of it) before each recvfrom()",
        "a stranger": PEER,
        "no stranger makes": "a round ends with its time, not with a stranger: count the rounds",
        "not None": "after the last round: return None",
        "you returned (": "return the answer alone: recvfrom() returns it first, then the sender",
        "you raised TimeoutError": "catch it inside the loop: it means, ask again",
        "wait after the last": "each round is two steps: send, then wait; also the last round",
        "is empty": "b'' is a message: return it. Only a TimeoutError says that none has come",
        "bytes of it": "what does not fit is gone: ask for 65,535",
        "question came late": "one socket for all rounds: what comes to a closed one is lost",
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
        (0, 1, LATE, b"answer 1"),
        (0, 2, 0.0, b""),
        (0, 2, 0.0, LONG),
    ):
        seconds = SLEEPY if late else 0.2
        word = "try" if tries == 1 else "tries"
        what = f"the server ignores {deaf} questions, you had {tries} {word} of {seconds:g} s"
        what += f", and the answer comes {late:g} s late" if late else ""
        what += ", and the answer is empty" if expected == b"" else ""
        count = min(deaf + 1, tries)
        with ExitStack() as stack:
            server, stranger = udp(stack), udp(stack)
            namesake = udp(stack, ("127.0.0.2", server.getsockname()[1]))  # the same port
            strangers = stranger, namesake
            over = threading.Event()
            with background(hard_of_hearing, server, strangers, deaf, late, expected, over) as peer:
                answer, elapsed, more = asked(ask, server, seconds, tries, what, over)
            questions = peer.result + drained(server)
        left += more
        assert answer != STRANGER, f"{what}: you believed a stranger"
        assert answer is None or isinstance(answer, bytes), f"{what}: you returned {answer!r}"
        times = f"{what}: you asked {len(questions)} of {count} times"
        assert len(questions) <= count, times + why_again(expected, elapsed, seconds, questions)
        slow = f"you returned it after {elapsed:.1f} s: return it as soon as it comes"
        assert not late or elapsed < 0.9 * seconds, f"{what}: {slow}"
        each = elapsed / max(1, len(questions) - (answer is not None))
        assert late or each < CHATTER + 2, f"{what}: a try took {each:.1f} s"
        assert late or elapsed < 1.5, f"{what}: you waited much longer than asked; {RESTARTED}"
        hasty = answer is None and len(questions) == tries and elapsed < 0.9 * seconds * tries
        assert not hasty, f"{times}, and returned None after {elapsed:.2f} s: wait after the last"
        if answer and expected and len(answer) < len(expected) == len(LONG):
            missed = f"the answer had {len(expected)} bytes, you returned {len(answer)} bytes of it"
            raise AssertionError(missed)
        nothing = f"{what}: no answer came, and you returned {answer!r:.40}, not None"
        assert expected is not None or answer is None, nothing
        assert answer == expected, f"{times}, and returned {shorter(answer)}"
        assert len(questions) == count, times
        assert set(questions) == {b"what?"}, f"{what}: the server got {questions!r}"
        least = seconds * (count if answer is None else count - 1)
        assert elapsed >= 0.9 * least, (
            f"{what}: all was over after {elapsed:.2f} s, so you did not wait long enough"
        )
    after_the_second(ask)
    assert not left, "you left a socket open"


def why_again(
    expected: bytes | None, elapsed: float, seconds: float, questions: list[bytes]
) -> str:
    """What made it ask once more: an empty answer, a stranger, or nothing but its own counting."""
    if expected == b"":
        return "; it is an answer"
    rounds = seconds * (len(questions) - 1)
    return "" if elapsed >= 0.9 * rounds else "; no stranger makes you ask again"


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
    strangers: tuple[socket.socket, ...],
    deaf: int,
    late: float,
    said: bytes | None,
    over: threading.Event,
) -> list[bytes]:
    """A server that ignores the first questions, while strangers talk to its client."""
    questions: list[bytes] = []
    client, quiet = None, 0.0
    server.settimeout(0.05)
    while not over.is_set():
        if client and time.monotonic() < quiet:
            strangers[0].sendto(STRANGER, client)
        try:
            question, client = server.recvfrom(LARGEST)
        except TimeoutError:
            continue
        quiet = time.monotonic() + CHATTER
        questions.append(question)
        for stranger in strangers:
            stranger.sendto(STRANGER, client)
        if len(questions) > deaf:
            over.wait(late)
            numbered = b"answer %d" % len(questions)
            server.sendto(said if said in (b"", LONG) else numbered, client)
    return questions
