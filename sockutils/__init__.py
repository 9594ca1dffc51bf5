"""Helpers that stand beside the socket API: provoke it, record it, look behind it, never wrap it.

The C library's own calls are in `sockutils.libc`, which is imported by name, since cffi takes time.

`%load_ext sockutils` has errors say what to do next, `%unload_ext sockutils` ends it.
"""

from typing import Any

from sockutils.errors import errors_shown, fails
from sockutils.ladder import sequence
from sockutils.lanes import timeline
from sockutils.matrix import matrix
from sockutils.network import needs, network
from sockutils.panel import panel
from sockutils.peers import background
from sockutils.picture import Picture
from sockutils.practice import exercise
from sockutils.progress import progress, reset_progress
from sockutils.questions import quiz
from sockutils.tables import sockets
from sockutils.trace import trace
from sockutils.wire import capture

__all__ = [
    "Picture",
    "background",
    "capture",
    "errors_shown",
    "exercise",
    "fails",
    "matrix",
    "needs",
    "network",
    "panel",
    "progress",
    "quiz",
    "reset_progress",
    "sequence",
    "sockets",
    "timeline",
    "trace",
]


def load_ipython_extension(shell: Any) -> None:
    """Explain the errors that reach the end of a cell, see `sockutils.words`."""
    from sockutils.words import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Show errors as IPython does."""
    from sockutils.words import unload

    unload(shell)
