"""What a DNS message says, in a few words."""

from typing import Any


def words_of(payload: bytes) -> str:
    """A query, an answer or an error, such as DNS NXDOMAIN; nothing if it is no DNS message."""
    from dnslib import DNSError, DNSRecord  # type: ignore[import-untyped]

    try:
        return f"DNS {_said(DNSRecord.parse(payload))}"
    except DNSError:
        return ""


def _said(message: Any) -> str:
    from dnslib import RCODE

    if not message.header.qr:
        asked = [f"{_type(asked.qtype)} {_name(asked.qname)}" for asked in message.questions]
        return " ".join(["query", *asked])
    if message.header.rcode:
        return str(RCODE.get(message.header.rcode))
    if message.header.tc:
        return "answer, truncated"
    if not message.rr:
        return "NODATA"  # RFC 2308, 2.2: no error, and no answer either
    first, *others = [_name(record.rdata) for record in message.rr]
    return f"answer {first}" + (f" and {len(others)} more" if others else "")


def _type(number: int) -> str:
    from dnslib import QTYPE

    return str(QTYPE.get(number))


def _name(data: object) -> str:
    return str(data).removesuffix(".") or "."
