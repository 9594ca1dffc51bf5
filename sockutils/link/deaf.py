"""A line that is dead in one direction: what arrives for one socket is lost.

with deaf(client):
    client.connect_ex(address)  # the SYN goes out, and no answer comes in
"""

import ctypes
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from sockutils.kernel.network import needs

# <asm-generic/socket.h>
SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27
# <linux/filter.h>: struct sock_filter, an instruction; struct sock_fprog, how many and where
INSTRUCTION, PROGRAM = struct.Struct("HBBI"), struct.Struct("HP")
RETURN = 0x06  # BPF_RET | BPF_K: keep so many bytes of the packet


@contextmanager
def deaf(end: socket.socket) -> Iterator[None]:
    """Lose every packet that arrives for this socket while the block lasts.

    Whoever sends hears nothing of it and sends again, as when a line is bad; what leaves the socket
    is not touched. A filter that the socket had before is gone.

    OSError: EBADF if the socket is closed. Where the network is shared, an ordinary user's cell
    stops for a TCP socket, as needs() stops it. Source: socket(7), SO_ATTACH_FILTER; Linux,
    Documentation/networking/filter
    """
    nothing = ctypes.create_string_buffer(INSTRUCTION.pack(RETURN, 0, 0, 0))
    program = PROGRAM.pack(1, ctypes.addressof(nothing))
    try:
        end.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
    except PermissionError:  # a TCP socket, and who asks does not rule this network
        needs("network")
        raise
    try:
        yield
    finally:
        if end.fileno() >= 0:
            end.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
