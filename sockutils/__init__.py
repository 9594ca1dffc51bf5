"""Helpers that stand beside the socket API: provoke it, record it, look behind it, never wrap it.

The C library's own calls are in `sockutils.libc`, which is imported by name, since cffi takes time.

`%load_ext sockutils` has errors say what to do next and the kernel hear of right answers to
questions, `%unload_ext sockutils` has IPython show errors as before.
"""

from typing import Any

from sockutils.calls.lanes import timeline
from sockutils.calls.trace import trace
from sockutils.errors.shown import errors_shown, fails
from sockutils.figures.grid import matrix
from sockutils.figures.picture import Picture
from sockutils.kernel.network import needs, network
from sockutils.link.link import Link
from sockutils.packets.capture import capture
from sockutils.packets.ladder import sequence
from sockutils.peers.peer import background
from sockutils.practice.exercise import exercise
from sockutils.practice.panel import panel
from sockutils.practice.progress import continue_here, progress, reset_progress
from sockutils.practice.questions import quiz
from sockutils.practice.score import score
from sockutils.tables.diag import sockets
from sockutils.workbench.bench import bench

__all__ = [
    "Link",
    "Picture",
    "background",
    "bench",
    "capture",
    "continue_here",
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
    "score",
    "sequence",
    "sockets",
    "timeline",
    "trace",
]


def load_ipython_extension(shell: Any) -> None:
    """Explain the errors that reach the end of a cell, see `sockutils.words`; hear of answers."""
    from sockutils.practice.questions import hear
    from sockutils.words import load

    load(shell)
    hear(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Show errors as IPython does."""
    from sockutils.words import unload

    unload(shell)
