"""What an epoll instance watches, in words, and when all who watch have been told."""

import re
import select
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FLAGS = ("IN", "PRI", "OUT", "ERR", "HUP", "RDHUP", "EXCLUSIVE", "ONESHOT", "ET")
UNASKED = select.EPOLLERR | select.EPOLLHUP
ENTRY = re.compile(r"^tfd:\s+(\d+) events:\s+([0-9a-f]+)", re.MULTILINE)


def names(flags: int) -> str:
    """The names of the flags, without EPOLL: "IN HUP"; "-" if there is none."""
    found = [name for name in FLAGS if flags & getattr(select, f"EPOLL{name}")]
    return " ".join(found) or "-"


def interest_list(instance: Any, roles: Mapping[Any, str] | None = None) -> list[str]:
    """What /proc says that an epoll instance watches: a line for each entry, in words.

    `roles` maps sockets, or numbers, to words. Without ERR and HUP, which are always there.
    """
    known = {}
    for end, role in (roles or {}).items():
        known[end if isinstance(end, int) else end.fileno()] = role
    entries = Path(f"/proc/self/fdinfo/{instance.fileno()}").read_text()
    return sorted(
        f"{known.get(int(number), 'another')}: {names(int(flags, 16) & ~UNASKED)}"
        for number, flags in ENTRY.findall(entries)
    )


@contextmanager
def all_told(end: socket.socket) -> Iterator[None]:
    """At the end of the block everybody who watches this end has been told what the block did.

    The kernel goes through those who watch a socket, holding the lock of their queue. The witness
    is one of them; taking it off that queue needs the lock, and so waits for the end of the round.
    """
    with select.epoll() as witness:
        witness.register(end, select.EPOLLIN | select.EPOLLET)  # not EXCLUSIVE: told in each round
        yield
        if not witness.poll(20):
            raise TimeoutError("nothing has come")
        witness.unregister(end)
