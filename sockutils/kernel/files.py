"""Files that have another text for a while: those of /etc and /proc, whose mounts stay."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def edited(path: str, text: str) -> Iterator[None]:
    """Write the text into the file, and what was in it before when the block ends.

    Not by renaming a new file: a private network's copies in /etc are mount points.
    """
    before = Path(path).read_text()
    rewrite(path, text)
    try:
        yield
    finally:
        rewrite(path, before)


def rewrite(path: str, text: str) -> None:
    Path(path).write_text(text)
    with suppress(OSError):  # not in /proc
        # The C library looks at the time, and two edits may fall into one tick of the clock.
        os.utime(path, ns=(time.time_ns(),) * 2)
