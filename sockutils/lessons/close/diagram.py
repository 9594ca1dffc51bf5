"""TCP's states, and the way of a connection through them."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sockutils.figures.picture import (
    CLIENT,
    FAINT,
    OTHER,
    SERVER,
    SIZE,
    Picture,
    badge,
    label,
    sheet,
)
from sockutils.tables.states import GONE, Paths

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Place = tuple[float, float]
COLOURS = {"client": CLIENT, "server": SERVER}
LINES = {"client": "solid", "server": (0, (2.2, 1.2))}
# RFC 9293, section 3.3.2. Inches; names as in sockets(), GONE is its CLOSED.
BOX = (1.75, 0.56)
PLACES: Mapping[str, Place] = {
    "CLOSED": (1.6, 0.85),
    "LISTEN": (8.4, 0.85),
    "SYN-SENT": (1.6, 2.25),
    "SYN-RECV": (8.4, 2.25),
    "ESTAB": (5.0, 3.6),
    "FIN-WAIT-1": (1.6, 4.95),
    "CLOSE-WAIT": (8.4, 4.95),
    "FIN-WAIT-2": (1.6, 6.4),
    "CLOSING": (5.0, 6.4),
    "LAST-ACK": (8.4, 6.4),
    "TIME-WAIT": (1.6, 7.85),
    GONE: (8.4, 7.85),
}
# Each with what makes it, and where this is written.
EDGES: Mapping[tuple[str, str], tuple[str, Place]] = {
    ("CLOSED", "LISTEN"): ("listen()", (5.0, 0.85)),
    ("CLOSED", "SYN-SENT"): ("connect(): SYN →", (2.85, 1.55)),
    ("LISTEN", "SYN-RECV"): ("SYN comes", (7.5, 1.55)),
    ("SYN-SENT", "SYN-RECV"): ("SYN comes", (5.0, 2.25)),
    ("SYN-SENT", "ESTAB"): ("SYN ACK comes", (2.2, 3.15)),
    ("SYN-RECV", "ESTAB"): ("ACK comes", (7.75, 3.15)),
    ("ESTAB", "FIN-WAIT-1"): ("close(): FIN →", (2.2, 4.05)),
    ("ESTAB", "CLOSE-WAIT"): ("FIN comes", (7.75, 4.05)),
    ("FIN-WAIT-1", "FIN-WAIT-2"): ("ACK comes", (2.5, 5.9)),
    ("FIN-WAIT-1", "CLOSING"): ("FIN comes", (4.3, 5.4)),
    ("CLOSE-WAIT", "LAST-ACK"): ("close(): FIN →", (7.3, 5.67)),
    ("FIN-WAIT-2", "TIME-WAIT"): ("FIN comes", (2.45, 6.86)),
    ("CLOSING", "TIME-WAIT"): ("ACK comes", (4.3, 7.4)),
    ("LAST-ACK", GONE): ("ACK comes", (7.5, 7.12)),
    ("TIME-WAIT", GONE): ("60 s", (5.0, 7.85)),
}


def draw_states(paths: Paths) -> Picture:
    """Draw TCP's states and the ways between them; thick are those that this connection took."""
    figure, axes = sheet(8.4)
    taken = {who: set(pairwise(path)) for who, path in paths.items()}
    unknown = set().union(*taken.values()) - {*EDGES}
    if unknown:  # a short state was missed
        raise RuntimeError(f"no such way in TCP's diagram: {sorted(unknown)}")
    for way, (words, place) in EDGES.items():
        users = [who for who in ("client", "server") if way in taken.get(who, ())]
        draw_way(axes, way, users)
        colour = COLOURS[users[0]] if len(users) == 1 else "black" if users else OTHER
        label(axes, *place, words, colour)
    for state in PLACES:
        users = [who for who in ("client", "server") if state in paths.get(who, ())]
        draw_state(axes, state, users)
    for who, x in (("client", 3.6), ("server", 6.4)):
        axes.plot([x - 1.1, x + 1.1], [0.28, 0.28], color=COLOURS[who], lw=4, ls=LINES[who])
        badge(axes, x, 0.28, who, COLOURS[who])
    return Picture(figure, repr(paths))


def draw_way(axes: "Axes", way: tuple[str, str], users: Sequence[str]) -> None:
    (x1, y1), (x2, y2) = (PLACES[state] for state in way)
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
    across = (y1 - y2) / length, (x2 - x1) / length
    for place, who in enumerate(users or [""]):
        shift = 0.11 * (2 * place - 1) if len(users) == 2 else 0.0
        dx, dy = across[0] * shift, across[1] * shift
        arrow: dict[str, Any] = {
            "arrowstyle": "-|>",
            "mutation_scale": 30 if who else 18,
            "shrinkA": 0,
        }
        arrow |= {"color": COLOURS.get(who, FAINT), "linewidth": 4.5 if who else 1.5}
        arrow |= {"linestyle": LINES.get(who, "solid"), "shrinkB": 0}
        ends = edge_of_box((x1, y1), (x2, y2)), edge_of_box((x2, y2), (x1, y1))
        start, end = ((x + dx, y + dy) for x, y in ends)
        axes.annotate("", end, start, arrowprops=arrow, zorder=2 if who else 1)


def edge_of_box(place: Place, towards: Place) -> Place:
    dx, dy = towards[0] - place[0], towards[1] - place[1]
    gap = 0.16  # more than the second frame of a state that both were in
    share = min(
        (size / 2 + gap) / abs(step) for size, step in zip(BOX, (dx, dy), strict=True) if step
    )
    return place[0] + dx * share, place[1] + dy * share


def draw_state(axes: "Axes", state: str, users: Sequence[str]) -> None:
    from matplotlib.patches import FancyBboxPatch

    x, y = PLACES[state]
    for place, who in enumerate(users or [""]):
        grow = 0.09 * place
        corner = x - BOX[0] / 2 - grow, y - BOX[1] / 2 - grow
        size = BOX[0] + 2 * grow, BOX[1] + 2 * grow
        patch = FancyBboxPatch(corner, *size, boxstyle="round,pad=0,rounding_size=0.12")
        patch.set(facecolor="none" if place else "white", edgecolor=COLOURS.get(who, FAINT))
        patch.set(linewidth=3.5 if who else 1.5, linestyle=LINES.get(who, "solid"), zorder=3)
        axes.add_patch(patch)
    weight = "bold" if users else "normal"
    colour = "black" if users else OTHER
    axes.text(
        x, y, state, size=SIZE, ha="center", va="center", weight=weight, color=colour, zorder=4
    )
