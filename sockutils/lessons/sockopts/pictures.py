"""What of its captures is drawn, and a transfer over time."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from sockutils.figures.picture import CLIENT, FAINT, SERVER, SIZE, Picture, canvas
from sockutils.packets.ladder import sequence
from sockutils.packets.packet import Packet
from sockutils.packets.roles import rows, transcript

ENDS = {"SYN", "RST", "FIN"}
DELAY = 40  # milliseconds, Linux's shortest delay of an acknowledgement


def usual_request(packets: Iterable[Packet], port: int) -> Picture:
    """Draw the request of median length. In its text a time is the nearest multiple of 40 ms."""
    kept = median_request(packets, port)
    table = rows(kept)
    times = [f"{round(row.seconds * 1000 / DELAY) * DELAY} ms" for row in table]
    lines = zip(times, transcript(table).splitlines(), strict=True)
    text = "\n".join(f"{time:>5}   {line}" for time, line in lines)
    return Picture(sequence(kept, seconds=True).svg, text)


def median_request(packets: Iterable[Packet], port: int) -> list[Packet]:
    found = sorted(requests(packets, port), key=length)
    return found[len(found) // 2]


def length(request: list[Packet]) -> int:
    return request[-1].nanoseconds - request[0].nanoseconds


def requests(packets: Iterable[Packet], port: int) -> Iterator[list[Packet]]:
    """The packets of each request, from its first piece to the answer.

    Of those without data only an acknowledgement between two pieces is kept: it is what the
    client has waited for. Where the others stand differs from run to run.
    """
    pieces: list[Packet] = []
    for packet in packets:
        to_server = packet.destination[1] == port
        if packet.payload and to_server:
            pieces.append(packet)
        elif packet.payload and pieces:
            yield [*until_data(pieces), packet]
            pieces = []
        elif pieces and not to_server and not ENDS & set(packet.flags.split()):
            pieces.append(packet)


def until_data(pieces: list[Packet]) -> list[Packet]:
    while not pieces[-1].payload:
        pieces = pieces[:-1]
    return pieces


def until_reset(packets: Iterable[Packet]) -> list[Packet]:
    """The packets up to the first one that resets the connection."""
    kept = []
    for packet in packets:
        kept.append(packet)
        if "RST" in packet.flags:
            break
    return kept


class Sample(NamedTuple):
    """What TCP_INFO said at a moment: seconds, packets, seconds."""

    seconds: float
    window: int
    round_trip: float


def lost_and_sent_again(packets: Iterable[Packet]) -> tuple[float, ...]:
    """When the first lost packet was sent, in seconds since the first data, and when again."""
    data = [packet for packet in packets if packet.payload]
    for index, lost in enumerate(data):
        if lost.arrivals == ():
            number = lost.scapy.payload.seq
            later = (packet for packet in data[index + 1 :] if packet.scapy.payload.seq == number)
            sent = [lost, *islice(later, 1)]
            return tuple((packet.nanoseconds - data[0].nanoseconds) / 1e9 for packet in sent)
    return ()


def draw_info(samples: list[Sample], packets: Iterable[Packet]) -> Picture:
    """Draw the congestion window and the round-trip time over a transfer that loses a packet."""
    from sockutils.figures.picture import WIDTH

    figure, above = canvas(height=WIDTH * 0.62)
    above.remove()
    above, below = figure.subplots(2, sharex=True, height_ratios=[3, 2])
    seconds = [sample.seconds for sample in samples]
    windows = [sample.window for sample in samples]
    trips = [sample.round_trip * 1000 for sample in samples]
    moments = lost_and_sent_again(packets)
    tenths = [tenth / 10 for tenth in range(int(seconds[-1] * 10) + 1)]
    peak = windows.index(max(windows))
    rows = ((above, windows, CLIENT, "packets"), (below, trips, SERVER, "ms"))
    for axes, values, colour, unit in rows:
        axes.step(seconds, values, where="post", color=colour, linewidth=3)
        axes.set_ylabel(unit, fontsize=SIZE)
        axes.set_ylim(0, max(values) * 1.3)
        axes.tick_params(labelsize=SIZE)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_xticks(tenths, minor=True)
        axes.tick_params(which="minor", length=0)
        axes.grid(axis="x", which="both", color=FAINT)
        axes.vlines(moments, 0, max(values) * 1.3, color="black", linestyle=":", linewidth=3)
    words_and_sides = (("a packet is lost ", "right"), (" sent again", "left"))
    for moment, (words, side) in zip(moments, words_and_sides, strict=False):
        above.text(moment, max(windows) * 1.2, words, fontsize=SIZE, ha=side, va="center")
    titles = ("congestion window", "round-trip time")
    for axes, title, colour in zip((above, below), titles, (CLIENT, SERVER), strict=True):
        axes.set_title(title, fontsize=SIZE, color=colour, weight="bold", loc="left")
    below.set_xlabel("seconds", fontsize=SIZE)
    lowest = min(windows[peak:])
    grown = "more than 4 times that" if max(windows) > 4 * windows[0] else f"{max(windows)}"
    cut = "at least by a quarter" if lowest <= 0.75 * max(windows) else "not much"
    trip = "never less than 100 ms" if min(trips) >= 100 else f"at least {min(trips):.0f} ms"
    lines = [
        f"congestion window: {windows[0]} packets at first, then {grown}; after the loss cut {cut}",
        f"round-trip time: {trip}",
    ]
    if len(moments) == 2:
        late = moments[1] - moments[0] >= 0.1
        pause = "100 ms later or more" if late else "less than 100 ms later"
        lines.append(f"a packet is lost, and sent again {pause}")
    return Picture(figure, "\n".join(lines))
