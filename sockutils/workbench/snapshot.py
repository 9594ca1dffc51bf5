"""What a page shows, as one piece of JSON."""

from collections.abc import Iterator
from typing import Any

from sockutils.workbench.call import Call
from sockutils.workbench.core import Workbench
from sockutils.workbench.end import End, Seen
from sockutils.workbench.ladder import TITLES, ladder
from sockutils.workbench.program import program
from sockutils.workbench.record import Event
from sockutils.workbench.states import diagram
from sockutils.workbench.step import PROGRAMS
from sockutils.workbench.text import line, sentence, transcript

Json = dict[str, Any]
FIRST = {"client": "client", "second": "second", "server": "listener"}  # names of sockets


def snapshot(bench: Workbench) -> Json:
    """Return all that is to be seen of it now."""
    with bench.lock:
        used = {step.program for step in bench.steps}
        shown = [name for name in PROGRAMS if name != "second" or "second" in used]
        run = bench.run
        return {
            "programs": {name: of_program(bench, name) for name in PROGRAMS},
            "shown": shown,
            "steps": len(bench.steps),
            "awake": bench.awake,
            "picture": ladder(bench, shown),
            "text": transcript(bench),
            "diagram": diagram(run.record.states if run else []),
            "rows": [row(one) for one in run.record.states] if run else [],
            "note": " ".join(filter(None, [run.wire.unseen, run.wire.refused])) if run else "",
            "said": said(bench),
            "line": of_line(bench),
            "program": program(bench),
        }


def of_program(bench: Workbench, name: str) -> Json:
    ends = [end for end in bench.run.ends if end.program == name] if bench.run else []
    call = bench.run.waiting.get(name) if bench.run else None
    return {
        "title": TITLES.get(name, name),
        "sockets": list(sockets(ends)),
        "fresh": fresh(FIRST[name], ends),
        "accepted": fresh("connection", ends),
        "waits": call.step.code if call and bench.awake else "",
    }


def sockets(ends: list[End]) -> Iterator[Json]:
    last = {end.name: end for end in ends}
    for end in last.values():
        yield {
            "name": end.name,
            "open": end.open,
            "protocol": end.protocol,
            "accepted": end.accepted,
        }


def fresh(name: str, ends: list[End]) -> str:
    """A name that no open socket has: it, or it with a number."""
    taken = {end.name for end in ends if end.open}
    names = [name, *(f"{name}{number}" for number in range(2, len(taken) + 2))]
    return next(each for each in names if each not in taken)


def row(one: Seen) -> Json:
    local, remote = (written(one.row.local), written(one.row.remote)) if one.row else ("", "")
    listens = one.row is not None and one.row.backlog is not None
    return {
        "name": one.name,
        "program": one.program,
        "state": one.state,
        "protocol": one.protocol,
        "local": local,
        "remote": remote,
        "queues": list(bars(one, listens)),
    }


def bars(one: Seen, listens: bool) -> Iterator[Json]:
    """What fills its queues: words, and how full each is, from 0 to 1."""
    receive, send = one.limits
    if listens and one.row:
        count, backlog = one.row.accept_queue or 0, one.row.backlog or 0
        yield {"words": f"{count} of {backlog + 1} in the queue", "full": count / (backlog + 1)}
        yield {"words": "", "full": 0}
        return
    for count, limit in ((one.unread, receive), (one.unconfirmed, send)):
        yield {"words": f"{count:,} bytes" if count != 1 else "1 byte", "full": share(count, limit)}


def share(count: int, limit: int) -> float:
    return min(1.0, max(0.04, count / limit)) if count and limit else 0.04 * bool(count)


def written(address: Any) -> str:
    if isinstance(address, str):
        return address or "*"
    host, port = address
    return f"[{host}]:{port or '*'}" if ":" in host else f"{host}:{port or '*'}"


def said(bench: Workbench) -> list[Json]:
    """The calls that the last step has made or ended: what each has answered, and, of an error,
    what it means."""
    events = bench.run.record.events if bench.run else []
    calls = [event for event in events if event.kind in ("call", "ended", "line")]
    return [told(event) for event in calls if event.number == calls[-1].number]


def told(event: Event) -> Json:
    kind = meaning = place = ""
    if isinstance(event.what, Call):
        kind = event.what.kind
        meaning, place = sentence(event.what)
    return {"line": line(event, exactly=True), "kind": kind, "sentence": meaning, "place": place}


def of_line(bench: Workbench) -> Json:
    if bench.run is None or bench.run.wire.link is None:
        return {"up": False, "delay": 0, "losing": 0}
    wire = bench.run.wire
    return {"up": True, "delay": wire.delay, "losing": wire.losing}
