"""What crossed an interface: packets with the kernel's time stamps."""

import _socket
import errno
import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from sockutils.packet import Packet
from sockutils.roles import rows, transcript

# <asm-generic/socket.h>
SO_TIMESTAMPNS = 35
# <linux/if_packet.h>, <linux/if_ether.h>
SOL_PACKET = 263
PACKET_STATISTICS = 6
PACKET_IGNORE_OUTGOING = 23
ETH_P_ALL = 0x0003
ETH_P_IP = 0x0800
ETH_P_IPV6 = 0x86DD
# draft-ietf-opsawg-pcap: nanosecond time stamps; LINKTYPE_RAW, packets begin with the IP header
PCAP_MAGIC = 0xA1B23C4D
PCAP_RAW = 101

BUFFER = 1 << 26  # bytes asked for; the kernel gives net.core.rmem_max
LARGEST = 1 << 17  # bytes, more than any IP packet holds
REFUSED = (
    "capture() needs the private network (or CAP_NET_RAW): "
    "choose the kernel 'Sockets (private network)' in the notebook's Kernel menu"
)
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
    unknown interface, ENOBUFS if packets came faster than they fit in memory. packet(7).
    """
    with closing(_recorder()) as recorder:
        import scapy.layers.inet6  # noqa: F401  (half a second: now, not inside the block)

        if interface == "lo":  # where every packet is seen leaving and arriving
            recorder.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        _wait_for_time_stamps()
        recorder.bind((interface, ETH_P_ALL))
        packets = Packets()
        try:
            yield packets
        finally:
            packets += _received(recorder, port)
        # not reached when the block raised: that error matters more
        _complain_about_losses(recorder)


def _recorder() -> _socket.socket:
    if not hasattr(socket, "AF_PACKET"):
        raise OSError(errno.EAFNOSUPPORT, MISSING)
    try:
        # the plain C class: trace() shall not note it
        recorder = _socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    except PermissionError:
        raise OSError(errno.EPERM, REFUSED) from None
    recorder.setblocking(False)
    recorder.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    recorder.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    return recorder


def _wait_for_time_stamps() -> None:
    # The kernel starts to stamp packets some milliseconds after it was asked to (a work queue:
    # net_enable_timestamp()). One that came before gets the time at which it is read, far too late.
    with closing(_socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        probe.settimeout(1)
        probe.bind(("127.0.0.1", 0))
        probe.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        stamp = sent = 0
        while stamp >= sent:
            probe.sendto(b"", probe.getsockname())
            sent = time.time_ns()
            _, ancillary, _, _ = probe.recvmsg(1, socket.CMSG_SPACE(16))
            stamp = _nanoseconds(ancillary)


def _nanoseconds(ancillary: list[tuple[int, int, bytes]]) -> int:
    seconds, nanoseconds = struct.unpack("@ll", ancillary[0][2])
    return int(seconds * 10**9 + nanoseconds)


def _received(recorder: _socket.socket, port: int | None) -> Iterator[Packet]:
    with suppress(BlockingIOError):
        while True:
            raw, ancillary, _, address = recorder.recvmsg(LARGEST, socket.CMSG_SPACE(16))
            if address[1] not in (ETH_P_IP, ETH_P_IPV6):
                continue
            packet = Packet(_nanoseconds(ancillary), raw)
            if port in (None, packet.source[1], packet.destination[1]):
                yield packet


def _complain_about_losses(recorder: _socket.socket) -> None:
    _, lost = struct.unpack("@II", recorder.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
    if lost:
        reason = "its buffer was full: let less happen in the block"
        raise OSError(errno.ENOBUFS, f"capture lost {lost} packets, {reason}")
