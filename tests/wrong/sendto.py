"""07_sendto_recvfrom: answers that are wrong, and what their authors are told."""

import contextlib
import select
import socket
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any

from sockutils.lessons.sendto import Halves

Address = tuple[str, int]


def cuts_off(receiver: socket.socket, limit: int) -> tuple[bytes, Address]:
    return receiver.recvfrom(limit)


def cuts_off_long_ones(receiver: socket.socket, limit: int) -> tuple[bytes, Address]:
    data, address = receiver.recvfrom(1024)
    if len(data) > limit:
        raise ValueError
    return data, address


def as_many_is_too_many(receiver: socket.socket, limit: int) -> tuple[bytes, Address]:
    data, address = receiver.recvfrom(limit)
    if len(data) == limit:
        raise ValueError
    return data, address


def looks_first(receiver: socket.socket, limit: int) -> tuple[bytes, Address]:
    if len(receiver.recv(65535, socket.MSG_PEEK)) > limit:
        raise ValueError
    return receiver.recvfrom(limit)


def data_only(receiver: socket.socket, limit: int) -> bytes:
    data = receiver.recv(limit + 1)
    if len(data) > limit:
        raise ValueError
    return data


def says_none(receiver: socket.socket, limit: int) -> tuple[bytes | None, Address | None]:
    data, address = receiver.recvfrom(limit + 1)
    return (data, address) if len(data) <= limit else (None, None)


def returns_the_error(receiver: socket.socket, limit: int) -> tuple[bytes, Address] | ValueError:
    data, address = receiver.recvfrom(65535)
    return ValueError("too long") if len(data) > limit else (data, address)


def has_little_room(receiver: socket.socket, limit: int) -> tuple[bytes, Address]:
    data, address = receiver.recvfrom(8192)
    if len(data) > limit:
        raise ValueError("too long")
    return data, address


def waits_for_more(receiver: socket.socket, limit: int) -> tuple[bytes, Address]:
    data = b""
    while not data:
        data, address = receiver.recvfrom(limit + 1)
    if len(data) > limit:
        raise ValueError
    return data, address


def empties_the_queue(receiver: socket.socket, limit: int) -> tuple[bytes, Address]:
    data, address = receiver.recvfrom(limit + 1)
    if len(data) > limit:
        while select.select([receiver], [], [], 0)[0]:
            receiver.recv(1)
        raise ValueError
    return data, address


def closes(receiver: socket.socket, limit: int) -> tuple[bytes, Address]:
    with receiver:
        return receiver.recvfrom(limit)


# Is it closed?


def without_a_peer(address: Address, seconds: float) -> bool:
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.settimeout(seconds)
        probe.sendto(b"?", address)
        try:
            probe.recv(100)
        except ConnectionRefusedError:
            return True
        except TimeoutError:
            return False
    return False


def by_tcp(address: Address, seconds: float) -> bool:
    with socket.socket() as probe:
        probe.settimeout(seconds)
        return probe.connect_ex(address) != 0


def by_bind(address: Address, seconds: float) -> bool:
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(address)
        except OSError:
            return False
    return True


def asked(address: Address, seconds: float, errors: type[OSError] = TimeoutError) -> bool:
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.settimeout(seconds)
        probe.connect(address)
        probe.send(b"?")
        try:
            probe.recv(100)
        except ConnectionRefusedError:
            return True
        except errors:
            return False
    return False


def any_error(address: Address, seconds: float) -> bool:
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.settimeout(seconds)
        probe.connect(address)
        probe.send(b"?")
        try:
            probe.recv(100)
        except OSError:
            return True
    return False


def lets_it_out(address: Address, seconds: float) -> bool:
    return asked(address, seconds, IsADirectoryError)


def in_a_hurry(address: Address, seconds: float) -> bool:
    return asked(address, 0.01)


def left_to_python(address: Address, seconds: float) -> bool:
    probe = socket.socket(type=socket.SOCK_DGRAM)
    probe.settimeout(seconds)
    probe.connect(address)
    probe.send(b"?")
    try:
        probe.recv(100)
    except ConnectionRefusedError:
        return True
    except TimeoutError:
        return False
    return False


# Ask again


def once(address: Address, question: bytes, seconds: float, tries: int) -> bytes | None:
    return again(address, question, seconds, 1)


def again(address: Address, question: bytes, seconds: float, tries: int) -> bytes | None:
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(seconds)
        client.connect(address)
        for _ in range(tries):
            client.send(question)
            try:
                return client.recv(65507)
            except TimeoutError:
                pass
    return None


def lets_the_last_out(address: Address, question: bytes, seconds: float, tries: int) -> bytes:
    answer = again(address, question, seconds, tries)
    if answer is None:
        raise TimeoutError
    return answer


def once_more(address: Address, question: bytes, seconds: float, tries: int) -> bytes | None:
    return again(address, question, seconds, tries + 1)


def always_short(address: Address, question: bytes, seconds: float, tries: int) -> bytes | None:
    return again(address, question, 0.05, tries)


def sleeps(address: Address, question: bytes, seconds: float, tries: int) -> bytes | None:
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect(address)
        for _ in range(tries):
            client.send(question)
            time.sleep(seconds)
            with contextlib.suppress(BlockingIOError):
                return client.recv(65535)
    return None


def five_seconds(address: Address, question: bytes, seconds: float, tries: int) -> bytes | None:
    return again(address, question, 5, tries)


def says_nothing(address: Address, question: bytes, seconds: float, tries: int) -> bytes:
    return again(address, question, seconds, tries) or b""


def believes(address: Address, question: bytes, seconds: float, tries: int) -> bytes | None:
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(seconds)
        for _ in range(tries):
            client.sendto(question, address)
            try:
                return client.recv(65507)
            except TimeoutError:
                pass
    return None


def knows_the_port(address: Address, question: bytes, seconds: float, tries: int) -> bytes | None:
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        for _ in range(tries):
            client.sendto(question, address)
            end = time.monotonic() + seconds
            while (left := end - time.monotonic()) > 0:
                client.settimeout(left)
                try:
                    data, sender = client.recvfrom(65535)
                except TimeoutError:
                    break
                if sender[1] == address[1]:
                    return data
    return None


def asks_for_each_stranger(
    address: Address, question: bytes, seconds: float, tries: int
) -> bytes | None:
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(seconds)
        while True:
            client.sendto(question, address)
            try:
                data, sender = client.recvfrom(65507)
            except TimeoutError:
                tries -= 1
                if not tries:
                    return None
            else:
                if sender == address:
                    return data


def starts_the_time_again(
    address: Address, question: bytes, seconds: float, tries: int
) -> bytes | None:
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(seconds)
        for _ in range(tries):
            client.sendto(question, address)
            try:
                sender = None
                while sender != address:
                    data, sender = client.recvfrom(65507)
                return data
            except TimeoutError:
                pass
    return None


def with_the_address(
    address: Address, question: bytes, seconds: float, tries: int
) -> tuple[bytes | None, Address]:
    return again(address, question, seconds, tries), address


def reads(
    address: Address, question: bytes, seconds: float, tries: int, size: int, empty: bool
) -> bytes | None:
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(seconds)
        client.connect(address)
        for _ in range(tries):
            client.send(question)
            try:
                answer = client.recv(size)
                if answer or empty:
                    return answer
            except TimeoutError:
                pass
    return None


def little_room(address: Address, question: bytes, seconds: float, tries: int) -> bytes | None:
    return reads(address, question, seconds, tries, 1024, True)


def wants_words(address: Address, question: bytes, seconds: float, tries: int) -> bytes | None:
    return reads(address, question, seconds, tries, 65535, False)


def a_socket_each(address: Address, question: bytes, seconds: float, tries: int) -> bytes | None:
    for _ in range(tries):
        answer = again(address, question, seconds, 1)
        if answer is not None:
            return answer
    return None


def does_not_close(address: Address, question: bytes, seconds: float, tries: int) -> bytes | None:
    client = socket.socket(type=socket.SOCK_DGRAM)
    client.connect(address)
    client.settimeout(seconds)
    for _ in range(tries):
        client.send(question)
        try:
            return client.recv(65535)
        except TimeoutError:
            pass
    return None


def not_after_the_last(
    address: Address, question: bytes, seconds: float, tries: int
) -> bytes | None:
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.connect(address)
        client.settimeout(seconds)
        client.send(question)
        for _ in range(tries - 1):
            try:
                return client.recv(65535)
            except TimeoutError:
                client.send(question)
    return None


# Stop and wait: each half with the right other one


def send_all(sender: socket.socket, messages: Sequence[bytes], seconds: float) -> None:
    sender.settimeout(seconds)
    for number, message in enumerate(messages):
        expected, answer = struct.pack("!H", number), None
        while answer != expected:
            sender.send(expected + message)
            try:
                while answer != expected:
                    answer = sender.recv(100)
            except TimeoutError:
                pass


def receive_all(receiver: socket.socket, count: int, seconds: float) -> list[bytes]:
    messages: list[bytes] = []
    while True:
        receiver.settimeout(seconds if len(messages) == count else None)
        try:
            datagram, address = receiver.recvfrom(65507)
        except TimeoutError:
            return messages
        (number,) = struct.unpack("!H", datagram[:2])
        if number == len(messages):
            messages.append(datagram[2:])
        receiver.sendto(datagram[:2], address)


def hopes(sender: socket.socket, messages: Sequence[bytes], seconds: float) -> None:
    for number, message in enumerate(messages):
        sender.send(struct.pack("!H", number) + message)


def believes_any(sender: socket.socket, messages: Sequence[bytes], seconds: float) -> None:
    sender.settimeout(seconds)
    for number, message in enumerate(messages):
        answer = None
        while answer is None:
            sender.send(struct.pack("!H", number) + message)
            with contextlib.suppress(TimeoutError):
                answer = sender.recv(100)


def apprentice(sender: socket.socket, messages: Sequence[bytes], seconds: float) -> None:
    sender.settimeout(seconds)
    for number, message in enumerate(messages):
        expected, answer = struct.pack("!H", number), None
        while answer != expected:
            sender.send(expected + message)
            with contextlib.suppress(TimeoutError):
                answer = sender.recv(100)


def keeps_all(receiver: socket.socket, count: int, seconds: float) -> list[bytes]:
    messages: list[bytes] = []
    while len(messages) < count:
        datagram, address = receiver.recvfrom(65507)
        messages.append(datagram[2:])
        receiver.sendto(datagram[:2], address)
    return messages


def by_what_they_say(receiver: socket.socket, count: int, seconds: float) -> list[bytes]:
    messages: list[bytes] = []
    while len(messages) < count:
        datagram, address = receiver.recvfrom(65507)
        if datagram[2:] not in messages:
            messages.append(datagram[2:])
        receiver.sendto(datagram[:2], address)
    return messages


def leaves_at_once(receiver: socket.socket, count: int, seconds: float) -> list[bytes]:
    messages: list[bytes] = []
    while len(messages) < count:
        datagram, address = receiver.recvfrom(65507)
        if struct.unpack("!H", datagram[:2])[0] == len(messages):
            messages.append(datagram[2:])
        receiver.sendto(datagram[:2], address)
    return messages


def only_new_ones(receiver: socket.socket, count: int, seconds: float) -> list[bytes]:
    messages: list[bytes] = []
    while True:
        receiver.settimeout(seconds if len(messages) == count else None)
        try:
            datagram, address = receiver.recvfrom(65507)
        except TimeoutError:
            return messages
        if struct.unpack("!H", datagram[:2])[0] == len(messages):
            messages.append(datagram[2:])
            receiver.sendto(datagram[:2], address)


def gives_up(receiver: socket.socket, count: int, seconds: float) -> list[bytes]:
    messages: list[bytes] = []
    receiver.settimeout(seconds)
    while True:
        try:
            datagram, address = receiver.recvfrom(65507)
        except TimeoutError:
            return messages
        if struct.unpack("!H", datagram[:2])[0] == len(messages):
            messages.append(datagram[2:])
        receiver.sendto(datagram[:2], address)


class Both(Halves):
    """Two functions as one answer, with what a function has."""

    @property
    def __name__(self) -> str:
        return " and ".join(half.__name__ for half in self)

    @property
    def __globals__(self) -> dict[str, Any]:
        return globals()


def nothing(receiver: socket.socket, count: int, seconds: float) -> None: ...


WRONG: list[tuple[str, Callable[..., Any] | Both, str]] = [
    (
        "not_too_long",
        cuts_off,
        "11 bytes came, the limit was 10, you returned .*: ValueError is due",
    ),
    (
        "not_too_long",
        cuts_off_long_ones,
        "limit was 4999, you returned .*: ValueError is due: .* is gone\nhint: how can you tell",
    ),
    (
        "not_too_long",
        as_many_is_too_many,
        "limit was 10, you raised ValueError: that is not too long",
    ),
    ("not_too_long", looks_first, "11 bytes came, .* and it is still in the queue"),
    ("not_too_long", data_only, "3 bytes came, .* you returned 3 bytes, not .data, address."),
    (
        "not_too_long",
        says_none,
        "you returned .None, None.: ValueError is due: raise it\nhint: `raise",
    ),
    (
        "not_too_long",
        returns_the_error,
        "you returned ValueError.*: ValueError is due: raise it\nhint: `raise",
    ),
    ("not_too_long", has_little_room, "a part is missing\nhint: your call had no room"),
    (
        "not_too_long",
        waits_for_more,
        "0 bytes came, .*: you took more than one from the queue; an empty",
    ),
    ("not_too_long", empties_the_queue, "11 bytes came, .*: you took more than one from the queue"),
    ("not_too_long", closes, "you closed the receiver"),
    (
        "knock",
        without_a_peer,
        "says that nobody there .*: you returned False(.|\n)*connect.. first",
    ),
    ("knock", by_tcp, "no answer: you returned True; a TCP connection asks for another port"),
    ("knock", by_bind, "says that nobody there .*: you returned False"),
    ("knock", any_error, "no answer: you returned True"),
    ("knock", lets_it_out, "no answer: you raised TimeoutError; False is the answer"),
    ("knock", in_a_hurry, "no answer: you waited 0.0. s of 0.3 s"),
    ("knock", left_to_python, "you left a socket open"),
    ("persistence", once, "ignores 2 questions, .*you asked 1 of 3 times, and returned None"),
    ("persistence", lets_the_last_out, "ignores 3 questions, .*: you raised TimeoutError"),
    ("persistence", once_more, "had 3 tries .*: you asked 4 of 3 times\nhint: count the rounds"),
    ("persistence", sleeps, "comes 0.3 s late: .* return it as soon as it comes\nhint: wait in"),
    ("persistence", five_seconds, "a try took [0-9.]+ s\nhint: settimeout.seconds."),
    ("persistence", says_nothing, "no answer came, and you returned b'', not None\nhint: after"),
    ("persistence", always_short, "you did not wait long enough"),
    ("persistence", believes, "you believed a stranger"),
    ("persistence", knows_the_port, "believed a stranger\nhint: .*compare both"),
    ("persistence", asks_for_each_stranger, "no stranger makes you ask again"),
    (
        "persistence",
        starts_the_time_again,
        "start the time again.\nhint: a try has one deadline",
    ),
    ("persistence", little_room, "63000 bytes, you returned 1024 bytes of it\nhint: what does not"),
    ("persistence", wants_words, "the answer is empty: you asked .*\nhint: b'' is a message"),
    ("persistence", a_socket_each, "first question came late, .*None\nhint: one socket for all"),
    ("persistence", does_not_close, "you left a socket open\nhint: `with"),
    ("persistence", not_after_the_last, "asked 3 of 3 .*: wait after the last\nhint: each round"),
    (
        "persistence",
        with_the_address,
        "you returned .b'answer 1', .*\nhint: return the answer alone",
    ),
    ("stop_and_wait", Both(hopes, nothing), "send_all.*message 1 should be b'lost'"),
    ("stop_and_wait", Both(believes_any, nothing), "send_all.*message . should be "),
    ("stop_and_wait", Both(apprentice, nothing), "an old acknowledgement is no reason to send"),
    ("stop_and_wait", Both(send_all, nothing), "receive_all.. is not attempted"),
    (
        "stop_and_wait",
        Both(send_all, keeps_all),
        "receive_all.*message 4 should be b.. and is b.same.; .*it was doubled",
    ),
    (
        "stop_and_wait",
        Both(send_all, by_what_they_say),
        "all have come, and it waits for more: two messages may be equal",
    ),
    (
        "stop_and_wait",
        Both(send_all, leaves_at_once),
        "had all and returned, and the sender waits: its last",
    ),
    ("stop_and_wait", Both(send_all, only_new_ones), "your receiver did not acknowledge it"),
    (
        "stop_and_wait",
        Both(send_all, gives_up),
        "4 were received; for the next one .* waits as long as it takes",
    ),
]
