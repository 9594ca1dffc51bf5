"""Packets as they come: a ring whose packets are read one by one, while it goes on recording."""

import mmap
import struct

from sockutils.packets.capture import (
    ETH_P_ALL,
    ETH_P_IP,
    ETH_P_IPV6,
    PACKET_IGNORE_OUTGOING,
    recorder,
)
from sockutils.packets.headers import is_whole
from sockutils.packets.packet import Packet
from sockutils.packets.ring import PACKET_RX_RING, PACKET_VERSION, SOL_PACKET, lost

# <linux/if_packet.h>: each packet has a frame of its own, which it hands over at once
TPACKET_V2, TP_STATUS_KERNEL, TP_STATUS_USER = 1, 0, 1
HEADER = struct.Struct("@3I2H2I")  # struct tpacket2_hdr: status, lengths, where it begins, when
STATUS, PROTOCOL, PROTOCOL_AT = struct.Struct("@I"), struct.Struct("!H"), 34

FRAME = 512  # bytes: headers, and the beginning of the data; the rest counts, and is not kept
BLOCK = 1 << 20
BLOCKS = 4


class Recorder:
    """What crosses `lo` from now on, until it is closed; `drain()` has what has come since it was
    last called.

    Data after the first 400 bytes reads as zeros. OSError as `capture()`, and ENOBUFS from
    `drain()` if more than 8,192 packets came in between. packet(7).
    """

    def __init__(self) -> None:
        self._socket = recorder()
        try:
            frames = BLOCK * BLOCKS // FRAME
            wanted = struct.pack("@4I", BLOCK, BLOCKS, FRAME, frames)  # struct tpacket_req
            self._socket.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
            self._socket.setsockopt(SOL_PACKET, PACKET_RX_RING, wanted)
            self._socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            self._memory = mmap.mmap(self._socket.fileno(), BLOCK * BLOCKS)
            self._socket.bind(("lo", ETH_P_ALL))
        except OSError:
            self._socket.close()
            raise
        self._next = 0

    def drain(self) -> list[Packet]:
        """Return the packets that have come, in order."""
        packets = []
        while STATUS.unpack_from(self._memory, self._next)[0] & TP_STATUS_USER:
            _, length, kept, _, start, seconds, rest = HEADER.unpack_from(self._memory, self._next)
            (protocol,) = PROTOCOL.unpack_from(self._memory, self._next + PROTOCOL_AT)
            raw = self._memory[self._next + start : self._next + start + kept]
            if protocol in (ETH_P_IP, ETH_P_IPV6) and is_whole(raw):
                packets.append(Packet(seconds * 10**9 + rest, raw + bytes(length - kept)))
            STATUS.pack_into(self._memory, self._next, TP_STATUS_KERNEL)
            self._next = (self._next + FRAME) % len(self._memory)
        return packets

    def lost(self) -> int:
        """Return how many packets found no room since this was last asked."""
        return lost(self._socket)

    def close(self) -> None:
        """Stop recording."""
        self._memory.close()
        self._socket.close()
