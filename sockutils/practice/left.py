"""What the learner's function has left open, whoever closed it afterwards."""

import threading

from sockutils.calls.call import Calls


def left_open(calls: Calls) -> int:
    """How many of the sockets that this thread made in a trace have never been closed.

    Python closes a socket that has no name any more. Then the kernel's table shows nothing, but
    nobody called close(), and in another program somebody may still hold the object.
    """
    here, lanes = threading.current_thread().name, calls.lanes()
    return sum(lanes[name][0].thread == here for name in calls.unclosed())
