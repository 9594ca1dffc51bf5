"""The C library's own calls: declare one as its man page does, then call it.

    ffi.cdef("int listen(int sockfd, int backlog);")
    check(libc.listen(listener.fileno(), 5))

cffi's ABI mode needs no compiler. An error in a declaration shows only when the call is made, and
a wrong one can crash the kernel: copy prototypes, do not improvise them.
"""

import os

import cffi  # type: ignore[import-untyped]

ffi = cffi.FFI()
libc = ffi.dlopen(None)


def check(result: int) -> int:
    """Return the result of a C call, or raise the OSError that its -1 stands for.

    The errno is the one of this thread's last call through `libc`, see errno(3): look at it before
    the next call.
    """
    if result == -1:
        raise OSError(ffi.errno, os.strerror(ffi.errno))
    return result
