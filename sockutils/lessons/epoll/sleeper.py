"""Whether a function sleeps in a call that waits: seen in /proc while it runs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Where in the kernel who is in select() or poll(), epoll_wait(), sleep() sleeps: proc(5), wchan.
# Where nobody may look there is "0".
WAITS = ("poll_schedule_timeout", "ep_poll", "epoll_wait", "nanosleep")
PAUSE = 0.005  # seconds between two looks


@contextmanager
def watched_for_sleep() -> Iterator[list[str]]:
    """Yield a list: of the places where this thread is seen to sleep during the block."""
    seen: list[str] = []
    over = threading.Event()
    path = Path(f"/proc/self/task/{threading.get_native_id()}/wchan")

    def look() -> None:
        while not over.wait(PAUSE):
            with suppress(OSError):
                place = path.read_text()
                seen.extend(place for name in WAITS if name in place)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()
