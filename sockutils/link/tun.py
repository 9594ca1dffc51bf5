"""The interface under a Link: tun0, of which this process holds the other end."""

import _socket
import errno
import fcntl
import os
import select
import socket
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from sockutils.kernel.network import in_one_line, network

# <linux/if_tun.h>
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
# <linux/sockios.h>, <linux/if.h>
SIOCSIFADDR, SIOCSIFNETMASK, SIOCSIFFLAGS, IFF_UP = 0x8916, 0x891C, 0x8914, 0x1
IFA_F_TENTATIVE = 0x40  # <linux/if_addr.h>

DEVICE = "/dev/net/tun"
NAME = b"tun0"
HERE, NETMASK = socket.inet_aton("10.0.0.1"), socket.inet_aton("255.255.255.0")
HERE_6, PREFIX = socket.inet_pton(socket.AF_INET6, "fd00::1"), 64


@contextmanager
def interface() -> Iterator[int]:
    """Bring tun0 up as 10.0.0.1/24 and fd00::1/64, without the latter where there is no IPv6.

    It goes with its descriptor, and its routes go with it. OSError like Link.
    """
    if not network().private:
        raise refused(errno.EPERM, f"a private network ({network().why})")
    try:
        tun = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
    except PermissionError:
        raise refused(errno.EACCES, f"to open {DEVICE}: sudo chmod 666 {DEVICE}") from None
    except OSError:
        raise refused(
            errno.ENOENT, f"{DEVICE}: sudo modprobe tun, or Docker's --device {DEVICE}"
        ) from None
    try:
        _name(tun)
        _bring_up()
        with suppress(OSError):  # no IPv6 on this machine, or switched off
            _add_ipv6()
        yield tun
    finally:
        os.close(tun)


def _name(tun: int) -> None:
    try:
        fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", NAME, IFF_TUN | IFF_NO_PI))
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        raise refused(
            errno.EBUSY,
            "to be the only one: leave the block of the other, or end the process that has it",
        ) from None


def _bring_up() -> None:
    with closing(_socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as any_socket:
        for request, ip in ((SIOCSIFADDR, HERE), (SIOCSIFNETMASK, NETMASK)):
            wanted = struct.pack("16sHH4s16x", NAME, socket.AF_INET, 0, ip)
            fcntl.ioctl(any_socket, request, wanted)
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH22x", NAME, IFF_UP))


def _add_ipv6() -> None:
    with closing(_socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)) as any_socket:
        number = socket.if_nametoindex(NAME.decode())
        # struct in6_ifreq, <linux/ipv6.h>
        fcntl.ioctl(any_socket, SIOCSIFADDR, struct.pack("16sIi", HERE_6, PREFIX, number))
    for _ in range(200):  # one second; bind() refuses it meanwhile
        if not tentative(HERE_6):
            break
        select.select([], [], [], 0.005)


def tentative(address: bytes) -> bool:
    """Whether the kernel still looks for others with this IPv6 address, on `lo` and tun0, too."""
    with open("/proc/net/if_inet6") as file:
        rows = [line.split() for line in file]
    return any(row[0] == address.hex() and int(row[4], 16) & IFA_F_TENTATIVE for row in rows)


def refused(number: int, need: str) -> OSError:
    line = f"Link needs {need}"
    return in_one_line(OSError(number, line), line)
