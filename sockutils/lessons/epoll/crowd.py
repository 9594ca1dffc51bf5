"""Connections, one of which never ends, beside one that writes late."""

import select
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from sockutils.lessons.epoll.watched import interest_list

PATIENCE = 100  # messages that one may get while another one waits
VAIN = 10  # there are fewer edges, and each is worth one EAGAIN


class Crowd:
    """Connections, one of which gets a new message with every recv(), until another is served."""

    def __init__(self, stack: ExitStack, messages: Mapping[str, bytes]) -> None:
        self.peers = {}
        self.connections = []
        self.late = messages["late"]
        self.sent = 0  # to the busy one
        self.came: int | None = None  # how many it had got when the late message came
        self.served = self.edge = False
        self.vain = 0  # how often recv() has found nothing
        self.instance = stack.enter_context(select.epoll())
        for role, words in messages.items():
            near, far = map(stack.enter_context, socket.socketpair())
            end = stack.enter_context(Watched(self, role, near))
            end.setblocking(False)
            self.instance.register(end, select.EPOLLIN | select.EPOLLET)
            self.peers[role] = far
            self.connections.append(end)
            if role == "busy":
                self.send(words)
            elif role == "brief":  # its end is there before anybody looks
                far.sendall(words)
                far.close()

    def send(self, words: bytes) -> None:
        self.peers["busy"].sendall(words)
        self.sent += len(words)

    @contextmanager
    def in_vain(self) -> Iterator[None]:
        try:
            yield
        except BlockingIOError:
            self.vain += 1
            raise

    def has_read(self, role: str, number: int, size: int) -> None:
        if role == "late" and size:
            self.served = True
            self.peers["late"].close()
        if role != "busy" or not size:
            return
        if number == 10:
            with suppress(OSError):
                entries = interest_list(self.instance)
                self.edge = bool(entries) and all(entry.endswith("ET") for entry in entries)
        if number == 20:
            self.came = number
            self.peers["late"].sendall(self.late)
        if self.served:
            self.peers["busy"].close()
        else:
            self.send(b"x" * size)
        limit = (self.came or 0) + PATIENCE
        assert self.served or self.came is None or number <= limit, (
            f"another connection has waited for more than {PATIENCE} messages of a busy one"
        )


class Watched(socket.socket):
    """A connection that tells the crowd of each recv()."""

    def __init__(self, crowd: Crowd, role: str, end: socket.socket) -> None:
        super().__init__(end.family, end.type, end.proto, end.detach())
        self._crowd, self._role, self._number = crowd, role, 0

    def recv(self, *arguments: Any) -> bytes:
        with self._crowd.in_vain():
            data = super().recv(*arguments)
        self._number += 1
        self._crowd.has_read(self._role, self._number, len(data))
        return data

    def recv_into(self, *arguments: Any, **named: Any) -> int:
        with self._crowd.in_vain():
            size = super().recv_into(*arguments, **named)
        self._number += 1
        self._crowd.has_read(self._role, self._number, size)
        return size
