import io
import itertools
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from matplotlib import rcParams
from matplotlib.text import Text
from PIL import Image
from scapy.layers.inet import ICMP, IP, TCP, UDP

from sockutils import ladder, lanes, sequence, timeline
from sockutils.packet import Packet
from sockutils.picture import CLIENT, Picture, canvas
from sockutils.roles import elided, rows
from sockutils.trace import Call, Calls
from sockutils.wire import Packets


def tcp(seconds: float, flags: str, source: int, destination: int, data: bytes = b"") -> Packet:
    ports = TCP(sport=source, dport=destination, flags=flags, seq=source)
    layers = IP(src="127.0.0.1", dst="127.0.0.1") / ports / data
    return Packet(int(seconds * 1e9), bytes(layers))


def handshake(client: int, seconds: float = 0) -> list[Packet]:
    return [
        tcp(seconds, "S", client, 5000),
        tcp(seconds, "SA", 5000, client),
        tcp(seconds, "A", client, 5000),
    ]


def closed_udp_port() -> list[Packet]:
    datagram = IP(src="127.0.0.1", dst="127.0.0.1") / UDP(sport=40001, dport=5000) / b"hi"
    error = IP(src="127.0.0.1", dst="127.0.0.1") / ICMP(type=3, code=3) / datagram
    return [Packet(0, bytes(datagram)), Packet(0, bytes(error))]


def carried(packets: list[Packet], *delays: list[float]) -> list[Packet]:
    """The packets as a Link records them that had these delays, none for a lost one."""
    for packet, seconds in zip(packets, delays, strict=True):
        packet.arrivals = tuple(packet.nanoseconds + int(second * 1e9) for second in seconds)
    return packets


def on_a_slow_link() -> list[Packet]:
    first = tcp(0, "S", 40001, 5000)
    times = zip(("S", "SA", "A"), ((40001, 5000), (5000, 40001), (40001, 5000)), strict=True)
    again = [tcp(1 + 0.2 * place, flags, *ports) for place, (flags, ports) in enumerate(times)]
    return carried([first, *again], [], [0.2], [0.2, 0.2], [0.2])


def overtaken() -> list[Packet]:
    return carried([tcp(0, "PA", 40001, 5000, b"hi") for _ in "12"], [0.2], [0.1])


def datagram(source: str, port: int, destination: str, other: int) -> Packet:
    return Packet(0, bytes(IP(src=source, dst=destination) / UDP(sport=port, dport=other) / b"x"))


def data(count: int) -> list[Packet]:
    """So many packets, each with more bytes than the one before."""
    layers = IP() / TCP(sport=40001, dport=5000, flags="PA")
    raw = [bytes(layers / bytes(n + 1)) for n in range(count)]
    return [Packet(n * 1_000_000, raw[n][:24] + n.to_bytes(4) + raw[n][28:]) for n in range(count)]


CONNECTION = [
    *handshake(40001),
    tcp(0, "PA", 40001, 5000, b"hello"),
    tcp(0, "A", 5000, 40001),
    tcp(0, "FA", 40001, 5000),
    tcp(0, "FA", 5000, 40001),
    tcp(0, "A", 40001, 5000),
]
KNOCKS = [tcp(when, "S", 40003, 5000) for when in (0.0004, 1.03, 2.06, 3.08)]
SILENT_QUEUE = [*handshake(40001), *handshake(40002, 0.0002), *KNOCKS]
SIX_CLIENTS = [packet for port in range(40001, 40007) for packet in handshake(port)]
TWO_SERVERS = [*handshake(40001), tcp(0, "S", 40002, 80), tcp(0, "S", 40003, 54321)]
ANOTHER_ADDRESS = [
    datagram("127.0.0.1", 40001, "127.0.0.2", 5000),
    datagram("127.0.0.1", 5000, "127.0.0.1", 40001),
]
LADDERS = {
    "connection": CONNECTION,
    "silent queue": SILENT_QUEUE,
    "six clients": SIX_CLIENTS,
    "two servers": TWO_SERVERS,
    "udp": closed_udp_port(),
    "slow link": on_a_slow_link(),
    "overtaken": overtaken(),
    "another address": ANOTHER_ADDRESS,
    "many": data(70),
}


def call(lane: str, name: str, start: float, end: float | None, outcome: str = "") -> Call:
    text = f"{name}(){outcome}" if end is not None else f"{name}() …"
    return Call(lane, name, (), {}, None, None, start, end, "MainThread", text)


BLOCKED = Calls(
    [
        call("listener", "socket", 7.0, 7.00001),
        call("listener", "bind", 7.00002, 7.00003),
        call("listener", "listen", 7.00004, 7.00005),
        call("listener", "accept", 7.0001, 7.3),
        call("client", "socket", 7.299, 7.29901),
        call("client", "connect", 7.2995, 7.3),
        call("client", "send", 7.3001, 7.3002),
        call("client", "send", 7.3003, 7.3004),
        call("server", "recv", 7.301, None),
        call("client", "close", 7.4, 7.4001),
    ]
)
UNBLOCKED = Calls(
    [
        call(lane, name, start * 1e-5, start * 1e-5 + 4e-6, outcome)
        for start, (lane, name, outcome) in enumerate(
            [
                ("listener", "setsockopt", ""),
                ("listener", "bind", ""),
                ("client 1", "setblocking", ""),
                ("client 1", "connect_ex", " → EINPROGRESS"),
                ("client 2", "connect_ex", " → 0"),
                ("listener", "accept", " → server"),
                ("listener", "getsockname", ""),
                ("server", "recv", ""),
                ("server", "close", ""),
            ]
        )
    ]
)
ONE = Calls([call("socket", "getsockopt", 1.0, 1.0)])
TIMELINES = {"blocked": BLOCKED, "unblocked": UNBLOCKED, "one": ONE}


def image(picture: Picture) -> Image.Image:
    return Image.open(io.BytesIO(picture.png)).convert("RGB")


def edge(picture: Picture) -> set[tuple[int, ...]]:
    pixels = image(picture)
    wide, high = pixels.size
    border = [(x, y) for x in range(wide) for y in (0, high - 1)] + [(0, y) for y in range(high)]
    return {pixels.getpixel(place) for place in border}


def written(figure: object) -> list[Text]:
    (axes,) = figure.axes
    return [text for text in axes.texts if text.get_text()]


def boxes(texts: list[Text]) -> list[tuple[str, object]]:
    return [(text.get_text(), text.get_window_extent()) for text in texts]


def overlapping(texts: list[Text]) -> list[tuple[str, str]]:
    return [
        (one, other)
        for (one, a), (other, b) in itertools.combinations(boxes(texts), 2)
        if a.overlaps(b)
    ]


def sticking_out(texts: list[Text]) -> list[str]:
    sheet = texts[0].figure.bbox
    return [
        text
        for text, box in boxes(texts)
        if box.x0 < 0 or box.y0 < 0 or box.x1 > sheet.x1 or box.y1 > sheet.y1
    ]


def drawn_ladder(packets: list[Packet], seconds: bool) -> list[Text]:
    return written(ladder._ladder(elided(rows(packets)), seconds))


def test_sequence_reads_as_the_packets() -> None:
    assert repr(sequence(CONNECTION)) == str(sequence(CONNECTION)) == repr(Packets(CONNECTION))


def test_sequence_tells_whole_seconds() -> None:
    assert repr(sequence(SILENT_QUEUE, seconds=True)).splitlines()[-5:] == [
        "0 s   client 2 → server   ACK",
        "0 s   client 3 → server   SYN",
        "1 s   client 3 → server   SYN (again)",
        "2 s   client 3 → server   SYN (again)",
        "3 s   client 3 → server   SYN (again)",
    ]


def test_sequence_uses_the_names_given() -> None:
    picture = sequence(closed_udp_port(), names={5000: "nobody", 40001: "alice"})
    assert repr(picture) == "alice → nobody   UDP  2 bytes\nalice ← nobody   ICMP port unreachable"


@pytest.mark.parametrize("seconds", [False, True])
@pytest.mark.parametrize("packets", LADDERS.values(), ids=LADDERS)
def test_ladder_shows_what_its_text_says(packets: list[Packet], seconds: bool) -> None:
    shown = [text.get_text().replace("\n", " at ") for text in drawn_ladder(packets, seconds)]
    for row in elided(rows(packets)):
        assert {row.left, row.right} - {""} <= set(shown)
        shown.remove(f"{row.label}  {row.size}".strip())


@pytest.mark.parametrize("seconds", [False, True])
@pytest.mark.parametrize("packets", LADDERS.values(), ids=LADDERS)
def test_ladder_fits_and_nothing_overlaps(packets: list[Packet], seconds: bool) -> None:
    texts = drawn_ladder(packets, seconds)
    assert overlapping(texts) == sticking_out(texts) == []
    picture = sequence(packets, seconds)
    assert edge(picture) == {(255, 255, 255)}
    assert image(picture).width == 1100
    assert len(picture.png) < max(60_000, 2_500 * len(packets))


@pytest.mark.parametrize("count", [60, 61, 3000])
def test_of_many_packets_the_middle_is_left_out(count: int) -> None:
    picture = sequence(data(count))
    lines = repr(picture).splitlines()
    sizes = [int(line.split()[-2]) for line in lines if line.endswith(("byte", "bytes"))]
    assert sizes == [*range(1, 31), *range(count - 29, count + 1)]
    assert lines[30:-30] == ([f"… {count - 60:,} packets left out …"] if count > 60 else [])
    assert image(picture).height < 61 * 0.38 * 110 + 200


def test_the_middle_is_left_out_of_a_time_axis_too() -> None:
    line = repr(sequence(data(1060), seconds=True)).splitlines()[30:32]
    assert line == ["… 1,000 packets left out …", "1 s   client → server   PSH ACK  1031 bytes"]


def heights(packets: list[Packet]) -> list[float]:
    return [
        text.get_position()[1]
        for text in drawn_ladder(packets, seconds=True)
        if text.get_text().startswith(("SYN", "ACK"))
    ]


def arrows(packets: list[Packet]) -> list[tuple[float, float]]:
    """Where each arrow of the ladder begins and ends, in inches from the top."""
    figure = ladder._ladder(rows(packets), seconds=True)
    return [(text.xyann[1], text.xy[1]) for text in figure.axes[0].texts if hasattr(text, "xyann")]


def test_a_slow_packet_goes_down_for_as_long_as_it_took() -> None:
    lost, first, second, copy, third = arrows(on_a_slow_link())
    assert lost[0] == lost[1]
    down = [end - start for start, end in (first, second, copy, third)]
    assert down == [pytest.approx(down[0])] * 4
    assert first[0] - lost[0] == pytest.approx(5 * down[0])


def test_an_overtaken_packet_crosses_the_other() -> None:
    (start, end), (later_start, earlier_end) = arrows(overtaken())
    assert start < later_start < earlier_end < end


def crosses(packets: list[Packet]) -> int:
    figure = ladder._ladder(rows(packets), seconds=False)
    return sum(line.get_marker() == "X" for line in figure.axes[0].lines)


def test_a_lost_packet_ends_in_a_cross() -> None:
    assert crosses(on_a_slow_link()) == 1
    assert crosses(CONNECTION) == 0


def test_seconds_are_to_scale() -> None:
    first, second, third, fourth = heights(KNOCKS)
    scale = (fourth - first) / 3.0796
    assert second - first == pytest.approx(1.0296 * scale)
    assert third - first == pytest.approx(2.0596 * scale)
    assert scale > 0.9  # inches: a second is seen


def test_a_pause_keeps_its_scale_after_packets_that_coincide() -> None:
    *_, second, third, fourth = heights(SILENT_QUEUE)
    assert (third - second) / 1.03 == pytest.approx((fourth - third) / 1.02)


def test_timeline_reads_as_the_calls() -> None:
    assert repr(timeline(BLOCKED)) == repr(BLOCKED)


def test_nothing_to_draw_is_said() -> None:
    assert repr(sequence([])) == "no packets"
    assert repr(timeline(Calls())) == "no calls"


@pytest.mark.parametrize("calls", TIMELINES.values(), ids=TIMELINES)
def test_timeline_fits_and_nothing_overlaps(calls: Calls) -> None:
    texts = written(lanes._lanes(calls))
    assert overlapping(texts) == sticking_out(texts) == []
    picture = timeline(calls)
    assert edge(picture) == {(255, 255, 255)}
    assert len(picture.png) < 60_000


@pytest.mark.parametrize("calls", [BLOCKED, UNBLOCKED, ONE])
def test_timeline_shows_every_call_and_lane(calls: Calls) -> None:
    shown = " ".join(text.get_text() for text in written(lanes._lanes(calls)))
    for each in calls:
        assert each.lane in shown
        assert each.name in shown


def test_timeline_groups_what_returned_at_once() -> None:
    shown = [text.get_text() for text in written(lanes._lanes(BLOCKED))]
    assert "socket, bind, listen" in shown
    assert "accept" in shown
    assert "recv …" in shown
    assert "socket, connect, send \N{MULTIPLICATION SIGN}2, close" in shown


def test_timeline_shows_failures() -> None:
    shown = [text.get_text() for text in written(lanes._lanes(UNBLOCKED))]
    assert "setblocking, connect_ex → EINPROGRESS" in shown
    assert "connect_ex" in shown


class Images(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "img"
        self.found.append(dict(attrs))


def test_picture_comes_as_html_png_and_text_with_alternative_text() -> None:
    figure, _ = canvas(1)
    data, metadata = Picture(figure, '<one>   "two"\nthree')._repr_mimebundle_()
    assert data["text/plain"] == '<one>   "two"\nthree'
    assert metadata["image/png"]["alt"] == '<one> "two"; three'
    parser = Images()
    parser.feed(data["text/html"])
    (found,) = parser.found
    assert found["alt"] == '<one> "two"; three'
    assert found["src"] == f"data:image/png;base64,{data['image/png']}"
    assert found["style"] == "max-width:100%"


def test_canvas_is_readable_from_the_back_row() -> None:
    figure, axes = canvas(3)
    axes.set(xlabel="backlog", ylabel="callers")
    axes.barh([1, 2], [3, 4], color=CLIENT)
    assert list(figure.get_size_inches()) == [10, 3]
    texts = [axes.xaxis.label, axes.yaxis.label]
    texts += axes.get_xticklabels() + axes.get_yticklabels()
    assert min(text.get_fontsize() for text in texts) >= 14
    assert edge(Picture(figure, "")) == {(255, 255, 255)}


def test_matplotlib_is_imported_late_and_pyplot_never() -> None:
    code = """
import sys
from sockutils import sequence
print("matplotlib" in sys.modules, "scapy" in sys.modules)
sequence([])
print("matplotlib" in sys.modules, "matplotlib.pyplot" in sys.modules)
"""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "False False\nTrue False\n"


def test_settings_of_matplotlib_stay_as_they_are() -> None:
    before = dict(rcParams)
    sequence(CONNECTION)
    timeline(BLOCKED)
    canvas()
    assert dict(rcParams) == before
