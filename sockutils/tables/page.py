"""The table of sockets in a page: states in colour, both ends of a connection joined, and what has
changed since the same table was shown last."""

from collections.abc import Iterator, Sequence
from html import escape

from sockutils.figures.colours import DARK, IN_DARK, LIGHT, variables
from sockutils.tables.rows import Row

# What a state is like, by the names of `colours`; the word is in the cell all the same.
KINDS = {"LISTEN": "server", "SYN-SENT": "client", "SYN-RECV": "client", "ESTAB": "kernel"}
QUEUES = {"receive": "receive_queue", "send": "send_queue", "accept queue": "accept_queue"}
FILLED = "".join(
    f".sk-table .sk-{kind}{{background:var(--{kind});border-color:var(--{kind});color:var(--on)}}"
    for kind in sorted({*KINDS.values()})
)
DARK_PAGES = ",".join(f"{place} .sk-table" for place in IN_DARK)
# A cell that joins has a bracket at its right edge, from one row's middle to the other's.
STYLE = f"""<style>.sk-table{{{variables(LIGHT)}margin:0;print-color-adjust:exact;
font-variant-numeric:tabular-nums}}
{DARK_PAGES}{{{variables(DARK)}}}
.sk-table :is(th,td){{text-align:left!important;white-space:nowrap;padding:.3em .6em}}
.sk-table .sk-both{{position:relative;padding-right:1.4em}}
.sk-table .sk-both::after{{content:"";position:absolute;right:.3em;width:.5em;top:25%;bottom:25%;
border:2px solid var(--ink);border-right:0;border-radius:4px 0 0 4px}}
.sk-table b{{padding:.1em .5em;border-radius:.5em;border:2px solid;color:var(--other)}}
{FILLED}
.sk-table tr.sk-new td:last-child{{font-weight:bold;padding-left:.9em;
box-shadow:inset 4px 0 var(--server)}}</style>"""
Cells = Sequence[str]


def html(rows: Sequence[Row], titles: Cells, cells: Sequence[Cells], before: Sequence[Row]) -> str:
    """Return the table, in which the ends of a connection stand below one another.

    `before` are the rows that the page had last, none if there were none.
    """
    told = changes(rows, before)
    groups = list(together(rows))
    joined, changed = any(len(group) == 2 for group in groups), any(told)
    lines = []
    for group in groups:
        for place in group:
            first = _joins(group, place) if joined else ""
            last = f"<td>{told[place]}</td>" if changed else ""
            kind = ' class="sk-new"' if told[place] else ""
            lines.append(f"<tr{kind}>{first}{_cells(rows[place].state, cells[place])}{last}</tr>")
    names = [*titles, *["since the last table"] * changed]
    head = "<td></td>" * joined + "".join(f'<th scope="col">{name}</th>' for name in names)
    body = f"<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody>"
    return f'{STYLE}<table class="sk-table">{body}</table>'


def _joins(group: list[int], place: int) -> str:
    if len(group) == 1:
        return "<td></td>"
    both = '<td class="sk-both" rowspan="2">one<br>connection</td>'
    return both if place == group[0] else ""


def _cells(state: str, cells: Cells) -> str:
    protocol, _, *others = map(escape, cells)
    kind = KINDS.get(state, "other")  # a class: of an untrusted output no style of an element stays
    badge = f'<b class="sk-{kind}">{state}</b>'
    return "".join(f"<td>{part}</td>" for part in (protocol, badge, *others))


def together(rows: Sequence[Row]) -> Iterator[list[int]]:
    """Yield the places of the rows, those of the two ends of a connection as one pair."""
    ends = {(row.protocol, row.local, row.remote): place for place, row in enumerate(rows)}
    seen = set[int]()
    for place, row in enumerate(rows):
        other = ends.get((row.protocol, row.remote, row.local), place)
        pair = [place] if other == place or isinstance(row.local, str) else [place, other]
        if place not in seen:
            yield pair
        seen.update(pair)


def changes(rows: Sequence[Row], before: Sequence[Row]) -> list[str]:
    """Return what is new of each row: "new", "was ESTAB", "receive was 5", or nothing.

    Nothing at all if no socket was there before: then it is another story.
    """
    old = {(row.protocol, row.local, row.remote): row for row in before}
    known = [old.get((row.protocol, row.local, row.remote)) for row in rows]
    same = [one if one and _is(one, row) else None for one, row in zip(known, rows, strict=True)]
    if not any(same):
        return [""] * len(rows)
    return [_change(one, row) if one else "new" for one, row in zip(same, rows, strict=True)]


def _is(one: Row, other: Row) -> bool:
    # A socket without a descriptor has no number, neither before accept() nor after close().
    return one.inode == other.inode or not one.inode or not other.inode


def _change(old: Row, row: Row) -> str:
    words = [f"was {old.state}"] if old.state != row.state else []
    for name, queue in QUEUES.items():
        if getattr(old, queue) != getattr(row, queue) and getattr(old, queue) is not None:
            words.append(f"{name} was {getattr(old, queue)}")
    return ", ".join(words)
