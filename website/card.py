"""The picture that goes with a link to a page: its title, its first words, a handshake."""

import textwrap
from pathlib import Path

from sockutils.figures.picture import CLIENT, FAINT, KERNEL, SERVER, badge, sheet

HEIGHT, DOTS = 5.25, 120  # inches, and dots in one: 1200 by 630, as Open Graph's readers want it
LINES = [("SYN", 6.6, 9.0), ("SYN ACK", 9.0, 6.6), ("ACK", 6.6, 9.0)]


def draw(course: str, title: str, about: str, file: Path) -> None:
    """Write that picture as PNG."""
    figure, axes = sheet(HEIGHT)
    axes.text(0.6, 0.8, course, fontsize=18, color=KERNEL)
    axes.text(0.6, 1.2, textwrap.fill(title, 20), fontsize=34, weight="bold", va="top")
    axes.text(0.6, 4.75, textwrap.fill(about, 48), fontsize=15, va="bottom", linespacing=1.4)
    for x, role, colour in ((6.6, "client", CLIENT), (9.0, "server", SERVER)):
        axes.plot([x, x], [0.9, 4.0], color=FAINT, linewidth=2)
        badge(axes, x, 0.8, role, colour)
    for row, (words, begin, end) in enumerate(LINES):
        colour, y = CLIENT if begin < end else SERVER, 1.5 + 0.8 * row
        arrow = {"arrowstyle": "-|>", "color": colour, "linewidth": 2.5, "mutation_scale": 22}
        axes.annotate("", (end, y + 0.4), (begin, y), arrowprops=arrow)
        axes.text(7.8, y + 0.1, words, ha="center", fontsize=14, color=colour)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=DOTS)
