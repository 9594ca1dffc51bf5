"""The memory into which the kernel copies packets: a ring of blocks that a process can read.

A packet socket's queue is bounded by net.core.rmem_max, which only the host's root may raise; a
ring is as large as it is asked for. Linux, Documentation/networking/packet_mmap.rst; packet(7).
"""

import _socket
import mmap
import struct
from collections.abc import Iterator
from typing import NamedTuple

# <linux/if_packet.h>
SOL_PACKET = 263
PACKET_RX_RING = 5
PACKET_STATISTICS = 6
PACKET_VERSION, TPACKET_V3 = 10, 2

BLOCK = 1 << 20  # bytes; the end of a block stays empty if the next packet does not fit
BLOCKS = 16
PATIENCE = 3_600_000  # ms until the kernel turns to the next block though this one has room

# the beginnings of struct tpacket_hdr_v1, tpacket3_hdr and, behind the latter, sockaddr_ll
BLOCK_HEADER, BLOCK_AT = struct.Struct("@3I"), 8
FRAME_HEADER = struct.Struct("@6I2H")
FRAME_PROTOCOL, PROTOCOL_AT = struct.Struct("!H"), 50


class Frame(NamedTuple):
    """What crossed the interface: its EtherType, when (nanoseconds since 1970), and its bytes."""

    protocol: int
    nanoseconds: int
    raw: bytes


def ring(recorder: _socket.socket) -> mmap.mmap:
    """Give a packet socket a ring of 16 MB, which begins to fill as the socket is bound.

    A full ring takes no more packets, and they count as lost. OSError: ENOMEM.
    """
    recorder.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V3)
    wanted = struct.pack("@7I", BLOCK, BLOCKS, BLOCK, BLOCKS, PATIENCE, 0, 0)  # tpacket_req3
    recorder.setsockopt(SOL_PACKET, PACKET_RX_RING, wanted)
    return mmap.mmap(recorder.fileno(), BLOCK * BLOCKS, prot=mmap.PROT_READ)


def frames(memory: mmap.mmap) -> Iterator[Frame]:
    """Yield what is in the ring, in order. The socket gets no more packets, or it may be torn."""
    for block in range(0, len(memory), BLOCK):
        _, count, first = BLOCK_HEADER.unpack_from(memory, block + BLOCK_AT)
        frame = block + first
        for _ in range(count):
            following, seconds, rest, length, _, _, _, start = FRAME_HEADER.unpack_from(
                memory, frame
            )
            (protocol,) = FRAME_PROTOCOL.unpack_from(memory, frame + PROTOCOL_AT)
            raw = memory[frame + start : frame + start + length]
            yield Frame(protocol, seconds * 10**9 + rest, raw)
            frame += following


def lost(recorder: _socket.socket) -> int:
    """How many packets found no room in the ring since it was last asked."""
    answer = recorder.getsockopt(SOL_PACKET, PACKET_STATISTICS, 12)  # tpacket_stats_v3
    return int(struct.unpack("@3I", answer)[1])
