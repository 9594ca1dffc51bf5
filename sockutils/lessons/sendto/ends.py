"""Small things that its checks share: an end of UDP, what waits in it, a value in few words."""

import select
import socket
from contextlib import ExitStack

from sockutils.link.relay import LARGEST, Address

ANY = ("127.0.0.1", 0)


def udp(stack: ExitStack, address: Address = ANY) -> socket.socket:
    made = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
    made.bind(address)
    return made


def drained(receiver: socket.socket) -> list[bytes]:
    receiver.setblocking(False)
    found = []
    while select.select([receiver], [], [], 0)[0]:
        found.append(receiver.recv(LARGEST))
    return found


def shorter(value: object) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(shorter, value))})"
    if isinstance(value, bytes) and (len(value) > 20 or not any(value)):
        return f"{len(value)} bytes"
    text = repr(value)
    return text if len(text) < 60 else f"{text[:50]}…"
