"""TCP's states, where they stand in the diagram, and the ways between them: RFC 9293, 3.3.2.

The workbench lights those that its ends are in; 08 walks through them, with the same drawing.
"""

from collections.abc import Iterable

from sockutils.figures.svg import Drawing, Place
from sockutils.packets.ladder import arrow
from sockutils.tables.states import GONE
from sockutils.workbench.end import Seen

# pixels
BOX = (184.0, 70.0)
WIDE_BOX = (604.0, 84.0)  # of the state in which most ends are
COLUMNS = (100.0, 310.0, 520.0)
ROW = 96.0
SIZE = (620.0, 655.0)
MOST = 3  # names in the wide box

PLACES = {
    "CLOSED": (1, 0),
    "SYN-SENT": (0, 1),
    "LISTEN": (2, 1),
    "SYN-RECV": (2, 2),
    "ESTAB": (1, 3),
    "FIN-WAIT-1": (0, 4),
    "CLOSE-WAIT": (2, 4),
    "FIN-WAIT-2": (0, 5),
    "CLOSING": (1, 5),
    "LAST-ACK": (2, 5),
    "TIME-WAIT": (0, 6),
    GONE: (2, 6),  # the standard's CLOSED once more
}
WAYS = [
    *(("CLOSED", "LISTEN"), ("CLOSED", "SYN-SENT"), ("LISTEN", "SYN-RECV"), ("SYN-SENT", "ESTAB")),
    *(("SYN-RECV", "ESTAB"), ("ESTAB", "FIN-WAIT-1"), ("ESTAB", "CLOSE-WAIT")),
    *(("FIN-WAIT-1", "FIN-WAIT-2"), ("FIN-WAIT-1", "CLOSING"), ("CLOSE-WAIT", "LAST-ACK")),
    *(("FIN-WAIT-2", "TIME-WAIT"), ("CLOSING", "TIME-WAIT")),
    *(("LAST-ACK", GONE), ("TIME-WAIT", GONE)),
]
COLOURS = {"client": "client", "server": "server", "second": "kernel"}


def diagram(states: Iterable[Seen]) -> str:
    """Draw TCP's states as SVG; those that an end is in are lit, and have its name."""
    lit: dict[str, list[Seen]] = {}
    for one in states:
        if one.protocol == "tcp":
            lit.setdefault(one.state, []).append(one)
    drawing = Drawing()
    for way in WAYS:
        draw_way(drawing, way)
    for name in PLACES:
        draw_state(drawing, name, lit.get(name, []))
    return drawing.svg(*SIZE)


def middle(name: str) -> Place:
    column, row = PLACES[name]
    return COLUMNS[column], 40 + ROW * row - 4


def draw_way(
    drawing: Drawing, way: tuple[str, str], colour: str = "faint", beside: float = 0
) -> None:
    """An arrow from state to state, so many pixels beside the one that another end takes."""
    (x1, y1), (x2, y2) = map(middle, way)
    if "ESTAB" in way:  # it is as wide as the diagram
        x1, x2 = (x2, x2) if way[0] == "ESTAB" else (x1, x1)
    dx, dy = x2 - x1, y2 - y1
    start, end = (half(name) / abs(dy) if dy else BOX[0] / 2 / abs(dx) for name in way)
    there = x2 - dx * end, y2 - dy * end
    arrow(
        drawing, colour, (x1 + dx * start + beside, y1 + dy * start), (there[0] + beside, there[1])
    )


def half(name: str) -> float:
    return (WIDE_BOX if name == "ESTAB" else BOX)[1] / 2


def draw_state(drawing: Drawing, name: str, ends: list[Seen]) -> None:
    (x, y), (wide, high) = middle(name), WIDE_BOX if name == "ESTAB" else BOX
    corner = x - wide / 2, y - high / 2
    if name == "ESTAB":
        drawing.box(corner, WIDE_BOX, "ground", "ink" if ends else "faint", 3 if ends else 1.5, 10)
        drawing.text(x, y - 22 * bool(ends), name, "ink" if ends else "other", "mb" * bool(ends))
        for place, one in enumerate(ends[:MOST]):
            left = x + (place - (min(len(ends), MOST) - 1) / 2) * wide / MOST
            drawing.badge(left, y + 18, short(one.name), COLOURS[one.program])
        return
    if not ends:
        drawing.box(corner, BOX, "ground", "faint", round=10)
        drawing.text(x, y, name, "other")
        return
    drawing.box(corner, BOX, COLOURS[ends[0].program], "ink", 3, round=10)
    drawing.text(x, y - 16, name, "on", "mb")
    drawing.text(x, y + 16, who(ends), "on")


def who(ends: list[Seen]) -> str:
    """The names that fit into a box."""
    first = ends[0].name
    return short(first) if len(ends) == 1 else f"{first[:8]} +{len(ends) - 1}"


def short(name: str) -> str:
    return name if len(name) <= 12 else "in the queue" if " " in name else f"{name[:10]}…"
