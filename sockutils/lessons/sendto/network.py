"""The network of its last exercise: it loses, doubles and reorders, as a list says."""

import socket
import struct
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from sockutils.link.link import Link
from sockutils.link.relay import relayed
from sockutils.packets.packet import Packet

Times = tuple[float, ...]  # seconds after which a packet arrives, once for each arrival
NUMBER = struct.Struct("!H")
HERE, THERE = "10.0.0.1", "10.0.0.2"
MESSAGE, ACKNOWLEDGEMENT = "message", "acknowledgement"
LATE, VERY_LATE = 0.15, 0.5
MESSAGES = [b"fine", b"lost", b"same", b"same", b"", b"late", b"x" * 1200, b"last"]
WHAT = [
    "nothing happened to it",
    "its first copy was lost",
    "its first acknowledgement was lost",
    "it was doubled",
    "its first five copies were lost",
    "its first copy came late, after the next message",
    "its first acknowledgement came late",
    "it was the last one; its second copy and its first four acknowledgements were lost",
]
LOST: Times = ()
TROUBLE: Mapping[tuple[str, int], Sequence[Times]] = {  # what becomes of the first copies
    (MESSAGE, 1): (LOST,),
    (ACKNOWLEDGEMENT, 2): (LOST,),
    (MESSAGE, 3): ((0.0, 0.0),),
    (MESSAGE, 4): (LOST,) * 5,  # longer than QUIET, before the end
    (MESSAGE, 5): ((LATE,),),
    (ACKNOWLEDGEMENT, 6): ((LATE,),),
    (MESSAGE, 7): ((0.0,), LOST),  # a pause of two tries, after the end
    (ACKNOWLEDGEMENT, 7): (LOST,) * 4,  # the fifth is wanted more than QUIET after the first copy
}
DOUBLED: dict[tuple[str, int], Sequence[Times]] = {
    (way, number): [(0.0, 0.0)] for way in (MESSAGE, ACKNOWLEDGEMENT) for number in range(3)
}
SLOW = 1  # the message whose acknowledgement is long under way, when all else comes twice
DOUBLED[ACKNOWLEDGEMENT, SLOW] = [(VERY_LATE,)] * 2


class Network:
    """Decides what becomes of a packet, by its number and by how many copies of it came before."""

    def __init__(self, trouble: Mapping[tuple[str, int], Sequence[Times]]) -> None:
        self.trouble = trouble
        self.came: Counter[tuple[str, int]] = Counter()
        self.times: Times = (0.0,)

    def fate(self, way: str, payload: bytes) -> Times:
        packet = way, int.from_bytes(payload[: NUMBER.size])
        fates = self.trouble.get(packet, ())
        copy = self.came[packet]
        self.came[packet] += 1
        return fates[copy] if copy < len(fates) else (0.0,)

    def lose(self, packet: Packet) -> bool:  # a Link asks this first, about each packet
        way = MESSAGE if packet.destination[0] == THERE else ACKNOWLEDGEMENT
        self.times = self.fate(way, packet.payload) if packet.protocol == "UDP" else (0.0,)
        return not self.times

    def relayed(self, there: bool, payload: bytes) -> Times:
        return self.fate(MESSAGE if there else ACKNOWLEDGEMENT, payload)

    @property
    def under_way(self) -> int:
        """The highest number that a message had so far."""
        return max((number for way, number in self.came if way == MESSAGE), default=0)


@contextmanager
def bad(network: Network) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A sender and a receiver with that network between them, a Link where one can be had.

    Elsewhere (no private network, no /dev/net/tun) the datagrams go through a relay on 127.0.0.1.
    """
    with ExitStack() as stack:
        sender, receiver = (
            stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in range(2)
        )
        try:
            link = Link(
                delay=lambda _: network.times[0],
                lose=network.lose,
                duplicate=lambda _: len(network.times) > 1,
            )
            stack.enter_context(link)
        except OSError:
            receiver.bind(("127.0.0.1", 0))
            sender.connect(stack.enter_context(relayed(network.relayed, receiver.getsockname())))
        else:
            receiver.bind((HERE, 0))
            sender.connect((THERE, receiver.getsockname()[1]))
        yield sender, receiver
