"""Wrong answers to the exercises of 11_poll.ipynb, and the words that help who gave them."""

import os
import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress


def flags_of(end: socket.socket, asked: int = select.POLLIN | select.POLLRDHUP) -> int:
    poller = select.poll()
    poller.register(end, asked)
    return dict(poller.poll(0)).get(end.fileno(), 0)


def in_the_wrong_order(end: socket.socket) -> str:
    flags = flags_of(end)
    if flags & select.POLLRDHUP:
        return "ended"
    return "over" if flags & select.POLLHUP else "open"


def never_asks_for_the_end(end: socket.socket) -> str:
    flags = flags_of(end, select.POLLIN)
    if flags & select.POLLHUP:
        return "over"
    return "ended" if flags & select.POLLRDHUP else "open"


def takes_readable_for_the_end(end: socket.socket) -> str:
    flags = flags_of(end)
    if flags & select.POLLHUP:
        return "over"
    return "ended" if flags & select.POLLIN else "open"


def reads_to_know(end: socket.socket) -> str:
    if flags_of(end) & select.POLLHUP:
        return "over"
    with suppress(BlockingIOError):
        if not end.recv(100, socket.MSG_DONTWAIT):
            return "ended"
    return "open"


def peeks(end: socket.socket) -> str:
    try:
        if not end.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
            return "ended"
    except BlockingIOError:
        return "open"
    except OSError:
        return "over"
    return "open"


def takes_the_error(end: socket.socket) -> str:
    if end.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        return "over"
    flags = flags_of(end)
    if flags & select.POLLHUP:
        return "over"
    return "ended" if flags & select.POLLRDHUP else "open"


def tries_with_a_byte(end: socket.socket) -> str:
    flags = flags_of(end)
    if flags & select.POLLHUP:
        return "over"
    if flags & select.POLLRDHUP:
        return "ended"
    with suppress(OSError):
        os.write(end.fileno(), b"?")
    return "open"


def closes_it(end: socket.socket) -> str:
    flags = flags_of(end)
    os.close(end.fileno())
    if flags & select.POLLHUP:
        return "over"
    return "ended" if flags & select.POLLRDHUP else "open"


def waits_a_moment(end: socket.socket) -> str:
    poller = select.poll()
    poller.register(end, select.POLLRDHUP)
    flags = dict(poller.poll(10)).get(end.fileno(), 0)
    if flags & select.POLLHUP:
        return "over"
    return "ended" if flags & select.POLLRDHUP else "open"


def compares_the_flags(end: socket.socket) -> str:
    flags = flags_of(end, select.POLLRDHUP)
    return {select.POLLHUP: "over", select.POLLRDHUP: "ended"}.get(flags, "open")


def makes_it_nonblocking(end: socket.socket) -> str:
    end.setblocking(False)
    flags = flags_of(end)
    if flags & select.POLLHUP:
        return "over"
    return "ended" if flags & select.POLLRDHUP else "open"


def takes_the_first_answer(end: socket.socket) -> str:
    poller = select.poll()
    poller.register(end, select.POLLRDHUP)
    flags = poller.poll(0)[0][1]
    return "over" if flags & select.POLLHUP else "ended"


def waits_for_a_flag(end: socket.socket) -> str:
    poller = select.poll()
    poller.register(end, select.POLLRDHUP)
    flags = dict(poller.poll()).get(end.fileno(), 0)
    return "over" if flags & select.POLLHUP else "ended"


def collect(
    numbers: list[int],
    *,
    looks_at: int = -1,
    unregisters: bool = True,
    closes: bool = True,
    survives: type[OSError] = OSError,
    size: int = 65536,
    timeout: int | None = None,
    patient: bool = True,
    ends_at: int = 0,
    adds: bool = True,
) -> list[bytes]:
    """Reads them all, with a switch for each mistake."""
    poller = select.poll()
    received = dict.fromkeys(numbers, b"")
    left = set(numbers)
    for number in numbers:
        poller.register(number, select.POLLIN)
    while left:
        ready = poller.poll(timeout)
        if not ready and not patient:
            break
        for number, flags in ready:
            if number not in left or not flags & looks_at:
                continue
            try:
                data = os.read(number, size)
            except survives:
                data = b""
            received[number] = received[number] + data if adds else data
            if not data or flags & ends_at:
                left.remove(number)
                if unregisters:
                    poller.unregister(number)
                if closes:
                    os.close(number)
    return [received[number] for number in numbers]


def sees_only_pollin(numbers: list[int]) -> list[bytes]:
    return collect(numbers, looks_at=select.POLLIN)


def never_unregisters(numbers: list[int]) -> list[bytes]:
    return collect(numbers, unregisters=False)


def leaves_them_open(numbers: list[int]) -> list[bytes]:
    return collect(numbers, closes=False)


def ends_at_an_error(numbers: list[int]) -> list[bytes]:
    return collect(numbers, survives=BlockingIOError)


def never_waits(numbers: list[int]) -> list[bytes]:
    return collect(numbers, timeout=0)


def waits_in_short(numbers: list[int]) -> list[bytes]:
    return collect(numbers, timeout=5)


def takes_silence_for_the_end(numbers: list[int]) -> list[bytes]:
    return collect(numbers, timeout=500, patient=False)


def takes_a_second_for_the_end(numbers: list[int]) -> list[bytes]:
    return collect(numbers, timeout=1000, patient=False)


def reads_once_at_a_hangup(numbers: list[int]) -> list[bytes]:
    return collect(numbers, ends_at=select.POLLHUP | select.POLLERR, size=4096)


def reads_much_once_at_a_hangup(numbers: list[int]) -> list[bytes]:
    return collect(numbers, ends_at=select.POLLHUP | select.POLLERR)


def reads_bytes(numbers: list[int]) -> list[bytes]:
    return collect(numbers, size=1)


def reads_little(numbers: list[int]) -> list[bytes]:
    return collect(numbers, size=100)


def keeps_the_last_part(numbers: list[int]) -> list[bytes]:
    return collect(numbers, adds=False)


def in_the_order_of_their_ends(numbers: list[int]) -> list[bytes]:
    return sorted(collect(numbers), key=len)


def returns_after_one_round(numbers: list[int]) -> list[bytes]:
    poller = select.poll()
    received = dict.fromkeys(numbers, b"")
    for number in numbers:
        poller.register(number, select.POLLIN)
    for number, _ in poller.poll():
        with suppress(OSError):
            received[number] += os.read(number, 65536)
    return [*received.values()]


def a_hangup_is_the_end(numbers: list[int]) -> list[bytes]:
    poller = select.poll()
    received = dict.fromkeys(numbers, b"")
    left = set(numbers)
    for number in numbers:
        poller.register(number, select.POLLIN)
    while left:
        for number, flags in poller.poll():
            data = b""
            if not flags & (select.POLLHUP | select.POLLERR):
                data = os.read(number, 65536)
            received[number] += data
            if not data:
                left.remove(number)
                poller.unregister(number)
                os.close(number)
    return [received[number] for number in numbers]


def one_after_the_other(numbers: list[int]) -> list[bytes]:
    received = []
    for number in numbers:
        data = b""
        with suppress(OSError):
            while piece := os.read(number, 65536):
                data += piece
        os.close(number)
        received.append(data)
    return received


def each_in_turn(numbers: list[int], asks: bool = False) -> list[bytes]:
    poller = select.poll()
    received = dict.fromkeys(numbers, b"")
    for number in numbers:
        poller.register(number, select.POLLIN)
    for number in numbers:
        if asks:
            poller.poll()
        with suppress(OSError):
            while data := os.read(number, 4096):
                received[number] += data
        poller.unregister(number)
        os.close(number)
    return [*received.values()]


def asks_and_reads_in_turn(numbers: list[int]) -> list[bytes]:
    return each_in_turn(numbers, asks=True)


def to_the_end_of_each(numbers: list[int]) -> list[bytes]:
    poller = select.poll()
    received = dict.fromkeys(numbers, b"")
    for number in numbers:
        poller.register(number, select.POLLIN)
    left = len(numbers)
    while left:
        for number, _ in poller.poll():
            with suppress(OSError):
                while data := os.read(number, 65536):
                    received[number] += data
            poller.unregister(number)
            os.close(number)
            left -= 1
    return [received[number] for number in numbers]


def gives_the_dictionary(numbers: list[int]) -> dict[int, bytes]:
    return dict(zip(numbers, collect(numbers), strict=True))


def sends(
    ends: list[socket.socket],
    data: bytes,
    *,
    survives: type[OSError] = OSError,
    unregisters: bool = True,
    keeps_place: bool = True,
    closes: bool = False,
    counts: bool = True,
) -> list[int]:
    """The same for everybody, with a switch for each mistake."""
    poller = select.poll()
    left = {end.fileno(): end for end in ends}
    taken = dict.fromkeys(left, 0)
    for number in left:
        poller.register(number, select.POLLOUT)
    while left:
        for number, _ in poller.poll():
            if number not in left:
                continue
            failed = False
            try:
                sent = left[number].send(memoryview(data)[taken[number] :])
                taken[number] += sent if keeps_place else len(data)
            except BlockingIOError:
                pass
            except survives:
                failed = True
            if failed or taken[number] == len(data):
                if unregisters:
                    poller.unregister(number)
                if closes:
                    left[number].close()
                del left[number]
    return list(taken.values()) if counts else [len(data) for _ in ends]


def gives_up_at_a_reset(ends: list[socket.socket], data: bytes) -> list[int]:
    return sends(ends, data, survives=BlockingIOError)


def goes_on_asking(ends: list[socket.socket], data: bytes) -> list[int]:
    return sends(ends, data, unregisters=False)


def takes_send_for_sendall(ends: list[socket.socket], data: bytes) -> list[int]:
    return sends(ends, data, keeps_place=False)


def closes_them(ends: list[socket.socket], data: bytes) -> list[int]:
    return sends(ends, data, closes=True)


def counts_what_was_due(ends: list[socket.socket], data: bytes) -> list[int]:
    return sends(ends, data, counts=False)


def blocking_sendall(ends: list[socket.socket], data: bytes) -> list[int]:
    counts = []
    for end in ends:
        end.setblocking(True)
        try:
            end.sendall(data)
            counts.append(len(data))
        except OSError:
            counts.append(0)
    return counts


def nonblocking_sendall(ends: list[socket.socket], data: bytes) -> list[int]:
    for end in ends:
        while True:
            try:
                end.sendall(data)
                break
            except BlockingIOError:
                select.select([], [end], [])
            except OSError:
                break
    return [len(data)] * len(ends)


def tries_without_poll(ends: list[socket.socket], data: bytes) -> list[int]:
    taken = [0] * len(ends)
    left = set(range(len(ends)))
    while left:
        for place in [*left]:
            try:
                taken[place] += ends[place].send(data[taken[place] :][:65536])
            except BlockingIOError:
                continue
            except OSError:
                left.remove(place)
                continue
            if taken[place] == len(data):
                left.remove(place)
    return taken


def a_thread_for_each(ends: list[socket.socket], data: bytes) -> list[int]:
    taken = [0] * len(ends)

    def send(place: int) -> None:
        ends[place].setblocking(True)
        with suppress(OSError):
            while taken[place] < len(data):
                taken[place] += ends[place].send(data[taken[place] :])

    threads = [threading.Thread(target=send, args=(place,)) for place in range(len(ends))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken


def returns_nothing(ends: list[socket.socket], data: bytes) -> None:
    sends(ends, data)


WRONG: list[tuple[str, Callable[..., object], str]] = [
    (
        "state",
        in_the_wrong_order,
        r"(?s)both have shut down: 'over', and you say 'ended'.*look at POLLHUP first",
    ),
    ("state", compares_the_flags, r"(?s)'over', and you say 'open'.*several flags come at once"),
    ("state", waits_a_moment, r"(?s)two connected ends: you have waited.*how long it may wait"),
    (
        "state",
        never_asks_for_the_end,
        r"(?s)shut down: 'ended', and you say 'open'.*has to be asked for",
    ),
    ("state", takes_readable_for_the_end, r"(?s)come: 'open', and you say 'ended'.*or the end"),
    ("state", reads_to_know, r"taken bytes.*tells without reading"),
    ("state", peeks, r"and the end: 'ended', and you say 'open'"),
    ("state", takes_the_error, r"taken its error"),
    ("state", tries_with_a_byte, r"sent something, and only had to look"),
    ("state", closes_it, r"closed the socket: only look"),
    ("state", makes_it_nonblocking, r"does not wait any more\nhint: poll\(0\) does not"),
    ("state", takes_the_first_answer, r"IndexError.*in your line.*\nhint: if there is no flag"),
    ("state", waits_for_a_flag, r"(?s)still busy.*in your line.*waits for ever"),
    ("gather", sees_only_pollin, r"poll\(\) has returned 100000 times.*do not act on"),
    ("gather", never_unregisters, r"poll\(\) has returned 100000 times"),
    ("gather", leaves_them_open, r"6 of 6 descriptors are still open"),
    (
        "gather",
        ends_at_an_error,
        r"(?s)ConnectionRe(set|fused)Error.*in your line.*ends that one and no",
    ),
    ("gather", never_waits, r"poll\(\) (has )?returned \d+ times.*time is short, or 0"),
    ("gather", waits_in_short, r"reads, and poll\(\) returned \d+ times.*time is short, or 0"),
    ("gather", takes_silence_for_the_end, r"you returned while some.*\nhint: silence is no end"),
    ("gather", takes_a_second_for_the_end, r"you returned while some.*\nhint: silence is no end"),
    ("gather", reads_once_at_a_hangup, r"had gone said .* you have 4,096 .*\nhint: POLLHUP may"),
    ("gather", reads_much_once_at_a_hangup, r"had gone said .* you have .*\nhint: POLLHUP may"),
    ("gather", reads_bytes, r"the UDP socket .* you have b'a'\nhint: what os.read"),
    ("gather", reads_little, r"the UDP socket .* you have 100 bytes .*\nhint: what os.read"),
    ("gather", keeps_the_last_part, r"the first pipe said b'early', .*\nhint: bytes come in parts"),
    ("gather", in_the_order_of_their_ends, r"in another order\nhint: the order in which they end"),
    ("gather", returns_after_one_round, r"(?s)you returned while some.*go on until"),
    ("gather", a_hangup_is_the_end, r"whose writer had gone said 70,000 .*, you have b''"),
    ("gather", one_after_the_other, r"not asked poll"),
    ("gather", each_in_turn, r"not asked poll"),
    ("gather", asks_and_reads_in_turn, r"waited in a read"),
    ("gather", to_the_end_of_each, r"waited in a read"),
    ("gather", gives_the_dictionary, r"not a list"),
    (
        "deliver",
        gives_up_at_a_reset,
        r"ConnectionResetError.*in your line|BrokenPipeError.*in your line",
    ),
    ("deliver", goes_on_asking, r"for whom did it return"),
    ("deliver", takes_send_for_sendall, r"you returned, and a client waits for the rest"),
    ("deliver", closes_them, r"not yours to close"),
    ("deliver", counts_what_was_due, r"gone cannot have got all: add up"),
    ("deliver", blocking_sendall, r"held up the one that does"),
    ("deliver", nonblocking_sendall, r"held up the one that does"),
    ("deliver", tries_without_poll, r"only tries burns"),
    ("deliver", a_thread_for_each, r"never asked poll"),
    ("deliver", returns_nothing, r"return None, not a list"),
]
