"""How many clients that never end their line keep a server from the next one."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sockutils.lessons.server.clients import Design, served, started


def blocked_by(designs: Mapping[str, Design], protocol: Any, most: int) -> dict[str, str]:
    """How many clients that never end their line it takes until a new one is not served."""
    with ThreadPoolExecutor(2) as pool:  # while one waits for its answer, the others are examined
        found = pool.map(lambda design: blocking(design, protocol, most), designs.values())
        return dict(zip(designs, found, strict=True))


def blocking(design: Design, protocol: Any, most: int) -> str:
    with started(design, 0, protocol) as tested:
        for count in range(1, most + 1):
            tested.call().sendall(b"GET / HT")
            if not served(tested.listener.getsockname()):
                return f"{count}"
    return f"more than {most}"
