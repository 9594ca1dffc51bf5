"""What a name server answers: functions of the query."""

from collections.abc import Callable
from typing import Any

from dnslib import QTYPE, RCODE, RR  # type: ignore[import-untyped]

Message = Any  # dnslib has no types
Answer = Callable[[Message], Message | None]


def from_zone(zone: str) -> Answer:
    """A function that answers with the records of a zone, in dnslib's notation of a zone file."""
    records = RR.fromZone(zone)

    def answer(query: Message) -> Message:
        reply, name = query.reply(), query.q.qname
        if name not in [record.rname for record in records]:
            reply.header.rcode = RCODE.NXDOMAIN
        for _ in records:  # a chain of aliases is not longer
            here = [record for record in records if record.rname == name]
            fitting = [record for record in here if record.rtype in (query.q.qtype, QTYPE.CNAME)]
            reply.add_answer(*fitting)
            if not fitting or fitting[0].rtype != QTYPE.CNAME:
                break
            name = fitting[0].rdata.label
        return reply

    return answer


def says(code: str) -> Answer:
    """A function that answers everything with this code: NXDOMAIN, SERVFAIL, REFUSED, FORMERR."""

    def answer(query: Message) -> Message:
        reply = query.reply()
        reply.header.rcode = getattr(RCODE, code)
        return reply

    return answer


def nothing(query: Message) -> None:
    """Answer nothing at all."""
