"""What its last exercise, stop and wait, asks of both halves."""

import itertools
import socket
import time
from collections.abc import Callable, Sequence
from types import CodeType
from typing import Any, NamedTuple

from sockutils.lessons.sendto.network import (
    DOUBLED,
    MESSAGE,
    MESSAGES,
    NUMBER,
    SLOW,
    TROUBLE,
    VERY_LATE,
    WHAT,
    Network,
    bad,
)
from sockutils.link.relay import LARGEST
from sockutils.peers.peer import background
from sockutils.practice.exercise import exercise, is_empty

Send = Callable[[socket.socket, Sequence[bytes], float], object]
Receive = Callable[[socket.socket, int, float], list[bytes]]
AGAIN, QUIET = 0.1, 0.4  # seconds: to wait for an acknowledgement, and after the last message
LONG = 2.0  # seconds to wait where nothing gets lost
GIVE_UP = 3.0
NEVER = b"missing"
PATIENT = "for the next one receive_all() waits as long as it takes"
TOO_EARLY = (
    "receive_all() had all and returned, and the sender waits: its last acknowledgement got lost"
)
ALL_CAME = "all have come, and it waits for more: two messages may be equal, and one may be empty"


def send_all(sender: socket.socket, messages: Sequence[bytes], seconds: float) -> None:
    sender.settimeout(seconds)
    for number, message in enumerate(messages):
        until = time.monotonic() + GIVE_UP
        while not _acknowledged(sender, number, message):
            assert time.monotonic() < until, (
                f"message {number} ({WHAT[number]}) was sent again and again, "
                "and your receiver did not acknowledge it, or had returned already"
            )


def _acknowledged(sender: socket.socket, number: int, message: bytes) -> bool:
    sender.send(NUMBER.pack(number) + message)
    try:
        while sender.recv(LARGEST) != NUMBER.pack(number):
            pass
    except TimeoutError:
        return False
    return True


def receive_all(receiver: socket.socket, count: int, seconds: float) -> list[bytes]:
    # It takes them as they come, so that a sender that goes on too early gets to its end.
    messages: dict[int, bytes] = {}
    while True:
        receiver.settimeout(seconds if count - 1 in messages else GIVE_UP)
        try:
            datagram, address = receiver.recvfrom(LARGEST)
        except TimeoutError:
            break
        (number,) = NUMBER.unpack(datagram[: NUMBER.size])
        messages.setdefault(number, datagram[NUMBER.size :])
        receiver.sendto(datagram[: NUMBER.size], address)
    return [messages.get(number, NEVER) for number in range(max(messages, default=-1) + 1)]


class Halves(NamedTuple):
    """The learner's two functions, to be examined as one answer."""

    send_all: Send
    receive_all: Receive

    @property
    def __code__(self) -> CodeType:  # of one that is not empty, if any
        function: Any = next(itertools.filterfalse(is_empty, self), self.send_all)
        return function.__code__  # type: ignore[no-any-return]


@exercise(
    "sendto",
    seconds=40,
    hint="The sender goes on when exactly this number comes back. The receiver acknowledges each "
    "copy, but keeps one, and stays for those whose acknowledgement got lost.",
)
def stop_and_wait(halves: Halves) -> None:
    """Examine the learner's sender and receiver, first each with ours, then with one another."""
    if is_empty(halves.receive_all):
        _examine_sender(halves.send_all)
    else:
        _carry(Halves(send_all, halves.receive_all), "receive_all()")
    assert not is_empty(halves.receive_all), "send_all() works; receive_all() is not attempted"
    assert not is_empty(halves.send_all), "receive_all() works; send_all() is not attempted"
    _examine_sender(halves.send_all)
    _carry(halves, "both")


def _examine_sender(candidate: Send) -> None:
    _carry(Halves(candidate, receive_all), "send_all()")
    network = Network(DOUBLED)
    carried(Halves(candidate, receive_all), MESSAGES[:3], network, LONG)
    for number in (0, 2, SLOW):
        sent = network.came[MESSAGE, number]
        why = (
            f"its acknowledgement came after {VERY_LATE:g} s, and `seconds` was {LONG:g}"
            if number == SLOW
            else "every packet came twice; an old acknowledgement is no reason to send again"
        )
        assert sent == 1, f"none was lost, and you sent message {number} {sent} times: {why}"


def _carry(halves: Halves, whose: str) -> None:
    network = Network(TROUBLE)
    try:
        found = carried(halves, MESSAGES, network, AGAIN)
    except TimeoutError as stuck:
        if "is stuck" not in str(stuck):
            raise
        number = min(network.under_way, len(WHAT) - 1)
        why = f"; {ALL_CAME}" if whose == "receive_all()" and number == len(WHAT) - 1 else ""
        raise AssertionError(f"message {number} ({WHAT[number]}): {_told(stuck)}{why}") from None
    except AssertionError as error:
        raise AssertionError(_told(error)) from None
    _compare(found, whose)


def _compare(found: object, whose: str) -> None:
    assert isinstance(found, list), f"receive_all() returned {found!r}, not a list"
    for number, (wanted, message) in enumerate(zip(MESSAGES, found, strict=False)):
        assert message == wanted, (
            f"{whose}: message {number} should be {_shorter(wanted)} and is {_shorter(message)}; "
            f"{WHAT[number]}; of the one before: {WHAT[max(0, number - 1)]}"
        )
    sizes = f"{len(MESSAGES)} messages were to be sent, {len(found)} were received"
    sizes += f"; {PATIENT}" if len(found) < len(MESSAGES) else ""
    assert len(found) == len(MESSAGES), f"{whose}: {sizes}"


def _shorter(message: object) -> str:
    if isinstance(message, bytes) and len(message) > 20:
        return f"{message[:3]!r}… ({len(message)} bytes)"
    return repr(message)


def _told(error: BaseException) -> str:
    return "; ".join([str(error), *getattr(error, "__notes__", [])])


def carried(
    halves: Halves, messages: Sequence[bytes], network: Network, seconds: float
) -> list[bytes]:
    """Send the messages through the network, and return what the receiver has made of them."""
    with (
        bad(network) as (sender, receiver),
        background(halves.receive_all, receiver, len(messages), QUIET) as peer,
    ):
        try:
            with background(halves.send_all, sender, messages, seconds):
                pass
        except AssertionError:
            if isinstance(peer.result, list):  # it returned too early, and here is why
                _compare(peer.result, "receive_all()")
                raise AssertionError(TOO_EARLY) from None
            raise
    found: list[bytes] = peer.result
    return found
