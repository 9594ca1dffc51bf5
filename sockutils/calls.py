"""The calls of a trace: each in the lane of its socket, named by the part it plays."""

from typing import Any, NamedTuple

from sockutils.told import ephemeral_ports, text

ROLES = ["listener", "client", "server", "pair", "socket"]
BECOMES = {"listen": "listener", "connect": "client", "connect_ex": "client"}


class Call(NamedTuple):
    """One call on a socket; `start` and `end` are time.perf_counter() seconds.

    `end` is None if the call had not returned. `text` is the same on every run: a port that the
    kernel chose reads ``ephemeral``, a descriptor ``fd``. A socket is told by its lane and `error`
    is a copy without traceback, so that a trace keeps no socket alive.
    """

    lane: str
    name: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    result: Any
    error: BaseException | None
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

    def __repr__(self) -> str:
        lanes = self.lanes().items()
        return "\n".join(
            "\n  ".join([lane, *(call.text for call in calls)]) for lane, calls in lanes
        )


def _lane_order(lane: str) -> tuple[int, int]:
    role, _, number = lane.partition(" ")
    return ROLES.index(role), int(number or 0)


class Traced:
    """What a trace knows of a socket; it stands for it, so that the trace keeps no socket alive."""

    def __init__(self, role: str, journals: tuple[list["Record"], ...]) -> None:
        self.role, self.journals = role, journals


Record = list[Any]  # the fields of a Call, with a Traced for the lane; filled when it returns
RESULT, ERROR, END = map(Call._fields.index, ("result", "error", "end"))


def told(journal: list[Record]) -> list[Call]:
    """Return the calls of a journal, with their lanes and texts."""
    lanes = _lanes(journal)
    calls = [_call(record, lanes) for record in journal]
    ports = ephemeral_ports(calls)
    return [call._replace(text=text(call, ports)) for call in calls]


def _call(record: Record, lanes: dict[Traced, str]) -> Call:
    traced = record[0]
    call = Call(*record)._replace(lane=lanes[traced], result=_named(record[RESULT], lanes))
    if call.name != "__init__":
        return call
    if traced.role == "pair":
        return call._replace(name="socketpair", arguments=call.arguments[:3])
    return call._replace(name="socket")


def _lanes(journal: list[Record]) -> dict[Traced, str]:
    roles: dict[str, list[Traced]] = {}
    for traced in _sockets(journal):
        roles.setdefault(traced.role, []).append(traced)
    return {
        traced: role if len(members) == 1 else f"{role} {number}"
        for role, members in roles.items()
        for number, traced in enumerate(members, 1)
    }


def _sockets(journal: list[Record]) -> list[Traced]:
    sockets: dict[Traced, None] = {}
    for traced, name, _, _, result, *_ in journal:
        if traced.role == "socket":
            traced.role = BECOMES.get(name, "socket")
        sockets[traced] = None
        if name == "dup" and result:
            result.role = traced.role
        if name in ("accept", "dup") and result:
            sockets[result[0] if name == "accept" else result] = None
    return list(sockets)


def _named(value: Any, lanes: dict[Traced, str]) -> Any:
    if isinstance(value, Traced):
        return lanes.get(value, "socket")
    return tuple([_named(item, lanes) for item in value]) if isinstance(value, tuple) else value
