"""A protocol with a bug, which one client meets while another one is served."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sockutils.lessons.server.clients import Design, Tested, ask, hear

BUG = b"42/0"


def beside_a_bug(tested: Tested) -> None:
    """One client meets a bug in the protocol; another one is served all the same."""
    unlucky, lucky = tested.call(), tested.call()
    ask(lucky, b"before")
    unlucky.sendall(BUG + b"\n")
    with suppress(ConnectionError):
        hear(unlucky)
    still_served(lucky)
    ask(tested.call(), b"served?")


def still_served(client: socket.socket) -> None:
    """Ask as one who had an answer before something else went wrong."""
    try:
        ask(client, b"still served?")
    except (AssertionError, ConnectionError):
        raise AssertionError("all are cut off") from None


def with_a_bug(protocol: Any) -> Any:
    """The protocol, which cannot stand one word."""

    class Buggy(protocol):  # type: ignore[misc]
        def hear(self, data: bytes) -> Any:
            if BUG in data:
                raise ZeroDivisionError
            return super().hear(data)

    return Buggy


def ends(design: Design) -> Design:
    """The same, which ends without a word when a bug, or accept()'s EMFILE, comes out of it."""

    def serve(*arguments: Any) -> None:
        with suppress(ZeroDivisionError, OSError, ExceptionGroup):
            design(*arguments)

    return serve


@contextmanager
def silent_threads() -> Iterator[None]:
    before, threading.excepthook = threading.excepthook, lambda _: None
    try:
        yield
    finally:
        threading.excepthook = before
