"""Questions to the kernel over netlink, and the parts of its answers: netlink(7), sock_diag(7)."""

import _socket
import errno
import os
import socket
import struct
from collections.abc import Iterator
from typing import Any

from sockutils.kernel.network import in_one_line

# <linux/netlink.h>, <linux/sock_diag.h>
NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY = 4, 20
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_DUMP_INTR, NLM_F_DUMP = 0x1, 0x10, 0x300
HEADER = struct.Struct("=IHH8x")  # length, type, flags
ATTRIBUTE = struct.Struct("=HH")  # length, type
STATUS = struct.Struct("=i")  # of NLMSG_ERROR and NLMSG_DONE: 0 or -errno
BUFFER = 1 << 16  # the kernel fills at most 32 KiB at a time


def open_netlink() -> _socket.socket:
    if not hasattr(socket, "AF_NETLINK"):
        raise OSError(errno.EAFNOSUPPORT, "sockets() asks Linux's netlink: this system has none")
    # the plain C class: trace() shall not note it
    return _socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG)


def ask(kernel: _socket.socket, request: bytes, protocol: str) -> list[bytes]:
    size = HEADER.size + len(request)
    kernel.send(HEADER.pack(size, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP) + request)
    messages: list[tuple[int, int, bytes]] = []
    kind = 0
    while kind not in (NLMSG_ERROR, NLMSG_DONE):
        messages += parts(kernel.recv(BUFFER), HEADER)
        kind, _, body = messages[-1]
    # NLMSG_DONE carries an error too: ENOENT for a protocol comes only that way.
    (status,) = STATUS.unpack_from(body)
    if status:
        raise refused(-status, protocol)
    # The table changed between two parts of the answer: a socket may be missing or there twice.
    if any(flags & NLM_F_DUMP_INTR for _, flags, _ in messages):
        return ask(kernel, request, protocol)
    return [body for _, _, body in messages[:-1]]


def refused(number: int, protocol: str) -> OSError:
    line = f"{os.strerror(number)}: the kernel's table of {protocol} sockets"
    if number == errno.ENOENT:
        line = f"this kernel cannot list {protocol} sockets: it has no module {protocol}_diag"
    return in_one_line(OSError(number, line), line)


def parts(data: bytes, header: struct.Struct) -> Iterator[tuple[Any, ...]]:
    offset = 0
    while offset < len(data):
        length, *fields = header.unpack_from(data, offset)
        yield *fields, data[offset + header.size : offset + length]
        offset += (length + 3) & ~3  # the next one is aligned to 4 bytes
