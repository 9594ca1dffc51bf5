"""What a run leaves: TIME-WAIT, which would keep the port from the next one, and paths."""

import os
import socket
import struct
from contextlib import closing, suppress

from sockutils.tables.diag import rows_on
from sockutils.tables.netlink import HEADER, NLM_F_REQUEST, STATUS, open_netlink, parts
from sockutils.tables.rows import Row

# <linux/sock_diag.h>, <linux/netlink.h>, <linux/inet_diag.h>
SOCK_DESTROY, NLM_F_ACK, ALL = 21, 0x4, 0xFFFFFFFF
REQUEST = struct.Struct("=BBBxI4s16s16sIII")  # struct inet_diag_req_v2


def forget(ports: set[int]) -> None:
    """End the TCP sockets on these ports that no descriptor holds, where the kernel can do that."""
    for port in ports:
        for row in rows_on(port):
            if row.protocol == "tcp" and not row.inode:
                with suppress(OSError):
                    abort(row)


def abort(row: Row) -> None:
    """End a TCP socket of this network at once.

    OSError: EPERM without CAP_NET_ADMIN, EOPNOTSUPP or EINVAL where the kernel was built without
    CONFIG_INET_DIAG_DESTROY, ENOENT if there is none (any more). sock_diag(7).
    """
    ends = [end for end in (row.local, row.remote) if isinstance(end, tuple)]
    family = socket.AF_INET6 if ":" in ends[0][0] else socket.AF_INET
    hosts = [socket.inet_pton(family, host).ljust(16, b"\0") for host, _ in ends]
    ports = struct.pack("!HH", *(port for _, port in ends))
    any_interface, any_cookie = 0, (ALL, ALL)
    asked = (family, socket.IPPROTO_TCP, 0, ALL, ports, *hosts, any_interface, *any_cookie)
    request = REQUEST.pack(*asked)
    header = HEADER.pack(HEADER.size + len(request), SOCK_DESTROY, NLM_F_REQUEST | NLM_F_ACK)
    with closing(open_netlink()) as kernel:
        kernel.send(header + request)
        *_, body = next(parts(kernel.recv(1 << 16), HEADER))
    (status,) = STATUS.unpack_from(body)
    if status:
        raise OSError(-status, f"{os.strerror(-status)}: a socket in {row.state} stays")
