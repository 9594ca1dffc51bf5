"""What is clicked, and what each instance then reports: a picture, a column for each click."""

import select
import socket
from collections.abc import Sequence

from sockutils.figures.columns import aligned
from sockutils.figures.picture import Picture
from sockutils.figures.svg import WIDE, Drawing
from sockutils.lessons.epoll.pictures import Moment
from sockutils.peers.ends import unread

CLICKS = COMES, WAIT, READ = ["4 bytes come", "epoll_wait()", "recv(2)"]
COLOURS = {"level": "client", "edge": "server"}
# pixels
LEFT, HEAD, CURVE, ROW = 190, 44, 120, 58
BYTE = 5  # of height


class Clicks:
    """One end that two instances watch, and the other end, which sends."""

    def __init__(
        self, near: socket.socket, far: socket.socket, level: select.epoll, edge: select.epoll
    ) -> None:
        self.near, self.far = near, far
        self.instances = {"level": level, "edge": edge}

    def draw(self, *clicks: str) -> Picture:
        """Do what the clicks say, one after another, and draw what has come of it."""
        return draw_clicks([self.click(name) for name in clicks])

    def click(self, name: str) -> Moment:
        reported = {}
        if name == COMES:
            self.far.send(bytes(4))
        elif name == READ and unread(self.near):
            self.near.recv(2)
        elif name == WAIT:
            reported = {kind: bool(one.poll(0)) for kind, one in self.instances.items()}
        return Moment(name, unread(self.near), reported)


def draw_clicks(moments: Sequence[Moment]) -> Picture:
    """Draw the bytes that wait after each click, and who reports the socket where it was asked."""
    drawing = Drawing()
    ground, pitch = HEAD + CURVE, (WIDE - LEFT) / len(moments)
    drawing.text(LEFT - 16, ground - 20, "bytes waiting", "other", "e")
    for row, (kind, colour) in enumerate(COLOURS.items()):
        drawing.text(LEFT - 16, ground + ROW * (row + 0.5) + 8, kind, colour, "be")
    for column, moment in enumerate(moments):
        left = LEFT + column * pitch
        middle, high = left + pitch / 2, moment.waiting * BYTE
        drawing.text(middle, HEAD / 2, moment.happening)
        drawing.box((left, ground - high), (pitch, high), "faint")
        drawing.text(middle, ground - high - 16, str(moment.waiting))
        for row, (kind, said) in enumerate(moment.reported.items()):
            corner = left + 8, ground + ROW * row + 14
            size = pitch - 16, ROW - 12
            colour = COLOURS[kind]
            drawing.box(corner, size, colour if said else "ground", colour, 2.5, 8)
            words = "reported" if said else "nothing"
            colours = ("on", "mb") if said else (colour, "m")
            drawing.text(middle, corner[1] + size[1] / 2, words, *colours)
    drawing.line([(LEFT, ground), (WIDE, ground)], "ink", 2)
    rows = [["click", "bytes waiting", *COLOURS]]
    for moment in moments:
        answers = ["reported" if moment.reported[kind] else "nothing" for kind in moment.reported]
        rows.append([moment.happening, str(moment.waiting), *(answers or ["", ""])])
    return Picture(drawing.svg(WIDE, ground + 2 * ROW + 16), aligned(rows))
