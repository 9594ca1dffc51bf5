"""Helpers that stand beside the socket API: provoke it, record it, look behind it, never wrap it.

The C library's own calls are in `sockutils.libc`, which is imported by name, since cffi takes time.
"""

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
