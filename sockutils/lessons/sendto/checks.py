"""What its shorter exercises ask of the learner's functions."""

import select
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

from sockutils.calls.call import Call
from sockutils.calls.trace import trace
from sockutils.lessons.sendto.ends import drained, shorter, udp
from sockutils.link.relay import LARGEST, Address
from sockutils.peers.peer import background
from sockutils.practice.exercise import exercise
from sockutils.practice.left import left_open

SIZES = ((3, 10), (10, 10), (11, 10), (0, 10), (5000, 4999), (LARGEST, LARGEST))  # and limits
LAST = 7  # bytes
TAKEN = "you took more than one from the queue; an empty datagram is one, too"


CUT = "ValueError is due: it was too long, and the rest is gone"
DUE = "ValueError is due: raise it"
SHORT = "that is not too long"
MISSING = "a part is missing"
RAISED = "you raised ValueError"


@exercise(
    "sendto",
    hint={
        CUT: "how can you tell that a part is missing? Ask for more than the limit, or for flags",
        DUE: '`raise ValueError("too long")` ends the call: nothing is returned',
        SHORT: "`limit` bytes are allowed, and so is none: compare with >",
        MISSING: "your call had no room for it: ask for 65,535, or for limit + 1",
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
            raised = said == RAISED
            due = CUT if cut(found, size) else DUE
            right = raised == (size > limit)
            assert right, f"{came}, {said}: {due if size > limit else SHORT}"
            assert raised or not cut(found, size), f"{came}, {said}: {MISSING}"
            assert raised or found == (bytes(size), there), f"{came}, {said}, not (data, address)"


def whole(receive: Callable[..., object], *arguments: object) -> tuple[object, str]:
    """What it returned or raised, and the words for that."""
    try:
        found = receive(*arguments)
    except ValueError as error:
        return error, RAISED
    except TimeoutError:
        return None, "you wait for one more"
    return found, f"you returned {shorter(found)}"


def cut(found: object, size: int) -> bool:
    """Whether it is the beginning of a longer datagram, with its sender."""
    match found:
        case (bytes(data), _):
            return len(data) < size
    return False


def waiting(receiver: socket.socket) -> int:
    """The size of the next datagram, -1 if there is none."""
    there = select.select([receiver], [], [], 0)[0]
    return len(receiver.recv(LARGEST, socket.MSG_PEEK)) if there else -1


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
