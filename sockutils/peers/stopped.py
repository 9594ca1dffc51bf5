"""SystemExit raised in another thread, and what becomes of it in a callback.

Python raises it at the next line that this thread runs. That may be in a callback of a weakref, or
in a `__del__()`, called while an error is on its way up. What these raise ends nothing: Python
hands it to `sys.unraisablehook`, which prints it.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_hook = threading.Lock()  # there is one for the whole process


def stop(thread: threading.Thread) -> None:
    """Raise SystemExit in the thread, at its next line. It must still run."""
    import ctypes

    number = ctypes.c_ulong(thread.ident or 0)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(number, ctypes.py_object(SystemExit))


@contextmanager
def lost_in(thread: threading.Thread) -> Iterator[threading.Event]:
    """Yield an event that is set when a callback has swallowed the thread's SystemExit, unheard."""
    lost = threading.Event()

    def note(raised: Any) -> None:
        if raised.exc_type is SystemExit and threading.get_ident() == thread.ident:
            lost.set()
        else:
            before(raised)

    with _hook:
        before, sys.unraisablehook = sys.unraisablehook, note
        try:
            yield lost
        finally:
            sys.unraisablehook = before
