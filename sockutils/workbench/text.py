"""What has happened, as text: the same on every run, with roles instead of numbers."""

from collections.abc import Iterator, Sequence

from sockutils.errors.shown import name_of
from sockutils.packets.remarks import remarks_on
from sockutils.words.call import Call as Named
from sockutils.words.sentences import link, words
from sockutils.workbench.call import Call
from sockutils.workbench.core import Workbench
from sockutils.workbench.end import MANY, UNIX
from sockutils.workbench.record import Event

FEW = 6  # packets in a row that are told one by one
NO_SOCKET = "this program has no such socket yet: socket() makes one."
NOBODY = "no server listens under this name: start the server first."
CANCELLED = "Cancel has called shutdown() on its socket, from another thread."
DONE = {
    "up": "a line between two machines: 10.0.0.1, and 10.0.0.2 at the far end",
    "lose": "the next packet will be lost",
    "cancel": "Cancel",
}


def transcript(bench: Workbench, said: Sequence[str] = ()) -> str:
    """Return a line for each call, packet and change of state; `said` is what a story says before
    each step and at its end."""
    return "\n".join(lines(bench, said))


def lines(bench: Workbench, said: Sequence[str]) -> Iterator[str]:
    if bench.run is None:
        return
    if bench.run.wire.unseen:
        yield "(packets are not shown: no right to capture them)"
    kept = told(bench.run.record.events)
    step = -1
    for kind, group in groups(kept):
        for number in range(step + 1, group[0].number + 1):
            yield from spoken(said[number : number + 1])
        step = group[0].number
        yield from packets(group) if kind == "packet" else map(line, group)
    yield from spoken(said[len(bench.steps) :])


def spoken(said: Sequence[str]) -> Iterator[str]:
    return (f"# {words}" for words in said if words)


def told(events: Sequence[Event]) -> list[Event]:
    """Leave out packets that say nothing new: TCP also confirms what it has confirmed before, and
    asks whether there is room, as often as time will have it."""
    owed: set[tuple[str, str]] = set()
    return [event for event in events if event.kind != "packet" or is_needed(event, owed)]


def is_needed(event: Event, owed: set[tuple[str, str]]) -> bool:
    is_news = event.what.flags != "ACK" or bool(event.what.payload)
    needed = is_news or event.ends in owed
    owed.discard(event.ends)
    if is_news:
        owed.add(event.ends[::-1])
    return needed


def groups(events: Sequence[Event]) -> Iterator[tuple[str, list[Event]]]:
    """Yield events of one kind and step that follow one another."""
    group: list[Event] = []
    for event in events:
        if group and (group[0].kind, group[0].number) != (event.kind, event.number):
            yield group[0].kind, group
            group = []
        group.append(event)
    if group:
        yield group[0].kind, group


def line(event: Event, exactly: bool = False) -> str:
    if event.kind == "states":
        return "    " + " · ".join(one.words for one in event.what)
    if event.kind == "line":
        who = f"{event.ends[0]}: " if event.ends[0] else "line: "
        return who + done(event.what)
    call: Call = event.what
    return f"{call.step.program}: {said(event, exactly)}"


def said(event: Event, exactly: bool = False) -> str:
    """The line of code of a call, and what it has answered; of one that has returned late, only
    what. How many bytes a full queue held is told only if it shall be exact."""
    call: Call = event.what
    if event.kind == "ended":
        outcome = call.outcome(exactly) or "returns"
        return f"{call.code.call}() {outcome}, after a wait"
    outcome = "waits …" if call.waited else call.outcome(exactly)
    return f"{call.step.code} {outcome}".rstrip()


def done(code: str) -> str:
    return DONE.get(code) or f"each packet takes {code.partition(' ')[2]} seconds"


def packets(events: list[Event]) -> Iterator[str]:
    found = [event.what for event in events]
    rows = [
        (*event.ends, " ".join([packet.label, *(f"({one})" for one in remarks)]), packet.size)
        for event, packet, remarks in zip(events, found, remarks_on(found), strict=True)
    ]
    much = any(len(packet.payload) >= MANY for packet in found)
    if much or len(rows) > FEW:  # how many depends on the kernel
        yield f"    {rows[0][0]} ⇄ {rows[0][1]}   data and confirmations, several packets"
        return
    for sender, receiver, label, size in rows:
        yield f"    {sender} → {receiver}   {label}  {size}".rstrip()


def sentence(call: Call) -> tuple[str, str]:
    """What an error means for its call, and the lesson with the cure; nothing where it works."""
    if call.cancelled:
        return CANCELLED, ""
    error = call.error
    if error is None:
        return "", ""
    if isinstance(error, NameError):
        return NO_SOCKET, ""
    if not isinstance(error, OSError):
        return f"{str(error).rstrip('.')}.", ""
    if call.family == UNIX and name_of(error) == "ECONNREFUSED" and r"\0" in call.code.arguments:
        return NOBODY, ""
    of_path = call.sock is not None and call.family == UNIX
    kind = f"{name_of(error)} of a path" if of_path else name_of(error)
    meaning, place = words(Named(call.code.call, call.sock, None).pages, kind)
    return meaning, link(place) if place else ""
