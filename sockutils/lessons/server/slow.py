"""A client that asks for 100 MB, and what a server copies of its answer until all of it is sent."""

from typing import Any

from sockutils.lessons.server.clients import Tested

MUCH = 100 << 20  # bytes
WISH = b"100 MB, please"
BUSY = 20.0  # seconds: a server that copies so much keeps its client waiting


class Long(bytes):
    """Zeros, which note how many bytes are copied of them: a slice of bytes is a copy."""

    copied: list[int]

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, slice):
            return super().__getitem__(key)
        length = len(range(*key.indices(len(self))))
        self.copied.append(length)
        return long(length, self.copied)


def long(length: int, copied: list[int]) -> Long:
    answer = Long(length)
    answer.copied = copied
    return answer


def with_a_long_answer(protocol: Any, copied: list[int]) -> Any:
    """The protocol, which answers one wish with 100 MB."""

    class Generous(protocol):  # type: ignore[misc]
        def hear(self, data: bytes) -> Any:
            return long(MUCH, copied) if WISH in data else super().hear(data)

    return Generous


def a_slow_reader(copied: list[int], tested: Tested) -> None:
    """It reads all of it, and the server can never send more than fits into the buffers."""
    client, got = tested.call(), 0
    client.settimeout(BUSY)
    client.sendall(WISH + b"\n")
    while got < MUCH:
        part = client.recv(1 << 18)
        assert part, f"{MUCH} bytes to come, {got} came, and then the end"
        got += len(part)
        assert sum(copied) <= MUCH, "it copies the rest at each send()"
