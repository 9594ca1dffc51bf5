"""How often a block of code calls what is written in C."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def counted(calls: Counter[str]) -> Iterator[None]:
    """Count this thread's calls of functions written in C, such as poll() and recv(), by name."""

    def note(frame: FrameType, event: str, function: Any) -> None:
        if event == "c_call":
            calls[function.__name__] += 1

    usual = sys.getprofile()
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(usual)
