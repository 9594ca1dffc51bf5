"""The errors of the C library's calls, which are not errno."""

import socket
from typing import Any

from sockutils.libc import ffi, libc

# <netdb.h>
ffi.cdef(
    "int *__h_errno_location(void); const char *hstrerror(int); const char *gai_strerror(int);",
    override=True,
)


def found(host: Any) -> Any:
    """Return the pointer, or raise the herror that NULL and h_errno stand for."""
    if host == ffi.NULL:
        number = libc.__h_errno_location()[0]
        raise socket.herror(number, ffi.string(libc.hstrerror(number)).decode())
    return host


def done(code: int) -> int:
    """Return 0, or raise the gaierror that an EAI_ number stands for."""
    if code == socket.EAI_OVERFLOW:  # an older glibc says: Unknown error
        raise socket.gaierror(code, "Result too large for supplied buffer")
    if code:
        raise socket.gaierror(code, ffi.string(libc.gai_strerror(code)).decode())
    return code
