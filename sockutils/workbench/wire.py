"""What carries the packets: `lo`, or a Link that delays and loses them."""

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from sockutils.kernel.network import network
from sockutils.link.link import Link
from sockutils.packets.live import Recorder
from sockutils.packets.packet import Packet

if TYPE_CHECKING:
    from sockutils.packets.capture import Packets

SLOWEST = 2.0  # seconds one way
UNSEEN = "No packets are shown here: that takes a private network, or CAP_NET_RAW"


class Wire:
    """Packets from `lo`, and from a Link once there is one; `unseen` says why there are none."""

    def __init__(self) -> None:
        self.unseen = self.refused = ""
        self.link: Packets | None = None
        self.delay = 0.0
        self.losing = 0  # packets that will be lost
        self._read = 0
        self._stack = ExitStack()
        self._recorder: Recorder | None = None
        try:
            self._recorder = self._stack.enter_context(closing(Recorder()))
        except OSError:
            self.unseen = f"{UNSEEN} ({network().why})."

    def obey(self, code: str) -> None:
        """Do what a step says: `up`, `lose`, `delay SECONDS`; `refused` tells if it cannot be."""
        try:
            self._up()
        except OSError as error:
            self.refused = str(error.strerror)
            return
        word, _, number = code.partition(" ")
        if word == "lose":
            self.losing += 1
        elif word == "delay":
            self.delay = min(float(number), SLOWEST)

    def _up(self) -> None:
        if self.link is None:
            line = Link(delay=lambda packet: self.delay, lose=lambda packet: self._loses())
            self.link = self._stack.enter_context(line)

    def _loses(self) -> bool:
        self.losing -= 1
        if self.losing < 0:
            self.losing = 0
            return False
        return True

    def drain(self) -> list[Packet]:
        """Return the packets that have come since the last time, in the order of their times."""
        packets = self._recorder.drain() if self._recorder else []
        if self.link is not None:
            packets += self.link[self._read :]
            self._read = len(self.link)
        return sorted(packets, key=lambda packet: packet.nanoseconds)

    @property
    def busy(self) -> bool:
        """Whether a packet is on its way."""
        return any(packet.arrivals is None for packet in self.link or [])

    def close(self) -> None:
        """Take the line down, and record no more."""
        self._stack.close()
        self.link = self._recorder = None
