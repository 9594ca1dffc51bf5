"""A loop with epoll that has limits, and an end: a guest, the door, the loop."""

import errno
import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sockutils.lessons.server.designs import Talk, Visitor, next_client
from sockutils.peers.ends import unread

TICK = 0.05  # seconds from one look around to the next


class Guest(Visitor):
    """A visitor who has so many seconds from one answer to the next."""

    def __init__(self, connection: socket.socket, talk: Talk, seconds: float) -> None:
        super().__init__(connection, talk)
        self.seconds, self.until = seconds, time.monotonic() + seconds

    def hear(self, data: bytes) -> bytes:
        if answer := super().hear(data):
            self.until = time.monotonic() + self.seconds
        return answer

    def late(self) -> int:
        """Its time is up: the protocol may say a last word, and it has as long again to read it."""
        if self.out or self.talk.over or not (last_word := self.talk.late()):
            return 0
        self.talk.over = True
        self.out, self.until = memoryview(last_word), time.monotonic() + self.seconds
        return self.step()

    def leave(self) -> int:
        """The server ends: tell a guest with no question under way that no answer will follow."""
        wanted = self.step()  # a question may have come, and wait in the kernel
        under_way = self.out or self.talk.rest or unread(self.connection)
        if wanted and not (under_way or self.talk.over):
            self.talk.over = True
            with suppress(OSError):  # it may have reset just now
                self.connection.shutdown(socket.SHUT_WR)
        return wanted


class Door:
    """Lets clients in, as long as there is room; else it looks away until the next tick."""

    def __init__(
        self,
        listener: socket.socket,
        protocol: Callable[[], Talk],
        room: int = 100,  # guests
        seconds: float = 5.0,  # of a guest, from one answer to the next
        grace: float = 5.0,  # seconds for the end
    ) -> None:
        listener.setblocking(False)
        self.listener, self.protocol = listener, protocol
        self.room, self.seconds, self.grace = room, seconds, grace
        self.guests: dict[int, Guest] = {}
        self.end: float | None = None
        self.tick, self.failures = 0.0, 0
        self.epoll: Any = None

    def welcome(self) -> None:
        try:
            connection = next_client(self.listener)
        except OSError as error:  # EMFILE: who comes waits in the queue
            self.failures += error.errno != errno.EAGAIN
            self.epoll.modify(self.listener, 0)
            return
        if connection is None:
            self.epoll.unregister(self.listener)
            self.end = time.monotonic() + self.grace
            return
        self.epoll.register(connection, select.EPOLLIN)
        self.guests[connection.fileno()] = Guest(connection, self.protocol(), self.seconds)
        if len(self.guests) >= self.room:
            self.epoll.modify(self.listener, 0)


class Careful(Door):
    """The loop, and its end."""

    def run(self) -> None:
        with select.epoll() as self.epoll:
            self.epoll.register(self.listener, select.EPOLLIN)
            try:
                while self.end is None or (self.guests and time.monotonic() < self.end):
                    self.turn()
            finally:  # whatever has happened, nobody is left hanging
                for guest in self.guests.values():
                    guest.connection.close()

    def turn(self) -> None:
        for number, _ in self.epoll.poll(TICK):
            if guest := self.guests.get(number):
                self.go_on(number, guest, guest.step)
            elif self.end is None:
                self.welcome()
        if time.monotonic() >= self.tick:
            self.look_around()

    def go_on(self, number: int, guest: Guest, step: Callable[[], int]) -> None:
        """Take a step with a guest; what goes wrong in it ends this guest, and is written down."""
        before = guest.wanted
        try:
            guest.wanted = step()
        except Exception as bug:
            print(f"{type(bug).__name__}: {bug}")
            guest.wanted = 0
        if not guest.wanted:
            self.epoll.unregister(number)
            self.guests.pop(number).connection.close()
        elif guest.wanted != before:
            self.epoll.modify(number, guest.wanted)

    def look_around(self) -> None:
        """Once in a tick: who is late, and is there room again?"""
        now = time.monotonic()
        self.tick = now + TICK
        for number, guest in [*self.guests.items()]:
            if now >= guest.until:
                self.go_on(number, guest, guest.late)
            elif self.end is not None:
                self.go_on(number, guest, guest.leave)
        if self.end is None:
            room = len(self.guests) < self.room
            self.epoll.modify(self.listener, select.EPOLLIN if room else 0)


def careful(listener: socket.socket, protocol: Callable[[], Talk], **limits: Any) -> None:
    Careful(listener, protocol, **limits).run()
