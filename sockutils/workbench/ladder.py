"""What has happened as a picture: a lane for each program, its calls in it, packets in between."""

from collections.abc import Sequence

from sockutils.figures.svg import LINE, Drawing, Place, width
from sockutils.packets.ladder import arrow, lost
from sockutils.workbench.call import WAITS, Call
from sockutils.workbench.core import Workbench
from sockutils.workbench.items import GAP, PITCH, Item, by_program, items
from sockutils.workbench.states import COLOURS

# pixels
LANES = {2: (520.0, 32), 3: (400.0, 25)}  # how wide each, and how many letters of code in a line
HEAD, FOOT = 60.0, 24.0
MOST = 80  # events in a picture: those before are left out
TITLES = {"second": "second client"}


def ladder(bench: Workbench, programs: Sequence[str]) -> str:
    """Draw the lanes of these programs as SVG."""
    events = bench.run.record.events if bench.run else []
    lane, letters = LANES[len(programs)]
    shown = items(events, letters)[-MOST:]
    drawing = Drawing()
    lanes = {program: lane * (place + 0.5) for place, program in enumerate(programs)}
    high = HEAD + sum(item.high for item in shown) + FOOT
    for x in lanes.values():
        drawing.line([(x, HEAD / 2), (x, high)], "faint", 2.75)
    waits(drawing, shown, lanes, high)
    for program, x in lanes.items():
        drawing.badge(x, HEAD / 2, TITLES.get(program, program), COLOURS[program])
    y = HEAD
    for item in shown:
        with drawing.at(item.event.number, title=item.title):
            draw(drawing, item, lanes, y, letters)
        y += item.high
    return drawing.svg(lane * len(lanes), max(high, 120))


def draw(drawing: Drawing, item: Item, lanes: dict[str, float], y: float, letters: int) -> None:
    event = item.event
    if event.kind == "packet":
        draw_packet(drawing, item, lanes, y + PITCH / 2)
    elif event.kind == "states":
        draw_states(drawing, by_program(event, letters), lanes, y + LINE / 2)
    elif event.kind == "line" and not event.ends[0]:
        middle = sum(lanes.values()) / len(lanes)
        drawing.text(middle, y + item.high / 2, item.lines[0], "other", "mbh")
    else:
        who = event.ends[0] or event.what.step.program
        draw_call(drawing, item, lanes[who], y, COLOURS[who])


def draw_call(drawing: Drawing, item: Item, x: float, y: float, colour: str) -> None:
    wide = max(width(line) for line in item.lines) + 28
    high = item.high - GAP
    call = item.event.what
    fails = isinstance(call, Call) and call.error is not None and "→" in item.title
    drawing.box((x - wide / 2, y), (wide, high), "ground", colour, 2.5, round=8)
    for place, line in enumerate(item.lines):
        bold = "b" if fails and line[0] == "→" else ""
        drawing.text(x, y + 7 + LINE * (place + 0.5), line, kind=f"m{bold}")


def draw_packet(drawing: Drawing, item: Item, lanes: dict[str, float], y: float) -> None:
    sender, receiver = item.event.ends
    start, end = lanes.get(sender, 0.0), lanes.get(receiver, 0.0)
    packet = item.event.what
    colour = "kernel" if packet.label.startswith("ICMP") else COLOURS[sender]
    if packet.arrivals == ():
        lost(drawing, colour, (start, y), (start + (end - start) * 0.85, y))
    else:
        arrow(drawing, colour, (start, y), (end, y))
    wide, middle = width(item.lines[0]) + 10, (start + end) / 2
    drawing.box((middle - wide / 2, y - LINE / 2), (wide, LINE), "ground")
    drawing.text(middle, y, item.lines[0])


def draw_states(
    drawing: Drawing, rows: dict[str, list[str]], lanes: dict[str, float], y: float
) -> None:
    for program, lines in rows.items():
        for place, words in enumerate(lines):
            drawing.text(lanes[program], y + LINE * place, words, "other", "mh")


def waits(drawing: Drawing, shown: list[Item], lanes: dict[str, float], high: float) -> None:
    """A broad line in the lane for as long as a call waits."""
    begun: dict[Call, float] = {}
    y = HEAD
    for item in shown:
        made = item.event.what
        if isinstance(made, Call) and made.waited:
            if item.event.kind == "ended" and made in begun:
                wait(drawing, lanes, made, (begun.pop(made), y))
            elif item.event.kind == "call":
                begun[made] = y
        y += item.high
    for made, start in begun.items():
        if made.kind == WAITS:
            wait(drawing, lanes, made, (start, high))


def wait(drawing: Drawing, lanes: dict[str, float], made: Call, times: Place) -> None:
    x = lanes[made.step.program]
    drawing.line([(x, times[0]), (x, times[1])], COLOURS[made.step.program], 12)
