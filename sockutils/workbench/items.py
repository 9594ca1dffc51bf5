"""What has happened, line by line as the picture has it: the words, and how high each is."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from sockutils.figures.svg import LINE, badge_size
from sockutils.packets.fields import told as heads_of
from sockutils.packets.remarks import remarks_on
from sockutils.workbench.record import Event
from sockutils.workbench.text import done, said, told

if TYPE_CHECKING:
    from sockutils.workbench.call import Call

GAP, PITCH = 10.0, 40.0  # pixels


class Item(NamedTuple):
    """An event with its words and its height in the picture."""

    event: Event
    lines: list[str]
    title: str
    high: float


def items(events: Sequence[Event], letters: int) -> list[Item]:
    events = told(events)
    packets = [event.what for event in events if event.kind == "packet"]
    heads, remarks = iter(heads_of(packets)), remarks_on(packets)
    found = []
    for event in events:
        if event.kind == "packet":
            found.append(packet(event, next(remarks), next(heads)))
        elif event.kind == "states":
            found.append(states(event, letters))
        else:
            found.append(call(event, letters))
    return found


def packet(event: Event, remarks: list[str], head: str) -> Item:
    words = " ".join([event.what.label, *(f"({one})" for one in remarks)])
    label = f"{words}  {event.what.size}".strip()
    return Item(event, [label], f"{' → '.join(event.ends)}: {label} · {head}", PITCH)


def states(event: Event, letters: int) -> Item:
    most = max(map(len, by_program(event, letters).values()))
    title = " · ".join(words for _, words in event.what)
    return Item(event, [], title, LINE * most + GAP)


def by_program(event: Event, letters: int) -> dict[str, list[str]]:
    """What has changed in each program, in lines of so many letters and some."""
    rows: dict[str, list[str]] = {}
    for program, words in event.what:
        rows.setdefault(program, []).extend(textwrap.wrap(words, letters + 10))
    return rows


def call(event: Event, letters: int) -> Item:
    if event.kind == "line":
        return Item(event, [done(event.what)], done(event.what), LINE + 2 * GAP)
    made: Call = event.what
    text = said(event, exactly=True)
    code, sign, outcome = text.partition(" → ")
    lines = textwrap.wrap(code, letters, subsequent_indent="  ", break_on_hyphens=False)
    if sign:
        lines += textwrap.wrap(f"→ {outcome}", letters, break_on_hyphens=False)
    return Item(event, lines, f"{made.step.program}: {text}", badge_size("\n".join(lines))[1] + GAP)
