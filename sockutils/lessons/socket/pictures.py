"""The picture of 01's panel: what became of two messages."""

from typing import TYPE_CHECKING

from sockutils.figures.picture import CLIENT, OTHER, SERVER, Picture, sheet, write

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MESSAGES = ("0123", "4567")
# inches
SIDE, STEP, GAP, LEFT = 0.62, 0.84, 0.5, 2.2
SENT, CAME = 0.55, 1.85  # from the top to the middle of each row


def draw_pieces(pieces: list[bytes]) -> Picture:
    """Draw two messages of four digits, and below them what each recv() returned of them."""
    figure, axes = sheet(height=2.75)
    received = [piece.decode() for piece in pieces]
    lost = [digit for digit in "".join(MESSAGES) if digit not in "".join(received)]
    write(axes, 0.2, SENT, "sent", CLIENT, ha="left", weight="bold")
    write(axes, 0.2, CAME, "received", SERVER, ha="left", weight="bold")
    for message in MESSAGES:
        for digit in message:
            square(axes, digit, SENT, CLIENT, gone=False)
        frame(axes, message, SENT, CLIENT, "send()")
    for piece in received:
        for digit in piece:
            square(axes, digit, CAME, SERVER, gone=False)
        frame(axes, piece, CAME, SERVER, "recv()")
    for digit in lost:
        square(axes, digit, CAME, OTHER, gone=True)
        write(axes, middle(digit), CAME + SIDE / 2 + 0.25, "lost", OTHER)
    text = f"sent      {' '.join(MESSAGES)}\nreceived  {' '.join(received)}"
    return Picture(figure, text + f"\nlost      {' '.join(lost)}" * bool(lost))


def middle(digit: str) -> float:
    place = int(digit)
    return LEFT + STEP * place + GAP * (place >= len(MESSAGES[0]))


def square(axes: "Axes", digit: str, y: float, colour: str, gone: bool) -> None:
    from matplotlib.patches import Rectangle

    corner = middle(digit) - SIDE / 2, y - SIDE / 2
    style = {"fill": False, "linestyle": "--", "linewidth": 2} if gone else {"facecolor": colour}
    axes.add_patch(Rectangle(corner, SIDE, SIDE, edgecolor=colour, **style))
    write(axes, middle(digit), y, digit, colour if gone else "white", weight="bold")


def frame(axes: "Axes", digits: str, y: float, colour: str, call: str) -> None:
    """A line below what one call took, with its name."""
    ends = middle(digits[0]) - SIDE / 2, middle(digits[-1]) + SIDE / 2
    axes.plot(ends, [y + SIDE / 2 + 0.09] * 2, color=colour, linewidth=4)
    write(axes, sum(ends) / 2, y + SIDE / 2 + 0.3, call, colour)
