"""09_resolvers: answers that are wrong, and what their authors are told."""

import contextlib
import errno
import os
import select
import socket
import time
from collections.abc import Callable
from typing import Any

from dnslib import QTYPE, RCODE, RR, A, DNSRecord

Answers = list[tuple[Any, ...]]


def attempt(answer: tuple[Any, ...], seconds: float | None) -> socket.socket:
    family, kind, protocol, _, address = answer
    client = socket.socket(family, kind, protocol)
    try:
        client.settimeout(seconds)
        client.connect(address)
    except BaseException:
        client.close()
        raise
    return client


def in_turn(answers: Answers, seconds: Callable[[], float]) -> socket.socket:
    last = OSError("no addresses")
    for answer in answers:
        if seconds() <= 0:
            raise TimeoutError
        try:
            client = attempt(answer, seconds())
        except OSError as error:
            last = error
        else:
            client.settimeout(None)
            return client
    raise last


def without_total(answers: Answers, each: float, total: float) -> socket.socket:
    return in_turn(answers, lambda: each)


def without_each(answers: Answers, each: float, total: float) -> socket.socket:
    end = time.monotonic() + total
    return in_turn(answers, lambda: end - time.monotonic())


def within(answers: Answers, each: float, total: float) -> socket.socket:
    end = time.monotonic() + total
    return in_turn(answers, lambda: min(each, end - time.monotonic()))


def an_equal_share(answers: Answers, each: float, total: float) -> socket.socket:
    return in_turn(answers, lambda: total / len(answers))


def at_most_a_share(answers: Answers, each: float, total: float) -> socket.socket:
    return in_turn(answers, lambda: min(each, total / len(answers)) or 0)


def breaks_off(answers: Answers, each: float, total: float) -> socket.socket:
    if total <= 0:
        raise OSError("no addresses")
    return within(answers, each, total)


def the_first_error(answers: Answers, each: float, total: float) -> socket.socket:
    first = None
    for answer in answers:
        try:
            return within([answer], each, total)
        except TimeoutError:
            return within(answers, each, total)
        except OSError as error:
            first = first or error
    raise first or OSError


def keeps_its_timeout(answers: Answers, each: float, total: float) -> socket.socket:
    client = within(answers, each, total)
    client.settimeout(each)
    return client


def closed_by_with(answers: Answers, each: float, total: float) -> socket.socket:
    with within(answers, each, total) as client:
        return client


def socket_outside(answers: Answers, each: float, total: float) -> socket.socket:
    last = OSError("no addresses")
    for family, kind, protocol, _, address in answers:
        client = socket.socket(family, kind, protocol)
        try:
            client.settimeout(min(each, total))
            client.connect(address)
        except OSError as error:
            client.close()
            last = error
        else:
            client.settimeout(None)
            return client
    raise last


def of_one_kind(answers: Answers, each: float, total: float) -> socket.socket:
    return within([(family, 1, 0, *rest) for family, _, _, *rest in answers], each, total)


def of_one_family(answers: Answers, each: float, total: float) -> socket.socket:
    return within([(socket.AF_INET, *rest) for _, *rest in answers], each, total)


def as_if_all_took_each(answers: Answers, each: float, total: float) -> socket.socket:
    last, left = OSError("no addresses"), total
    for answer in answers:
        if left <= 0:
            raise TimeoutError
        try:
            client = attempt(answer, min(each, left))
        except OSError as error:
            last = error
            left -= each if error.errno != errno.EAFNOSUPPORT else 0
        else:
            client.settimeout(None)
            return client
    raise last


def one_try(answers: Answers, each: float, total: float) -> socket.socket:
    end, last = time.monotonic() + total, OSError("no addresses")
    for family, kind, protocol, _, address in answers:
        try:
            client = socket.socket(family, kind, protocol)
            client.settimeout(min(each, end - time.monotonic()))
            client.connect(address)
        except OSError as error:
            client.close()
            last = error
        else:
            client.settimeout(None)
            return client
    raise last


def no_look_at_the_clock(answers: Answers, each: float, total: float) -> socket.socket:
    end, last = time.monotonic() + total, OSError("no addresses")
    for answer in answers:
        try:
            client = attempt(answer, min(each, end - time.monotonic()))
        except OSError as error:
            last = error
        else:
            client.settimeout(None)
            return client
    raise last


def the_address_alone(answers: Answers, each: float, total: float) -> socket.socket:
    return within([(socket.AF_INET, 1, 0, "", entry[4][:2]) for entry in answers], each, total)


def only_timeouts(answers: Answers, each: float, total: float) -> socket.socket:
    end = time.monotonic() + total
    for answer in answers:
        with contextlib.suppress(TimeoutError):
            client = attempt(answer, min(each, end - time.monotonic()))
            client.settimeout(None)
            return client
    raise TimeoutError


def always_timeout(answers: Answers, each: float, total: float) -> socket.socket:
    try:
        return within(answers, each, total)
    except OSError:
        raise TimeoutError from None


def left_to_python(answers: Answers, each: float, total: float) -> socket.socket:
    end = time.monotonic() + total
    for family, kind, protocol, _, address in answers:
        try:
            client = socket.socket(family, kind, protocol)
            client.settimeout(min(each, end - time.monotonic()))
            client.connect(address)
            client.settimeout(None)
        except OSError:
            continue
        return client
    raise TimeoutError


def gives_up(answers: Answers, each: float, total: float) -> socket.socket:
    return attempt(answers[0], each)


def says_none(answers: Answers, each: float, total: float) -> socket.socket | None:
    try:
        return within(answers, each, total)
    except OSError:
        return None


def the_address(answers: Answers, each: float, total: float) -> object:
    with within(answers, each, total) as client:
        return client.getpeername()


# Happy Eyeballs


def happily(
    answers: Answers,
    pause: float = 0.25,
    socket_fails: bool = True,
    asks: bool = True,
    blocking: bool = True,
    closes: bool = True,
    rests: bool = False,
) -> socket.socket:
    answers, waiting, last = list(answers), [], OSError("no addresses")
    try:
        while answers or waiting:
            if answers:
                family, kind, protocol, _, address = answers.pop(0)
                try:
                    client = socket.socket(family, kind, protocol)
                except OSError as error:
                    if not socket_fails:
                        raise
                    last = error
                    continue
                waiting.append(client)
                client.setblocking(False)
                number = client.connect_ex(address)
                if number not in (0, errno.EINPROGRESS):
                    last = OSError(number, os.strerror(number))
                    waiting.pop().close()
                    if rests:
                        select.select([], waiting, [], pause)
                    continue
            for client in select.select([], waiting, [], pause if answers else None)[1]:
                waiting.remove(client)
                number = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if asks else 0
                if not number:
                    client.setblocking(blocking)
                    return client
                last = OSError(number, os.strerror(number))
                client.close()
        raise last
    finally:
        for client in waiting if closes else []:
            client.close()


def in_turn_a_quarter_each(answers: Answers) -> socket.socket:
    return in_turn(answers, lambda: 0.25)


def one_after_another(answers: Answers) -> socket.socket:
    return in_turn(answers, lambda: 5.0)


def all_at_once(answers: Answers) -> socket.socket:
    return happily(answers, pause=0)


def no_such_family(answers: Answers) -> socket.socket:
    return happily(answers, socket_fails=False)


def writable_is_connected(answers: Answers) -> socket.socket:
    return happily(answers, asks=False)


def nonblocking(answers: Answers) -> socket.socket:
    return happily(answers, blocking=False)


def losers_left_to_python(answers: Answers) -> socket.socket:
    return happily(answers, closes=False)


def waits_after_a_failure(answers: Answers) -> socket.socket:
    return happily(answers, rests=True)


# A name server


def reply_to(
    query: bytes, hosts: dict[str, list[str]], name: Callable[[str], str] = str.lower
) -> DNSRecord:
    asked = DNSRecord.parse(query)
    reply = asked.reply()
    addresses = hosts.get(name(str(asked.q.qname).rstrip(".")))
    if addresses is None:
        reply.header.rcode = RCODE.NXDOMAIN
    elif asked.q.qtype == QTYPE.A:
        for address in addresses:
            reply.add_answer(RR(asked.q.qname, rdata=A(address), ttl=60))
    return reply


def not_packed(query: bytes, hosts: dict[str, list[str]]) -> DNSRecord:
    return reply_to(query, hosts)


def case_matters(query: bytes, hosts: dict[str, list[str]]) -> bytes:
    return bytes(reply_to(query, hosts, str).pack())


def dot_at_the_end(query: bytes, hosts: dict[str, list[str]]) -> bytes:
    return bytes(reply_to(query, {f"{name}x": each for name, each in hosts.items()}).pack())


def no_ipv6_no_name(query: bytes, hosts: dict[str, list[str]]) -> bytes:
    reply = reply_to(query, hosts)
    if not reply.rr:
        reply.header.rcode = RCODE.NXDOMAIN
    return bytes(reply.pack())


def no_address_no_name(query: bytes, hosts: dict[str, list[str]]) -> bytes:
    return bytes(reply_to(query, {name: each for name, each in hosts.items() if each}).pack())


def addresses_for_any_type(query: bytes, hosts: dict[str, list[str]]) -> bytes:
    asked = DNSRecord.parse(query)
    reply = asked.reply()
    for address in hosts.get(str(asked.q.qname).rstrip(".").lower(), []):
        reply.add_answer(RR(asked.q.qname, rdata=A(address), ttl=60))
    return bytes(reply.pack())


def one_address(query: bytes, hosts: dict[str, list[str]]) -> bytes:
    return bytes(reply_to(query, {name: each[:1] for name, each in hosts.items()}).pack())


def the_end_of_a_name(query: bytes, hosts: dict[str, list[str]]) -> bytes:
    def known(name: str) -> str:
        return next((each for each in hosts if name.lower().endswith(each)), name)

    return bytes(reply_to(query, hosts, known).pack())


def always_www(query: bytes, hosts: dict[str, list[str]]) -> bytes:
    reply = reply_to(query, hosts)
    for record in reply.rr:
        record.set_rname("www.example")
    return bytes(reply.pack())


def a_new_message(query: bytes, hosts: dict[str, list[str]]) -> bytes:
    reply = reply_to(query, hosts)
    reply.header.id ^= 1
    return bytes(reply.pack())


def the_query_itself(query: bytes, hosts: dict[str, list[str]]) -> bytes:
    return query


def just_the_address(query: bytes, hosts: dict[str, list[str]]) -> bytes:
    return b"192.0.2.7"


WRONG: list[tuple[str, Callable[..., object], str]] = [
    ("first_that_answers", without_total, "there were 0.6 seconds: you took [0-9.]+"),
    ("first_that_answers", without_each, "did a silent address take the time of all"),
    (
        "first_that_answers",
        an_equal_share,
        "each had 0.3 seconds: you waited for .*\n?.*settimeout",
    ),
    ("first_that_answers", at_most_a_share, "after a second, and each had 3 seconds: you raised"),
    ("first_that_answers", breaks_off, "no time at all, .*: you raised OSError\nhint: look what"),
    ("first_that_answers", the_first_error, "OSError, the error of the first\nhint: remember"),
    ("first_that_answers", keeps_its_timeout, "that you returned has a timeout: 0.3 s"),
    ("first_that_answers", closed_by_with, "the socket that you return is closed; by `with`"),
    ("first_that_answers", socket_outside, "EAFNOSUPPORT; socket.. may fail, too"),
    ("first_that_answers", of_one_kind, "of a family that is not there: you are connected to"),
    (
        "first_that_answers",
        of_one_family,
        "TypeError.*AF_INET address must be a pair.*in your line",
    ),
    ("first_that_answers", left_to_python, "you left it to Python to close an attempt"),
    ("first_that_answers", as_if_all_took_each, "and they took no time\nhint: .* the clock says"),
    ("first_that_answers", one_try, "UnboundLocalError: .*\nhint: where socket.. fails there is"),
    ("first_that_answers", no_look_at_the_clock, "out of range.*\nhint: look what is left before"),
    ("first_that_answers", the_address_alone, "connected to .*\nhint: socket.. takes the first"),
    ("first_that_answers", only_timeouts, "ECONNREFUSED; .*\nhint: `except OSError`"),
    ("first_that_answers", always_timeout, "refused: you raised TimeoutError\nhint: remember the"),
    ("first_that_answers", gives_up, "one that fails is a reason to try the next"),
    ("first_that_answers", says_none, "you raised nothing, but returned None"),
    ("first_that_answers", the_address, "you return .'127.0.0.1', .*, not a socket"),
    ("eyeballs", in_turn_a_quarter_each, "first is slow.*did a silent .* or end an attempt that"),
    (
        "eyeballs",
        one_after_another,
        "silent for a second, the second answers: you are connected to",
    ),
    ("eyeballs", all_at_once, "before 0.25 seconds were over|called the second one, too"),
    ("eyeballs", no_such_family, "no socket for the first: you raised EAFNOSUPPORT; socket.."),
    ("eyeballs", writable_is_connected, "writable is a failed one, too: what does SO_ERROR say"),
    ("eyeballs", nonblocking, "that you returned has a timeout: 0 s"),
    ("eyeballs", losers_left_to_python, "you left it to Python to close an attempt"),
    ("eyeballs", waits_after_a_failure, "six fail at once: you waited for [0-9.]+ seconds"),
    ("name_server", not_packed, "it returned a DNSRecord, not bytes: pack.. it"),
    ("name_server", dot_at_the_end, "A www.example: the name exists, .*\nhint: .* ends with a dot"),
    ("name_server", case_matters, "A WWW.example: the name exists, .* not NXDOMAIN\nhint: upper"),
    ("name_server", no_ipv6_no_name, "AAAA www.example: the name exists, .* not NXDOMAIN"),
    ("name_server", no_address_no_name, "A none.example: the name exists, .* not NXDOMAIN"),
    ("name_server", addresses_for_any_type, "AAAA www.example: you answer .*, not .."),
    ("name_server", one_address, "A www.example: you answer .*192.0.2.8.*\nhint: a record for"),
    ("name_server", always_www, "A mail.*: your record is for www.example.\nhint: RR.. begins"),
    ("name_server", the_end_of_a_name, "A awww.example: the name does not exist, .* not NOERROR"),
    ("name_server", a_new_message, "A www.example: this answers another query, number"),
    ("name_server", the_query_itself, "this is a query, not an answer"),
    ("name_server", just_the_address, "these 9 bytes are no message of DNS"),
]
