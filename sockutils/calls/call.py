"""The calls of a trace: each in the lane of its socket, named by the part it plays."""

from typing import Any, NamedTuple

ROLES = ["listener", "client", "server", "pair", "socket"]


class Call(NamedTuple):
    """One call on a socket; `start` and `end` are time.perf_counter() seconds.

    `end` is None if the call had not returned. `text` is the same on every run: a port that the
    kernel chose reads ``ephemeral``, a descriptor ``fd``. So that a trace keeps no socket alive and
    touches nothing that it watches, a socket is told by its lane, and `error` is a name: EPIPE,
    EAI_NONAME, ``timeout`` for settimeout()'s, or the exception's class.
    """

    lane: str
    name: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    result: Any
    error: str | None
    start: float
    end: float | None
    thread: str
    text: str = ""

    def __repr__(self) -> str:
        return f"{self.lane}: {self.text}"


class Calls(list[Call]):
    """The calls of a trace in the order they began."""

    def lanes(self) -> dict[str, list[Call]]:
        """Return the calls of each socket: listeners first, then clients, servers, the others."""
        lanes: dict[str, list[Call]] = {}
        for call in self:
            lanes.setdefault(call.lane, []).append(call)
        return {lane: lanes[lane] for lane in sorted(lanes, key=_lane_order)}

    def unclosed(self) -> list[str]:
        """Return the lanes without a close() or detach(): Python's garbage collector calls none."""
        lanes = self.lanes().items()
        ends = {"close", "detach"}
        return [name for name, lane in lanes if not ends & {call.name for call in lane}]

    def __repr__(self) -> str:
        lanes = self.lanes().items()
        return "\n".join(
            "\n  ".join([lane, *(call.text for call in calls)]) for lane, calls in lanes
        )


def _lane_order(lane: str) -> tuple[int, int]:
    role, _, number = lane.partition(" ")
    return ROLES.index(role), int(number or 0)
