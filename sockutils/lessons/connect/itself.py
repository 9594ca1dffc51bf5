"""The exercise about a socket that is connected to itself."""

import select
import socket
import struct
from collections.abc import Callable
from contextlib import ExitStack

from sockutils.practice.exercise import exercise

HERE = "127.0.0.1"
AT_ONCE = struct.pack("=ii", 1, 0)  # SO_LINGER, socket(7): no TIME_WAIT, the port is free again


@exercise("connect", hint="Which two addresses are equal then? And who has no peer?")
def echo_chamber(talks_to_itself: Callable[[socket.socket], bool]) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server((HERE, 0)))
        alone, bound, usual, twin, itself = (stack.enter_context(socket.socket()) for _ in range(5))
        bound.bind((HERE, 0))
        usual.connect(server.getsockname())
        twin.bind(("127.0.0.2", server.getsockname()[1]))
        twin.connect(server.getsockname())
        itself.bind((HERE, 0))
        itself.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        itself.connect(itself.getsockname())
        others = [stack.enter_context(server.accept()[0]) for _ in range(2)]
        for one, right, what in (
            (itself, True, "is connected to itself"),
            (usual, False, "is connected to a server of this machine"),
            (twin, False, "is connected to another address, with the same port number"),
            (alone, False, "is not connected"),
            (bound, False, "is bound, and not connected"),
        ):
            try:
                answer = talks_to_itself(one)
            except OSError as error:
                raise AssertionError(f"this socket {what}, and you raised {error!r}") from error
            assert one.fileno() != -1, f"this socket {what}, and you closed it"
            assert answer is right, f"this socket {what}, and you returned {answer!r}"
        heard = select.select(others, [], [], 0.1)[0]
        assert not heard, "you sent something to find out, and the server got it: ask for addresses"
