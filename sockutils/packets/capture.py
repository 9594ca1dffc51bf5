"""What crossed an interface: packets with the kernel's time stamps."""

import _socket
import errno
import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from mmap import mmap

from sockutils.kernel.network import in_one_line, network
from sockutils.packets.headers import is_whole
from sockutils.packets.packet import Packet
from sockutils.packets.ring import SOL_PACKET, frames, lost, ring
from sockutils.packets.roles import rows, transcript

# <linux/if_packet.h>, <linux/if_ether.h>
PACKET_IGNORE_OUTGOING = 23
ETH_P_ALL = 0x0003
ETH_P_LOOP = 0x0060  # an echo test of 1985 that nobody sends
ETH_P_IP = 0x0800
ETH_P_IPV6 = 0x86DD
# draft-ietf-opsawg-pcap: nanosecond time stamps; LINKTYPE_RAW, packets begin with the IP header
PCAP_MAGIC = 0xA1B23C4D
PCAP_RAW = 101

SET = 10_000_000  # ns: the two clocks run at the same rate, and no look takes that long
LARGEST = 1 << 17  # bytes, more than any IP packet holds
MISSING = "capture() needs Linux (AF_PACKET): open the course on Linux, in WSL2 or on Binder"


class Packets(list[Packet]):
    """Packets in the order in which they arrived; as text, a transcript with roles for ports."""

    def __repr__(self) -> str:
        return transcript(rows(self))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a pcap file that Wireshark opens, in place of what is there."""
        with open(path, "wb") as file:
            file.write(struct.pack("<IHHiIII", PCAP_MAGIC, 2, 4, 0, 0, LARGEST, PCAP_RAW))
            for packet in self:
                stamp, length = divmod(packet.nanoseconds, 10**9), len(packet.raw)
                file.write(struct.pack("<IIII", *stamp, length, length) + packet.raw)


@contextmanager
def capture(port: int | None = None, interface: str = "lo") -> Iterator[Packets]:
    """Record what crosses the interface while the block runs; the list is filled as it ends.

    `port` keeps the packets from or to that TCP or UDP port and the ICMP errors about them.
    OSError: EPERM without CAP_NET_RAW, EAFNOSUPPORT where there is no AF_PACKET, ENODEV for an
    unknown interface, ENOMEM without 16 MB for the packets, ENOBUFS if they did not fit in there,
    ECANCELED if the machine's clock was set meanwhile, which leaves the packets without a true
    time. packet(7).
    """
    with closing(recorder()) as source, closing(ring(source)) as memory:
        import scapy.layers.inet6  # noqa: F401  (half a second: now, not inside the block)

        if interface == "lo":  # where every packet is seen leaving and arriving
            source.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        source.bind((interface, ETH_P_ALL))
        packets, before = Packets(), epoch()
        try:
            yield packets
        finally:
            with suppress(OSError):  # the interface is gone, and nothing comes any more
                source.bind((interface, ETH_P_LOOP))  # waits until no packet is being copied
            packets += _received(memory, port)
        # not reached when the block raised: that error matters more
        _complain_about_losses(source)
        _complain_about_the_clock(before)


def recorder() -> _socket.socket:
    if not hasattr(socket, "AF_PACKET"):
        raise OSError(errno.EAFNOSUPPORT, MISSING)
    try:
        # the plain C class: trace() shall not note it
        return _socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    except PermissionError:
        why = f"capture() needs a private network, or CAP_NET_RAW: {network().why}"
        raise OSError(errno.EPERM, why) from None


def _received(memory: mmap, port: int | None) -> Iterator[Packet]:
    for protocol, nanoseconds, raw in frames(memory):
        if protocol in (ETH_P_IP, ETH_P_IPV6) and is_whole(raw):
            packet = Packet(nanoseconds, raw)
            if port in (None, packet.source[1], packet.destination[1]):
                yield packet


def _complain_about_losses(recorder: _socket.socket) -> None:
    if count := lost(recorder):
        reason = "its memory was full: let less happen in the block"
        raise OSError(errno.ENOBUFS, f"capture lost {count} packets, {reason}")


def epoch() -> int:
    """When CLOCK_MONOTONIC began, in nanoseconds since 1970: it moves when the clock is set, or
    when the machine sleeps. clock_gettime(2)."""
    # the narrowest of some looks: this process may be kept waiting between two clocks
    looks = [(time.monotonic_ns(), time.time_ns(), time.monotonic_ns()) for _ in range(5)]
    before, now, _ = min(looks, key=lambda look: look[2] - look[0])
    return now - before


def _complain_about_the_clock(before: int) -> None:
    if abs(epoch() - before) > SET:
        line = "the machine's clock was set, or it slept: no time is true here, run the cell again"
        raise in_one_line(OSError(errno.ECANCELED, line), line)
