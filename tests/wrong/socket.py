"""Wrong answers to the exercises of 01_socket.ipynb."""

import os
import socket
import struct

kept = []


def found_of(number):
    return socket.socket(fileno=number)


def closes_it(number):
    with found_of(number) as found:
        return found.family, found.type, found.proto


def forgets_it(number):
    found = found_of(number)
    return found.family, found.type, found.proto


def keeps_it(number):
    kept.append(found_of(number))
    return kept[-1].family, kept[-1].type, kept[-1].proto


def copies_it(number):
    found = found_of(os.dup(number))
    return found.family, found.type, found.proto


def keeps_a_copy(number):
    kept.append(found_of(os.dup(number)))
    return kept[-1].family, kept[-1].type, kept[-1].proto


def asks_tcp_only(number):
    return socket.AF_INET, socket.SOCK_STREAM, 6


def as_a_list(number):
    found = found_of(number)
    found.detach()
    return [found.family, found.type, found.proto]


def asks_after_detach(number):
    found = found_of(number)
    found.detach()
    return found.family, found.type, found.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL)


def makes_it_nonblocking(number):
    found = found_of(number)
    found.setblocking(False)
    found.detach()
    return found.family, found.type, found.proto


def checksum(packet, fold=True, order="!"):
    packet += bytes(len(packet) % 2)
    total = sum(struct.unpack(f"{order}{len(packet) // 2}H", packet))
    while fold and total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def header(identifier, sequence, total=0, kind=8):
    return struct.pack("!BBHHH", kind, 0, total, identifier, sequence)


def zero(identifier, sequence, data):
    return header(identifier, sequence) + data


def not_flipped(identifier, sequence, data):
    total = checksum(header(identifier, sequence) + data) ^ 0xFFFF
    return header(identifier, sequence, total) + data


def not_folded(identifier, sequence, data):
    total = checksum(header(identifier, sequence) + data, fold=False)
    return header(identifier, sequence, total) + data


def overflow_dropped(identifier, sequence, data):
    total = checksum(header(identifier, sequence) + data, fold=False) & 0xFFFF
    return header(identifier, sequence, total) + data


def folded_once(identifier, sequence, data):
    packet = header(identifier, sequence) + data
    packet += bytes(len(packet) % 2)
    total = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    total = ((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    return header(identifier, sequence, total ^ 0xFFFF) + data


def checksum_turned(identifier, sequence, data):
    total = checksum(header(identifier, sequence) + data, order="<")
    return header(identifier, sequence, total) + data


def all_turned(identifier, sequence, data):
    total = checksum(struct.pack("<BBHHH", 8, 0, 0, identifier, sequence) + data, order="<")
    return struct.pack("<BBHHH", 8, 0, total, identifier, sequence) + data


def padded(identifier, sequence, data):
    data += bytes(len(data) % 2)
    return header(identifier, sequence, checksum(header(identifier, sequence) + data)) + data


def odd_ones_fail(identifier, sequence, data):
    packet = header(identifier, sequence) + data
    total = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    return header(identifier, sequence, total % 0xFFFF ^ 0xFFFF) + data


def a_reply(identifier, sequence, data):
    packet = header(identifier, sequence, kind=0) + data
    return header(identifier, sequence, checksum(packet), kind=0) + data


def header_only(identifier, sequence, data):
    return header(identifier, sequence, checksum(header(identifier, sequence) + data))


def as_text(identifier, sequence, data):
    return str(zero(identifier, sequence, data))


def as_they_come(receiver, count):
    return b"".join(receiver.recv(65507)[1:] for _ in range(count))


def numbers_stay(receiver, count):
    parts = {}
    while len(parts) < count:
        datagram = receiver.recv(65507)
        parts[datagram[0]] = datagram
    return b"".join(parts[number] for number in range(count))


def too_small(receiver, count):
    parts = {}
    while len(parts) < count:
        datagram = receiver.recv(1024)
        parts[datagram[0]] = datagram[1:]
    return b"".join(parts[number] for number in range(count))


def sorts_datagrams(receiver, count):
    datagrams = sorted(receiver.recv(65507) for _ in range(count))
    return b"".join(datagram[1:] for datagram in datagrams)


def counts_repeats(receiver, count):
    parts = [b""] * count
    for _ in range(count):
        datagram = receiver.recv(65507)
        parts[datagram[0]] = datagram[1:]
    return b"".join(parts)


def until_nothing_comes(receiver, count):
    parts = {}
    receiver.settimeout(0.2)
    try:
        while True:
            datagram = receiver.recv(65507)
            parts[datagram[0]] = datagram[1:]
    except TimeoutError:
        return b"".join(parts[number] for number in range(count))


def waits_for_ever(receiver, count):
    parts = {}
    while True:
        datagram = receiver.recv(65507)
        parts[datagram[0]] = datagram[1:]


def number_first(receiver, count):
    parts = {}
    while len(parts) < count:
        number = receiver.recv(1)[0]
        parts[number] = receiver.recv(2000)
    return b"".join(parts[number] for number in range(count))


def signed_numbers(receiver, count):
    parts = {}
    while len(parts) < count:
        datagram = receiver.recv(65507)
        parts[struct.unpack("b", datagram[:1])[0]] = datagram[1:]
    return b"".join(parts[number] for number in sorted(parts))


def sixteen_at_most(receiver, count):
    parts = {}
    while len(parts) < count:
        datagram = receiver.recv(65507)
        parts[datagram[0] % 16] = datagram[1:]
    return b"".join(parts[number] for number in range(count))


def one_place_too_few(receiver, count):
    parts = [None] * 255
    while sum(part is not None for part in parts) < count:
        datagram = receiver.recv(2001)
        parts[datagram[0]] = datagram[1:]
    return b"".join(parts[:count])


def asks_again_and_again(receiver, count):
    receiver.setblocking(False)
    parts = {}
    while len(parts) < count:
        try:
            datagram = receiver.recv(2001)
        except BlockingIOError:
            continue
        parts[datagram[0]] = datagram[1:]
    return b"".join(parts[number] for number in range(count))


def one_too_many(receiver, count):
    parts = {}
    while len(parts) <= count:
        datagram = receiver.recv(2001)
        parts[datagram[0]] = datagram[1:]
    return b"".join(parts[number] for number in range(count))


def skips_empty_parts(receiver, count):
    parts = {}
    while len(parts) < count:
        datagram = receiver.recv(2001)
        if datagram[1:]:
            parts[datagram[0]] = datagram[1:]
    return b"".join(parts[number] for number in range(count))


def a_list_of_parts(receiver, count):
    parts = {}
    while len(parts) < count:
        datagram = receiver.recv(65507)
        parts[datagram[0]] = datagram[1:]
    return [parts[number] for number in range(count)]


def closes_the_receiver(receiver, count):
    parts = {}
    with receiver:
        while len(parts) < count:
            datagram = receiver.recv(65507)
            parts[datagram[0]] = datagram[1:]
    return b"".join(parts[number] for number in range(count))


WRONG = [
    ("identify", closes_it, r"TCP: the descriptor is closed afterwards; detach\(\)"),
    ("identify", forgets_it, r"TCP: the descriptor is closed afterwards; detach\(\)"),
    ("identify", copies_it, "garbage collector what is unclosed <socket"),
    ("identify", keeps_a_copy, "you left one more descriptor open"),
    ("identify", keeps_it, "an object is left that will close the descriptor"),
    ("identify", asks_after_detach, r"Bad file descriptor|is still needed is closed"),
    ("identify", asks_tcp_only, r"UDP is \(.*, 17\), you returned \(.*, 6\)"),
    ("identify", as_a_list, r"TCP is \(.*, 6\), you returned \[.*, 6\]\nhint: \[ \] makes a list"),
    ("identify", makes_it_nonblocking, "the socket does not block any more"),
    ("ping", zero, "add up to 0x0802, not 0xffff: the checksum is 0"),
    ("ping", not_flipped, "the checksum is the sum itself, flip its bits"),
    ("ping", not_folded, r"in your line \d+: return struct.pack"),
    ("ping", overflow_dropped, "an overflow is added at the low end, until there is none"),
    ("ping", folded_once, "with 2 bytes of data .* until there is none"),
    ("ping", checksum_turned, "the checksum's two bytes are in the wrong order"),
    ("ping", all_turned, r"found \[256, 256\], the bytes in the other order.*big-endian"),
    ("ping", padded, "3 bytes of data make 11, not 12"),
    (
        "ping",
        odd_ones_fail,
        r"error: unpack requires a buffer of 10 bytes, in your line \d+: total",
    ),
    ("ping", a_reply, "type and code are 0 and 0"),
    ("ping", header_only, "6 bytes of data make 14, not 8"),
    ("ping", as_text, "it returned .*, not bytes"),
    ("reassemble", as_they_come, r"in the order \(2, 0, 1\).*: the parts as they came"),
    ("reassemble", numbers_stay, "with the numbers in front of the parts"),
    ("reassemble", too_small, "you returned 1024 bytes, .*: something is missing"),
    ("reassemble", sorts_datagrams, r"in the order \(1, 1, 0, .*b'abbb': .* twice counts once"),
    (
        "reassemble",
        counts_repeats,
        r"in the order \(1, 1, 0, .*: something is missing; a part that comes twice",
    ),
    ("reassemble", until_nothing_comes, "all parts were there after 7, you read on"),
    ("reassemble", waits_for_ever, r"\(0, 1, 2\) came, all parts, and you waited for more"),
    ("reassemble", number_first, "asks for less than a datagram loses the rest of it"),
    (
        "reassemble",
        one_too_many,
        r"\(0, 1, 2\) came, all parts, and you .*: count each number once",
    ),
    (
        "reassemble",
        skips_empty_parts,
        r"\(3, 3, 2, .* came, all parts, some of them empty, and you",
    ),
    (
        "reassemble",
        one_place_too_few,
        r"IndexError: .*, in your line \d+: parts\[datagram\[0\]\] =",
    ),
    ("reassemble", asks_again_and_again, "the socket does not wait any more: .* a processor busy"),
    ("reassemble", signed_numbers, r"\(255, 254, .*…, 256 bytes.*; you returned 256 bytes, .*…"),
    ("reassemble", sixteen_at_most, r"\(255, 254, .*… came, all parts, and you waited for more"),
    ("reassemble", a_list_of_parts, r"it returned \[b'one ', .*, not bytes"),
    ("reassemble", closes_the_receiver, "you closed the socket that you were given"),
]
