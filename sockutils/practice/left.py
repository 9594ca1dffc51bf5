"""What the learner's function has left open, whoever closed it afterwards."""

import threading

from sockutils.calls.call import Calls


def left_open(calls: Calls) -> int:
    """How many of the sockets that this thread made in a trace have never been closed.

    Python closes a socket that has no name any more. Then the kernel's table shows nothing, but
    nobody called close(), and in another program somebody may still hold the object.
    """
    here = threading.current_thread().name
    made = [lane for lane in calls.lanes().values() if lane[0].thread == here and not lane[0].error]
    return sum(not {"close", "detach"} & {call.name for call in lane} for lane in made)
