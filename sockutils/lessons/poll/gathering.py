"""The check of the exercise that reads from many: what it asks of a loop."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress

from sockutils.calls.counted import counted
from sockutils.lessons.poll.peers import said_and_gone, tell_all, udp
from sockutils.peers.ends import connected
from sockutils.peers.peer import background
from sockutils.practice.exercise import exercise
from sockutils.practice.short import short
from sockutils.tables.descriptors import links

SOURCES = (
    "the first pipe",
    "the connection that was reset",
    "the UDP socket whose peer is gone",
    "the slow connection",
    "the last connection",
    "the pipe whose writer had gone",
)
DATAGRAM = b"a datagram, " * 100
MUCH = b"and gone, " * 7000  # more than 64 KB
# The slow connection is the first: whoever reads one after the other waits for it.
ORDER = 3, 0, 1, 2, 4, 5
SPIN = 100_000  # more than there are bytes
READS = ("read", "readv", "recv", "recv_into", "recvfrom", "recvfrom_into", "recvmsg")
RETURNS = (
    "it returns for nothing if its time is short, or 0, and at once if one that it watches has a"
    " flag that you do not act on"
)
GATHER = {
    "times: ": "wait without a limit. Whatever flag comes, os.read() tells what it is; unregister"
    " and close who has ended",
    "you returned while": "silence is no end, nor is one answer of poll() the last: go on until"
    " each has ended",
    "still open": "os.close() at b'' or an error, after unregister()",
    "you waited in a read": "one os.read() for each that poll() names, then ask again",
    "ConnectionR": "an error ends that one and no other: `except OSError` around os.read()",
    "Bad file descriptor": "unregister first, then close: poll() names a closed number, too",
    "in another order": "the order in which they end is not that of `numbers`",
    "the UDP socket": "what os.read() has no room for is cut off a datagram: 65536 is enough",
    "the pipe whose writer had gone said": "POLLHUP may come while there are bytes: os.read(), and"
    " again, until it returns b''",
    "the first pipe said": "bytes come in parts: add (+=) each to what came before",
    "": "whatever flag comes: os.read() tells what it is. Unregister and close who has ended",
}


@exercise("poll", hint=GATHER, seconds=12)
def gather(collect: Callable[[list[int]], list[bytes]]) -> None:
    words = [b"early", b"", DATAGRAM, b"piece by piece", b"the last", MUCH]
    with ExitStack() as stack:
        reader, writer = os.pipe()
        pairs = [connected() for _ in range(3)]
        for pair in pairs:
            stack.enter_context(pair[1])
        end, other = map(stack.enter_context, udp())
        ends = [reader, *(client.detach() for client, _ in pairs)]
        ends.insert(2, os.dup(end.fileno()))
        gone, words[5] = said_and_gone(MUCH)
        ends.append(gone)
        names = [os.readlink(f"/proc/self/fd/{number}") for number in ends]
        stack.callback(close_all, ends, names)
        peers = [server for _, server in pairs]
        other.send(DATAGRAM)
        calls, told = Rounds(), set[str]()
        arguments = writer, names[0], (end, other), peers, words, told
        with background(tell_all, *arguments) as peer, counted(calls):
            found = collect([ends[place] for place in ORDER])
            early = "all" not in told
            told.add("returned")
        events, held_up = peer.result
        assert isinstance(found, list), f"you return {short(found)}, not a list"
        assert not early or held_up, "you returned while some had not said everything, or not ended"
        assert len(found) == len(ends), f"{len(ends)} descriptors, and a list of {len(found)}"
        found = [found[ORDER.index(place)] for place in range(len(ends))]
        assert asked(calls) > 1, "you have not asked poll() who has something to say, only read"
        assert not held_up, "you waited in a read while another descriptor had something to say"
        same = sorted(map(repr, found)) == sorted(map(repr, words))
        assert found == words or not same, "you return what they have said, in another order"
        for source, said, heard in zip(SOURCES, words, found, strict=True):
            assert heard == said, f"{source} said {short(said)}, you have {short(heard)}"
        left = len({*names} & {*links()})
        assert not left, f"{left} of {len(ends)} descriptors are still open: close each at its end"
        rounds, reads = asked(calls), sum(calls[name] for name in READS)
        many = events + len(ends)
        assert rounds <= reads + many, (
            f"{reads} reads, and poll() returned {rounds} times: {RETURNS}"
        )
        assert reads <= 4 * many + len(MUCH), (
            f"{many} events, and {reads} reads: read from those that are ready"
        )


def asked(calls: Counter[str]) -> int:
    """How often it has asked; poll() and epoll(), which make the object, are among them."""
    return calls["poll"] + calls["select"] + calls["epoll"]


class Rounds(Counter[str]):
    """Calls by name; a loop that spins is stopped where it asks."""

    def __setitem__(self, name: str, number: int) -> None:
        super().__setitem__(name, number)
        assert asked(self) < SPIN, f"poll() has returned {SPIN} times: {RETURNS}"


def close_all(numbers: Sequence[int], names: Sequence[str]) -> None:
    """Close those that are still what they were."""
    for number, name in zip(numbers, names, strict=True):
        with suppress(FileNotFoundError):
            if os.readlink(f"/proc/self/fd/{number}") == name:
                os.close(number)
