"""What its second exercise asks of a name server's answers."""

from collections.abc import Callable
from typing import Any

from dnslib import QTYPE, RCODE, DNSError, DNSRecord  # type: ignore[import-untyped]

from sockutils.practice.exercise import exercise

HOSTS = {"www.example": ["192.0.2.7", "192.0.2.8"], "mail.example": ["198.51.100.1"]}
HOSTS["none.example"] = []  # it exists
ASKED = ("A www", "A mail", "AAAA www", "MX www", "A no", "AAAA no", "A WWW", "A awww", "A none")


TYPE = "a name that has records, but not of this type, is not NXDOMAIN: no error, and no record"
QUESTION = "`reply()` of the query has its number and its question"


@exercise(
    "resolvers",
    hint={
        "AAAA www.example: the name exists": TYPE,
        "MX www.example: the name exists": TYPE,
        "A none.example: the name exists": f"a list may be empty: `if … is None`; {TYPE}",
        "WWW.example: the name exists": "upper and lower case are the same: lower()",
        "the name exists": "str(qname) ends with a dot, and the names in `hosts` do not",
        "the name does not exist": "look for the whole name, and for no part of it",
        "this is a query": QUESTION,
        "another query": QUESTION,
        "AAAA www.example: you answer": "these are IPv4 addresses: only for a question of type A",
        "MX www.example: you answer": "these are IPv4 addresses: only for a question of type A",
        "your record is for": "RR() begins with the name that was asked for: the query's `q.qname`",
        "you answer": "a record for each address in the list",
        "": "`answer()` above has most of it: parse(), reply(), add_answer(), pack()",
    },
)
def name_server(answer: Callable[[bytes, dict[str, list[str]]], bytes]) -> None:
    for question in ASKED:
        kind, name = f"{question}.example".split()
        query = DNSRecord.question(name, kind)
        raw = answer(query.pack(), {known: [*addresses] for known, addresses in HOSTS.items()})
        asked = f"{kind} {name}"
        reply = parsed(raw, asked)
        assert reply.header.qr, f"{asked}: this is a query, not an answer: its bit QR is 0"
        other = f"{asked}: this answers another query"
        assert reply.header.id == query.header.id, f"{other}, number {reply.header.id}"
        assert str(reply.q) == str(query.q), f"{other}, {str(reply.q)[1:]}"
        known = name.lower() in HOSTS
        code, due = RCODE.get(reply.header.rcode), "NOERROR" if known else "NXDOMAIN"
        exists = "exists" if known else "does not exist"
        assert code == due, f"{asked}: the name {exists}, so the code is {due}, and not {code}"
        owners = {str(one.rname).lower() for one in reply.rr} - {f"{name.lower()}."}
        assert not owners, f"{asked}: your record is for {min(owners)}"
        got = sorted(f"{str(one.rname).lower()} {QTYPE[one.rtype]} {one.rdata}" for one in reply.rr)
        addresses = HOSTS.get(name.lower(), [])
        wanted = [f"{name.lower()}. A {address}" for address in addresses if kind == "A"]
        assert got == wanted, f"{asked}: you answer {got}, not {wanted}"


def parsed(raw: object, asked: str) -> Any:
    what = type(raw).__name__
    assert isinstance(raw, bytes | bytearray), f"it returned a {what}, not bytes: pack() it"
    try:
        return DNSRecord.parse(bytes(raw))
    except DNSError:
        raise AssertionError(f"{asked}: these {len(raw)} bytes are no message of DNS") from None
