"""What a trace writes down while it runs, and the calls that are made of it afterwards."""

import enum
from collections.abc import Iterable
from typing import Any

from sockutils.calls import Call
from sockutils.told import ephemeral_ports, text

BECOMES = {"listen": "listener", "connect": "client", "connect_ex": "client"}
MAKES = {"accept", "dup", "unwrap"}  # these answer with a socket


class Traced:
    """What a trace knows of a socket; it stands for it, so that the trace keeps no socket alive."""

    def __init__(self, role: str, journals: tuple[list["Record"], ...]) -> None:
        self.role, self.journals = role, journals


PLAIN = {bytes, str, int, float, bool, type(None)}
Record = list[Any]  # the fields of a Call, with a Traced for the lane; filled when it returns
RESULT, ERROR, END = map(Call._fields.index, ("result", "error", "end"))


def all_kept(values: Iterable[Any]) -> tuple[Any, ...]:
    """Return the values as they are now, and a type's name for what cannot be kept."""
    values = tuple(values)
    try:
        return tuple(map(kept, values))
    except (ValueError, RecursionError):  # a released memoryview, a list within itself
        return tuple([type(value).__name__ for value in values])


def kept(value: Any) -> Any:
    """Return a value that neither changes nor keeps anything alive or locked.

    It runs no code of the value's class.
    """
    if type(value) in PLAIN or isinstance(value, enum.Enum):
        return value
    if isinstance(value, tuple):
        return tuple(map(kept, tuple.__iter__(value)))
    if isinstance(value, list):
        return list(map(kept, list.__iter__(value)))
    if isinstance(value, (bytearray, memoryview)):  # may change; to keep a memoryview locks it
        return memoryview(value).tobytes()
    return type(value).__name__


def calls_of(journal: list[Record]) -> list[Call]:
    """Return the calls of a journal, with their lanes and texts."""
    lanes = _lanes(journal)
    calls = [_call(record, lanes) for record in journal]
    ports = ephemeral_ports(calls)
    return [call._replace(text=_text(call, ports)) for call in calls]


def _text(call: Call, ports: set[int]) -> str:
    try:
        return text(call, ports)
    except ValueError:  # an int of more than 4,300 digits
        return f"{call.name}(…)"


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
        if name in MAKES and result:
            sockets[result[0] if name == "accept" else result] = None
    return list(sockets)


def _named(value: Any, lanes: dict[Traced, str]) -> Any:
    if isinstance(value, Traced):
        return lanes.get(value, "socket")
    return tuple([_named(item, lanes) for item in value]) if isinstance(value, tuple) else value
