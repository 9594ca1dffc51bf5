"""Where the lifelines of a ladder stand, so that neither their names nor what is written between
them overlap."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sockutils.figures.svg import WIDE, Drawing, badge_size
from sockutils.packets.roles import AT

# pixels
SIDE = 100  # beside the first and the last lifeline, at least
APART = 14  # from name to name
ARROW = 90  # that is seen of an arrow beside its label
ROWS = (1, 2, 3)  # of names, where they do not fit beside one another


class Lifelines(NamedTuple):
    """The roles from left to right, x of each; clients stand left of the middle, servers right."""

    places: dict[str, float]
    names: list[str]
    rows: int
    middle: tuple[float, float]
    wide: float

    def head(self) -> float:
        """Return where the first packet goes: below the names."""
        return 18 + self.rows * self.row() + 34

    def row(self) -> float:
        return max(badge_size(name)[1] for name in self.names) + 6

    def draw(self, drawing: Drawing, colours: dict[str, str], bottom: float) -> None:
        """Draw the lines, then their names."""
        heights = [18 + self.row() * (0.5 + place % self.rows) for place in range(len(self.names))]
        for x, y in zip(self.places.values(), heights, strict=True):
            drawing.line([(x, y), (x, bottom)], "faint", 2.75)
        for (role, x), name, y in zip(self.places.items(), self.names, heights, strict=True):
            drawing.badge(x, y, name, colours[role])


def lifelines(
    clients: Sequence[str], servers: Sequence[str], label: float, margin: float
) -> Lifelines:
    """Return places for the roles; between the last client and the first server there is room for
    a label so wide, and `margin` stays free at the left.

    A sheet that is too narrow for all becomes wider.
    """
    roles = [*clients, *servers]
    names = [role.replace(AT, "\n") for role in roles]
    sizes = [badge_size(name)[0] for name in names]
    left, right = (max(SIDE, size / 2 + APART / 2) for size in (sizes[0], sizes[-1]))
    left += margin
    steps = len(roles) - 2
    for rows in ROWS:
        middle = max([label + ARROW, *_needs(sizes, len(clients), rows, 0, across=True)])
        step = max(_needs(sizes, len(clients), rows, middle, across=False), default=0.0)
        room = WIDE - left - right - middle
        if steps * step <= room:
            break
    even = (WIDE - left - right) / (steps + 1)
    if even >= max(step, middle):
        step = middle = even
    elif steps:
        step = max(step, room / steps)
    xs = [
        left + step * place + (middle - step) * (place >= len(clients))
        for place in range(len(roles))
    ]
    ends = xs[len(clients) - 1], xs[len(clients)]
    return Lifelines(dict(zip(roles, xs, strict=True)), names, rows, ends, xs[-1] + right)


def _needs(
    sizes: list[float], clients: int, rows: int, middle: float, across: bool
) -> Iterator[float]:
    """Yield what a step has to be for each two names in a row, or, if they are neighbours, what the
    middle has to be."""
    for place, (one, other) in enumerate(zip(sizes, sizes[rows:], strict=False)):
        apart = (one + other) / 2 + APART
        crosses = place < clients <= place + rows
        steps = rows - crosses
        if across and crosses and not steps:
            yield apart
        elif not across and steps:
            yield (apart - middle * crosses) / steps
