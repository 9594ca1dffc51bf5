"""What is too much to look at: its first and its last, and how much is left out in between."""

from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

LIMIT = 60  # beyond it nobody reads a picture to its end
ENDS = 20  # that stay at either end then

Item = TypeVar("Item")


class Elided(NamedTuple, Generic[Item]):
    """The first items, the number of those left out, and the last; all are first if none is."""

    first: Sequence[Item]
    left_out: int
    last: Sequence[Item]


def elide(items: Sequence[Item]) -> Elided[Item]:
    """Leave out the middle of more than 60 items: the first 20 and the last 20 stay."""
    if len(items) <= LIMIT:
        return Elided(items, 0, items[:0])
    return Elided(items[:ENDS], len(items) - 2 * ENDS, items[-ENDS:])


def left_out(number: int, what: str) -> str:
    """Return the line that stands in the gap: ``… 1,940 calls left out`` for a `what` of "call"."""
    return f"… {number:,} {what}{'s' * (number != 1)} left out"
