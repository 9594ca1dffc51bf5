"""A small HTTP/1.1 server's protocol: RFC 9110, RFC 9112. It calls nothing on a socket."""

import re
from email.utils import formatdate

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
TARGET = r"/[!-~]*|\*|[A-Za-z0-9][A-Za-z0-9+.-]*:[!-~]+"
LINE = re.compile(rf"({TOKEN}) ({TARGET}) HTTP/([0-9])\.([0-9])")
NAME = re.compile(r"(\[[\da-f:.]+\]|([\w.~!$&'()*+,;=-]|%[\da-f]{2})*)(:\d*)?", re.A | re.I)
FIELD = re.compile(rf"({TOKEN}):[ \t]*([\t -~\x80-\xff]*)")
LARGEST = 100_000  # bytes of a body
LONGEST = 16_000  # bytes of a head
PHRASES = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed"}
PHRASES |= {411: "Length Required", 413: "Content Too Large", 414: "URI Too Long"}
PHRASES |= {408: "Request Timeout", 417: "Expectation Failed", 501: "Not Implemented"}
PHRASES |= {431: "Request Header Fields Too Large", 505: "HTTP Version Not Supported"}
Fields = dict[str, list[str]]
Page = tuple[int, bytes, tuple[str, ...]]  # the status, the body, more fields


class Refused(Exception):
    """Its argument is the status of the answer."""


def head_of(data: bytes) -> tuple[str, str, str, Fields]:
    """Method, target, minor version and fields of a head without its empty line, or Refused."""
    first, *others = data.decode("latin-1").split("\r\n")
    line, fields = LINE.fullmatch(first), Fields()
    found = [FIELD.fullmatch(other) for other in others]
    if not line or None in found:
        raise Refused(400)
    for field in filter(None, found):
        fields.setdefault(field[1].lower(), []).append(field[2].strip(" \t"))
    if line[3] != "1":
        raise Refused(505)
    hosts = fields.get("host", ["" if line[4] == "0" else "?"])
    if len(hosts) != 1 or not NAME.fullmatch(hosts[0]):
        raise Refused(400)
    return line[1], line[2], line[4], fields


def length_of(fields: Fields) -> int:
    """How many bytes of body follow the head, or Refused."""
    if "transfer-encoding" in fields:
        last = fields["transfer-encoding"][-1].lower().rpartition(",")[2].strip(" \t")
        raise Refused(400 if "content-length" in fields or last != "chunked" else 411)
    lengths = {*fields.get("content-length", ["0"])}
    if len(lengths) > 1 or not re.fullmatch("[0-9]+", length := lengths.pop()):
        raise Refused(400)
    length = length.lstrip("0") or "0"
    if len(length) > 9 or int(length) > LARGEST:
        raise Refused(413)
    return int(length)


def body_length(head: bytes) -> int:
    """How many bytes of body follow a head that is well-formed."""
    for field in head.split(b"\r\n")[1:]:
        name, _, value = field.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def response(
    status: int,
    body: bytes = b"",
    more: tuple[str, ...] = (),
    head: bool = False,
    close: bool = False,
) -> bytes:
    lines = [f"HTTP/1.1 {status} {PHRASES[status]}", f"Date: {formatdate(usegmt=True)}"]
    lines += [f"Content-Length: {len(body)}", "Content-Type: text/plain", *more]
    if close:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode() + (b"" if head else body)


def page(method: str, target: str, body: bytes) -> Page:
    """Two pages: / says hello, /shout sends the body back in capitals."""
    path = re.sub("^http://[^/?]+", "", target, flags=re.IGNORECASE).partition("?")[0] or "/"
    methods = {"/": ("GET", "HEAD"), "/shout": ("POST",)}.get(path)
    if method not in ("GET", "HEAD", "POST"):
        return 501, b"", ()
    if methods is None:
        return 404, b"no such page\n", ()
    if method not in methods:
        return 405, b"", (f"Allow: {', '.join(methods)}",)
    return 200, b"hello\n" if path == "/" else body.upper(), ()


class Http:
    """HTTP/1.1: requests in, answers out."""

    over, rest = False, b""

    def hear(self, data: bytes) -> bytes:
        # It looks at the whole head again for each piece: a server for many keeps how far it is.
        self.rest, answers = self.rest + data, []
        try:
            while not self.over and (answer := self.next_answer()):
                answers.append(answer)
        except Refused as refused:
            self.over = True
            answers.append(response(refused.args[0], close=True))
        return b"".join(answers)

    def next_answer(self) -> bytes | None:
        head, end, rest = self.rest.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if len(head) > LONGEST:
            raise Refused(414 if len(head.partition(b"\r\n")[0]) > LONGEST // 2 else 431)
        return self.answer_to(*head_of(head), rest) if end else None

    def answer_to(
        self, method: str, target: str, minor: str, fields: Fields, rest: bytes
    ) -> bytes | None:
        length = length_of(fields)
        if "expect" in fields and minor != "0":
            raise Refused(417)
        if len(rest) < length:
            return None
        wishes = ",".join(fields.get("connection", [])).lower().split(",")
        self.over = "close" in [wish.strip(" \t") for wish in wishes] or minor == "0"
        status, body, more = page(method, target, rest[:length])
        self.rest = rest[length:]
        return response(status, body, more, head=method == "HEAD", close=self.over)

    def late(self) -> bytes:
        return response(408, close=True) if self.rest else b""
