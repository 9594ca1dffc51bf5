"""Whether anything still moves: what a picture waits for, so that it is the same on every run.

Nothing here guesses by time. A packet may wait in a queue of the kernel's (softirq) or of a Link
when the call that sent it has returned; what it will do there is known, so that is looked for.
"""

import socket
from collections.abc import Iterable

from sockutils.workbench.call import Call
from sockutils.workbench.end import End, Seen
from sockutils.workbench.record import Record

PASSING = {"SYN-RECV", "FIN-WAIT-1", "CLOSING", "LAST-ACK"}  # these end with the next packet
RESET = {"ESTAB", "FIN-WAIT-2"}  # and these if there is no other end any more
UNACKED = slice(24, 28)  # tcpi_unacked of <linux/tcp.h>: packets that nobody has confirmed


def moves(record: Record, ends: list[End], calls: Iterable[Call], recorded: bool) -> bool:
    """Tell whether a call is about to return, or a packet under way."""
    if not all(call.over.is_set() or call.asleep() for call in calls):
        return True
    if recorded and any(
        one.state == "SYN-SENT" and not is_sent(one, record) for one in record.states
    ):
        return True
    if recorded and record.datagrams_seen < record.datagrams_sent:
        return True
    tcp = [one for one in record.states if one.protocol == "tcp" and one.row]
    if any(one.state in PASSING and not one.unconfirmed for one in tcp):
        return True
    return bool(alone(tcp, record)) or any(map(unconfirmed, ends))


def is_sent(one: Seen, record: Record) -> bool:
    return one.row is not None and one.row.local[-1] in record.knocked


def alone(tcp: list[Seen], record: Record) -> list[Seen]:
    """Ends whose other end, one of ours, is gone: a reset is under way to them."""
    pairs = {(one.row.local[-1], one.row.remote[-1]) for one in tcp if one.row}
    return [
        one
        for one in tcp
        if one.row and one.state in RESET
        if one.row.remote[-1] in record.owners
        if (one.row.remote[-1], one.row.local[-1]) not in pairs
    ]


def unconfirmed(end: End) -> bool:
    if not end.open or end.protocol != "tcp" or not end.held or end.held.state != "ESTAB":
        return False
    return any(end.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, UNACKED.stop)[UNACKED])
