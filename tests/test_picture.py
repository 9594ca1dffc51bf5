import base64
import itertools
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import NamedTuple
from xml.etree import ElementTree

import pytest
from matplotlib import rcParams
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6

from sockutils import sequence, timeline
from sockutils.calls.call import Call, Calls
from sockutils.figures import colours, page, svg
from sockutils.figures.picture import CLIENT, Picture, canvas, label, sheet, write
from sockutils.packets.capture import Packets
from sockutils.packets.packet import Packet
from sockutils.packets.roles import elided, rows

SVG = "{http://www.w3.org/2000/svg}"


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
TEN_CLIENTS = [packet for port in range(40001, 40011) for packet in handshake(port)]
KNOCKS = [tcp(when, "S", 40003, 5000) for when in (0.0004, 1.03, 2.06, 3.08)]
SILENT_QUEUE = [*handshake(40001), *handshake(40002, 0.0002), *KNOCKS]
SIX_CLIENTS = [packet for port in range(40001, 40007) for packet in handshake(port)]
TWO_SERVERS = [*handshake(40001), tcp(0, "S", 40002, 80), tcp(0, "S", 40003, 54321)]
ANOTHER_ADDRESS = [
    datagram("127.0.0.1", 40001, "127.0.0.2", 5000),
    datagram("127.0.0.1", 5000, "127.0.0.1", 40001),
]
ADDRESSES = ["2001:db8:85a3::8a2e:370:7334", "2001:db8:85a3:8d3:1319:8a2e:370:7348", "2001:db8::1"]
IPV6 = [
    Packet(0, bytes(IPv6(src=there, dst=here) / TCP(sport=port, dport=5000, flags="S")))
    for port, (there, here) in enumerate(itertools.permutations(ADDRESSES, 2), 40001)
]
LADDERS = {
    "ten clients": TEN_CLIENTS,
    "long addresses": IPV6,
    "sixty clients": [tcp(0, "S", port, 5000) for port in range(40001, 40061)],
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


class Text(NamedTuple):
    """A line of text in a drawing, and where its letters end at most, in pixels."""

    words: str
    left: float
    top: float
    right: float
    bottom: float


def parsed(picture: Picture) -> ElementTree.Element:
    return ElementTree.fromstring(picture.svg)


def written(picture: Picture) -> list[Text]:
    return [text_of(part) for part in parsed(picture).iter(f"{SVG}text")]


def words(picture: Picture) -> list[str]:
    return [text.words for text in written(picture)]


def text_of(part: ElementTree.Element) -> Text:
    kind = part.get("class", "").split()
    x, y = float(part.attrib["x"]), float(part.attrib["y"])
    said = part.text or ""
    wide = svg.width(said, "b" in kind)
    left = x - wide / 2 if "m" in kind else x - wide if "e" in kind else x
    return Text(said, left, y - 0.75 * svg.SIZE, left + wide, y + 0.2 * svg.SIZE)


def overlapping(texts: list[Text]) -> list[tuple[str, str]]:
    return [
        (one.words, other.words)
        for one, other in itertools.combinations(texts, 2)
        if one.left < other.right and other.left < one.right
        if one.top < other.bottom and other.top < one.bottom
    ]


def sticking_out(picture: Picture) -> list[str]:
    _, _, wide, high = map(float, parsed(picture).attrib["viewBox"].split())
    return [
        text.words
        for text in written(picture)
        if text.left < 0 or text.top < 0 or text.right > wide or text.bottom > high
    ]


def items(picture: Picture) -> list[ElementTree.Element]:
    return [part for part in parsed(picture).iter(f"{SVG}g") if part.get("class") == "i"]


def titles(picture: Picture) -> list[str]:
    return [part.findtext(f"{SVG}title") or "" for part in items(picture)]


def times(picture: Picture) -> list[list[float]]:
    return [[*map(float, part.attrib["data-t"].split())] for part in items(picture)]


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


every_ladder = pytest.mark.parametrize("packets", LADDERS.values(), ids=LADDERS)
both_ways = pytest.mark.parametrize("seconds", [False, True])


@both_ways
@every_ladder
def test_ladder_shows_what_its_text_says(packets: list[Packet], seconds: bool) -> None:
    shown = words(sequence(packets, seconds))
    for row in elided(rows(packets)):
        for role in {row.left, row.right} - {""}:
            assert {*role.split(" at ")} <= {*shown}
        shown.remove(f"{row.label}  {row.size}".strip())


@both_ways
@every_ladder
def test_ladder_fits_and_nothing_overlaps(packets: list[Packet], seconds: bool) -> None:
    picture = sequence(packets, seconds)
    assert overlapping(written(picture)) == sticking_out(picture) == []
    assert len(picture.svg) < 4_000 + 800 * len(packets)


def test_few_lifelines_fill_the_sheet_and_very_many_make_it_wider() -> None:
    few, many = (parsed(sequence(LADDERS[f"{name} clients"])) for name in ("ten", "sixty"))
    assert few.get("width") == "1100"
    assert float(many.attrib["width"]) > 1100


@pytest.mark.parametrize("count", [60, 61, 3000])
def test_of_many_packets_the_middle_is_left_out(count: int) -> None:
    picture = sequence(data(count))
    lines = repr(picture).splitlines()
    sizes = [int(line.split()[-2]) for line in lines if line.endswith(("byte", "bytes"))]
    assert sizes == [*range(1, 31), *range(count - 29, count + 1)]
    assert lines[30:-30] == ([f"… {count - 60:,} packets left out …"] if count > 60 else [])
    assert float(parsed(picture).attrib["height"]) < 61 * 42 + 200


def test_the_middle_is_left_out_of_a_time_axis_too() -> None:
    line = repr(sequence(data(1060), seconds=True)).splitlines()[30:32]
    assert line == ["… 1,000 packets left out …", "1 s   client → server   PSH ACK  1031 bytes"]


class Arrow(NamedTuple):
    """Where an arrow begins and ends, in pixels from the top."""

    start: float
    end: float


def arrows(packets: list[Packet]) -> list[Arrow]:
    found = []
    for part in items(sequence(packets, seconds=True)):
        heads = [*part.iter(f"{SVG}path")]
        for line, head in zip(heads[::2], heads[1::2], strict=False):
            begins = re.findall(r"[\d.]+", line.attrib["d"])
            ends = re.findall(r"[\d.]+", head.attrib["d"])
            found.append(Arrow(float(begins[1]), float(ends[1])))
    return found


def heights(packets: list[Packet]) -> list[float]:
    return [arrow.start for arrow in arrows(packets)]


def test_a_slow_packet_goes_down_for_as_long_as_it_took() -> None:
    lost, first, second, copy, third = arrows(on_a_slow_link())
    down = [arrow.end - arrow.start for arrow in (first, second, copy, third)]
    assert down == [pytest.approx(down[0], abs=0.2)] * 4
    assert first.start - lost.start == pytest.approx(5 * down[0], abs=1)


def test_an_overtaken_packet_crosses_the_other() -> None:
    first, later = arrows(overtaken())
    assert first.start < later.start < later.end < first.end


def test_a_lost_packet_ends_in_a_cross() -> None:
    lost, *others = items(sequence(on_a_slow_link()))
    crosses = [len(part.findall(f"{SVG}path[@stroke-width='6']")) for part in (lost, *others)]
    assert crosses == [2, 0, 0, 0]
    heads = [len(part.findall(f"{SVG}path[@class='z']")) for part in (lost, *others)]
    assert heads == [0, 1, 2, 1]


def test_seconds_are_to_scale() -> None:
    first, second, third, fourth = heights(KNOCKS)
    scale = (fourth - first) / 3.0796
    assert second - first == pytest.approx(1.0296 * scale, abs=0.2)
    assert third - first == pytest.approx(2.0596 * scale, abs=0.2)
    assert scale > 99  # pixels: a second is seen


def test_a_pause_keeps_its_scale_after_packets_that_coincide() -> None:
    *_, second, third, fourth = heights(SILENT_QUEUE)
    assert (third - second) / 1.03 == pytest.approx((fourth - third) / 1.02, rel=0.01)


def test_a_packet_tells_its_headers() -> None:
    seen = [*handshake(40001), tcp(0.00025, "PA", 40001, 5000, b"<hello>")]
    told = titles(sequence(seen))
    assert told[0] == (
        "client → server: SYN · 0.00 ms · 127.0.0.1:40001 → 127.0.0.1:5000"
        " · seq 0 · window 8192 · TTL 64"
    )
    assert told[3].startswith("client → server: PSH ACK, 7 bytes · 0.25 ms")
    assert told[3].endswith("TTL 64 · 7 bytes: b'<hello>'")


@every_ladder
def test_every_packet_has_an_item_that_tells_it(packets: list[Packet]) -> None:
    shown = [row for row in elided(rows(packets)) if row.left]
    for row, told, when in zip(
        shown, titles(sequence(packets)), times(sequence(packets)), strict=True
    ):
        assert f": {row.label}" in told
        assert when == pytest.approx([row.seconds, row.seconds + min(row.flights, default=0)])


def test_timeline_reads_as_the_calls() -> None:
    assert repr(timeline(BLOCKED)) == repr(BLOCKED)


def test_nothing_to_draw_is_said() -> None:
    assert repr(sequence([])) == "no packets"
    assert repr(timeline(Calls())) == "no calls"


@pytest.mark.parametrize("calls", TIMELINES.values(), ids=TIMELINES)
def test_timeline_fits_and_nothing_overlaps(calls: Calls) -> None:
    picture = timeline(calls)
    assert overlapping(written(picture)) == sticking_out(picture) == []


@pytest.mark.parametrize("calls", TIMELINES.values(), ids=TIMELINES)
def test_timeline_shows_every_call_and_lane(calls: Calls) -> None:
    picture = timeline(calls)
    shown = " ".join(words(picture))
    for each in calls:
        assert each.lane in shown
        assert each.name in shown
    assert len(items(picture)) == len(calls)


def test_timeline_groups_what_returned_at_once() -> None:
    shown = words(timeline(BLOCKED))
    assert "socket, bind, listen" in shown
    assert "accept" in shown
    assert "recv …" in shown
    assert "socket, connect, send \N{MULTIPLICATION SIGN}2, close" in shown


def test_timeline_shows_failures() -> None:
    shown = words(timeline(UNBLOCKED))
    assert "setblocking, connect_ex → EINPROGRESS" in shown
    assert "connect_ex" in shown


def test_a_call_tells_what_came_of_it() -> None:
    told = titles(timeline(BLOCKED))
    assert "listener: accept() · at 0.10 ms, took 299.90 ms" in told
    assert "server: recv() … · at 301.00 ms, has not returned" in told
    refused = call("client", "connect", 0, 0.001, " → ECONNREFUSED")
    (one,) = titles(timeline(Calls([refused._replace(error="ECONNREFUSED")])))
    assert one == (
        "client: connect() → ECONNREFUSED · errno 111, Connection refused"
        " · at 0.00 ms, took 1.00 ms"
    )


def test_a_call_lasts_as_long_in_the_picture_as_it_took() -> None:
    lasted = {
        told.split("(")[0]: when
        for told, when in zip(titles(timeline(BLOCKED)), times(timeline(BLOCKED)), strict=True)
    }
    assert lasted["listener: accept"] == pytest.approx([0.0001, 0.3])
    assert lasted["server: recv"] == pytest.approx([0.301, 0.4001])


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_picture_comes_as_an_image_with_alternative_text() -> None:
    figure, _ = canvas(1)
    picture = Picture(figure, '<one>   "two"\nthree')
    data = picture._repr_mimebundle_()
    assert data.keys() == {"text/html", "text/plain"}
    assert data["text/plain"] == repr(picture) == '<one>   "two"\nthree'
    parser = Tags()
    parser.feed(data["text/html"])
    (_, _), (tag, image), (script, _) = parser.found
    assert (tag, script) == ("img", "script")
    assert image["alt"] == '<one> "two"; three'
    kind, _, encoded = str(image["src"]).partition(",")
    assert kind == "data:image/svg+xml;base64"
    assert base64.b64decode(encoded).decode("ascii") == picture.svg
    assert image["style"] == "max-width:100%"


def pictures() -> Iterator[Picture]:
    for packets in LADDERS.values():
        yield sequence(packets)
        yield sequence(packets, seconds=True)
    yield from map(timeline, TIMELINES.values())
    yield plot()


def plot() -> Picture:
    figure, axes = canvas(3)
    axes.bar([1, 2], [3, 4], color=CLIENT)
    axes.plot([1, 2], [4, 3], "o", color="black")
    axes.set(xlabel="calls & answers", ylabel="<callers>")
    write(axes, 1, 1, "white", "white")
    return Picture(figure, "two bars")


def test_the_same_is_drawn_the_same() -> None:
    assert [one.svg for one in pictures()] == [other.svg for other in pictures()]


def test_pictures_are_whole_in_themselves() -> None:
    for picture in pictures():
        root = parsed(picture)
        names = [part.get("id") for part in root.iter() if part.get("id")]
        assert names == [f"sk{number}" for number in range(len(names))]
        assert {*re.findall(r"#(\w*[g-z]\w*)", picture.svg)} <= {*names}
        assert "</script" not in picture.svg
        used = {*re.findall(r"var\(--(\w+)\)", picture.svg)}
        assert used <= {*colours.LIGHT, "card"}


@pytest.mark.parametrize("text", ["<&>", '"', "</title><script>", "\x00\ud800", "日本", "a\nb"])
def test_names_are_escaped(text: str) -> None:
    picture = sequence(closed_udp_port(), names={5000: text, 40001: "alice"})
    shown = " ".join(words(picture))
    kept = text.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    assert all(part in shown for part in kept.split())


def test_a_plot_keeps_its_text_and_takes_the_colours_of_the_page() -> None:
    picture = plot()
    assert {"calls & answers", "<callers>", "white"} <= {*words(picture)}
    assert "fill:var(--client)" in picture.svg
    assert "fill:var(--on)" in picture.svg
    assert not re.search(r"#[0-9a-f]{6}", picture.svg.partition("</style>")[2])


def test_a_label_on_a_sheet_hides_what_is_behind_it() -> None:
    figure, axes = sheet(1)
    label(axes, 5, 0.5, "words")
    assert "fill:var(--ground)" in Picture(figure, "words").svg


def test_canvas_is_readable_from_the_back_row() -> None:
    figure, axes = canvas(3)
    axes.set(xlabel="backlog", ylabel="callers")
    axes.barh([1, 2], [3, 4], color=CLIENT)
    assert list(figure.get_size_inches()) == [10, 3]
    texts = [axes.xaxis.label, axes.yaxis.label]
    texts += axes.get_xticklabels() + axes.get_yticklabels()
    assert min(text.get_fontsize() for text in texts) >= 14


@pytest.mark.parametrize("weight", ["normal", "bold"])
def test_no_text_is_wider_than_it_is_taken_for(weight: str) -> None:
    font = FontProperties(family="DejaVu Sans", weight=weight)  # the widest that systems have
    texts = [row.label for packets in LADDERS.values() for row in rows(packets)]
    texts += ["connect_ex → EINPROGRESS", "2001:db8:85a3:8d3:1319:8a2e:370:7348", "MMWW", "llii"]
    texts += [20 * chr(code) for code in range(33, 127) if chr(code) != "$"]  # that is formulas
    for text in texts:
        real = TextPath((0, 0), text, size=svg.SIZE, prop=font).get_extents().width
        assert real <= svg.width(text, weight == "bold"), text


@pytest.mark.parametrize("span", [0, 3e-5, 0.0004, 0.3, 0.999, 1, 3.08, 10, 61])
def test_ticks_are_few_and_round(span: float) -> None:
    marks = svg.ticks(span)
    assert 1 + (span > 0) <= len(marks) <= 6
    assert marks[0][0] == 0
    assert marks[-1][0] <= span * 1.0001
    for time, words in marks:
        number, unit = words.split()
        assert float(number) * {"ms": 1e-3, "s": 1}[unit] == pytest.approx(time)


def luminance(colour: str) -> float:
    """Of a colour, by WCAG 2.2."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", [colours.LIGHT, colours.DARK], ids=["light", "dark"])
def test_contrasts_are_those_of_wcag_aa(palette: dict[str, str]) -> None:
    for name in ("client", "server", "kernel", "other", "ink"):
        assert contrast(palette[name], palette["ground"]) >= 4.5
        assert contrast(palette[name], palette["on"]) >= 4.5 or name == "ink"
    assert contrast(palette["faint"], palette["ground"]) >= 3
    assert contrast(palette["faint"], palette["ink"]) >= 4.5


def test_the_script_leaves_no_names_and_is_short() -> None:
    still, plays = page.script("page"), page.script("page", "play")
    assert len(still) < 1_500
    assert len(plays) < 6_000
    for code in (still, plays):
        assert code.startswith("(() => {")
        assert "</script" not in code
        assert not re.search(r"^//", code, re.MULTILINE)


def test_matplotlib_is_not_imported_for_lines_and_boxes_and_pyplot_never() -> None:
    code = """
import sys
from sockutils import Picture, matrix, sequence, timeline
from sockutils.figures.picture import canvas
sequence([]), matrix({("a", "b"): "works"})._repr_mimebundle_()
print("matplotlib" in sys.modules, "scapy" in sys.modules)
Picture(canvas()[0], "")
print("matplotlib" in sys.modules, "matplotlib.pyplot" in sys.modules)
"""
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "False False\nTrue False\n"


def test_settings_of_matplotlib_stay_as_they_are() -> None:
    before = dict(rcParams)
    Picture(canvas()[0], "")
    assert dict(rcParams) == before
