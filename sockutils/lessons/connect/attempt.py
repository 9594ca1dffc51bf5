"""The panel's picture: the packets of one attempt, and when connect() returned."""

from collections.abc import Callable, Iterable
from itertools import takewhile
from typing import TYPE_CHECKING

from sockutils.figures.picture import CLIENT, KERNEL, SERVER, SIZE, Picture, canvas, write
from sockutils.packets.packet import Packet
from sockutils.packets.roles import Row, rows, transcript

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LONGEST = 3.0  # seconds that the picture shows
APART = 0.035  # seconds between two arrows, or one would hide the other
# the seconds that the lesson tells, a little less: clocks are rounded
LEAST = {"one call": (0.39,), "four calls": (0.19, 0.19, 0.49, 0.0)}


def as_told(cell: str, *seconds: float) -> bool:
    """Whether a cell's calls took as long as the text below it tells, or longer.

    In the cell these numbers would tell it before it has run.
    """
    return all(took >= least for took, least in zip(seconds, LEAST[cell], strict=True))


def first(flags: str) -> Callable[[Packet], bool]:
    """Whom a Link loses: the first packet with these flags; "everything", or "nothing"."""
    left = [flags]

    def lose(packet: Packet) -> bool:
        if flags == "everything":
            return True
        lost = packet.flags in left
        if lost:
            left.remove(packet.flags)
        return lost

    return lose


def opening(packets: Iterable[Packet]) -> list[Packet]:
    """The packets before a goodbye."""
    return list(takewhile(lambda packet: "FIN" not in packet.flags, packets))


def draw_attempt(packets: list[Packet], ended: str, seconds: float) -> Picture:
    """Draw an attempt over three seconds: its packets, and `ended`, how connect() did, and when."""
    figure, axes = canvas(height=3.4)
    axes.plot([0, seconds], [1.45, 1.45], color=KERNEL, linewidth=10, solid_capstyle="butt")
    for y, role, colour in ((1, "client", CLIENT), (0, "server", SERVER)):
        axes.plot([0, LONGEST], [y, y], color=colour, linewidth=2)
        axes.text(-0.06, y, role, color=colour, size=SIZE, weight="bold", ha="right", va="center")
    axes.text(-0.06, 1.45, "connect()", color=KERNEL, size=SIZE, ha="right", va="center")
    write(axes, 0, 1.95, f"{ended} after {seconds:.1f} s", weight="bold", ha="left")
    table = rows(packets) if packets else []
    draw_packets(axes, table)
    axes.set(xlim=(-0.5, LONGEST + 0.05), ylim=(-0.15, 2.15), xlabel="seconds", yticks=[])
    axes.set_xticks(range(int(LONGEST) + 1))
    axes.spines["left"].set_visible(False)
    lines = transcript(table, seconds=True)
    return Picture(figure, f"connect(): {ended} after {seconds:.1f} s\n{lines}")


def draw_packets(axes: "Axes", table: list[Row]) -> None:
    """An arrow for each; a lost one ends half way, in a cross."""
    at = -APART
    for row in table:
        at = max(at + APART, row.seconds)
        start, end = (1, 0) if row.forward else (0, 1)
        colour = CLIENT if row.forward else SERVER
        flight = max(row.flights, default=0)
        if not row.flights:
            axes.plot([at, at], [start, 0.5], color=colour, linewidth=2, linestyle=":")
            axes.plot(at, 0.5, marker="X", color=colour, markersize=14)
            continue
        arrow = {"arrowstyle": "-|>", "color": colour, "linewidth": 2, "shrinkA": 0, "shrinkB": 0}
        axes.annotate(
            "", (at + flight, end), (at, start), arrowprops=arrow | {"mutation_scale": 18}
        )
