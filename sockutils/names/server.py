"""A name server on port 53 of 127.0.0.1, for as long as a block runs."""

import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, NamedTuple

from dnslib import EDNS0, QTYPE, DNSRecord  # type: ignore[import-untyped]

from sockutils.kernel.files import edited
from sockutils.names.answers import Answer, from_zone
from sockutils.peers.peer import background

ADDRESS = ("127.0.0.1", 53)
LOWEST = "/proc/sys/net/ipv4/ip_unprivileged_port_start"


@contextmanager
def dns_server(
    answer: str | Answer, late: float = 0.0, room: int = 512, options: str = ""
) -> Iterator[list[str]]:
    """Run a name server on port 53 of 127.0.0.1, which the C library asks, while the block runs.

    `answer` is a zone, or a function of the query that returns the reply, or None. Answers come
    `late` by so many seconds; over UDP one of more than `room` bytes (RFC 1035: 512) is cut off,
    unless the query says that it takes more (EDNS0).
    `options` are those of resolv.conf(5): "timeout:1 attempts:1". The list holds what was asked:
    "A www.example", and "A www.example over TCP".
    """
    if isinstance(answer, str):
        answer = from_zone(answer)
    with ExitStack() as stack:
        stack.enter_context(edited(LOWEST, "53"))
        lines = f"nameserver 127.0.0.1\nsearch .\noptions {options}\n"
        stack.enter_context(edited("/etc/resolv.conf", lines))
        udp = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        udp.bind(ADDRESS)
        tcp = stack.enter_context(socket.create_server(ADDRESS))
        end, over = map(stack.enter_context, socket.socketpair())
        server = Server(udp, tcp, over, answer, late, room, [], [])
        with background(server.serve):
            try:
                yield server.asked
            finally:
                end.close()


class Server(NamedTuple):
    """A loop that answers queries, over UDP each after a delay, until `over` ends."""

    udp: socket.socket
    tcp: socket.socket
    over: socket.socket
    answer: Answer
    late: float
    room: int
    asked: list[str]
    waiting: list[tuple[float, bytes, Any]]  # when they are due, the answer, the client

    def serve(self) -> None:
        while True:
            pause = max(0.0, self.waiting[0][0] - time.monotonic()) if self.waiting else None
            ready, _, _ = select.select([self.udp, self.tcp, self.over], [], [], pause)
            if self.over in ready:
                return
            if self.udp in ready:
                raw, client = self.udp.recvfrom(1 << 16)
                if reply := self.reply_to(raw, "", self.room):
                    self.waiting.append((time.monotonic() + self.late, reply, client))
            if self.tcp in ready:
                self.serve_connection(self.tcp.accept()[0])
            while self.waiting and self.waiting[0][0] <= time.monotonic():
                self.udp.sendto(*self.waiting.pop(0)[1:])

    def serve_connection(self, connection: socket.socket) -> None:
        """RFC 1035, 4.2.2: over TCP a message has its length before it, in two bytes."""
        with connection, suppress(OSError), connection.makefile("rb") as reader:
            connection.settimeout(1)
            while prefix := reader.read(2):
                query = reader.read(int.from_bytes(prefix, "big"))
                reply = self.reply_to(query, " over TCP", 1 << 16)
                connection.sendall(len(reply).to_bytes(2, "big") + reply)

    def reply_to(self, raw: bytes, how: str, room: int) -> bytes:
        query = DNSRecord.parse(raw)
        self.asked.append(f"{QTYPE[query.q.qtype]} {str(query.q.qname)[:-1]}{how}")
        reply = self.answer(query)
        if reply is None:
            return b""
        offers = [record for record in query.ar if record.rtype == QTYPE.OPT]  # RFC 6891: EDNS0
        reply.add_ar(*(EDNS0(udp_len=1232) for _ in offers))
        if len(reply.pack()) > max([room, *(offer.edns_len for offer in offers)]):
            reply = query.reply()  # not reply.truncate(): the C library wants its question back
            reply.header.tc = 1
        return bytes(reply.pack())
