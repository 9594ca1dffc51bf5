import itertools

import pytest
from test_picture import call, items, overlapping, sticking_out, times, words, written

from sockutils import timeline
from sockutils.calls.call import Calls
from sockutils.figures.elide import elide, left_out


@pytest.mark.parametrize("count", [0, 1, 60])
def test_what_can_be_read_is_left_whole(count: int) -> None:
    assert elide(range(count)) == (range(count), 0, range(0))


@pytest.mark.parametrize("count", [61, 62, 1000])
def test_of_more_the_two_ends_stay(count: int) -> None:
    first, number, last = elide(list(range(count)))
    assert [*first, *last] == [*range(20), *range(count - 20, count)]
    assert number == count - 40


def test_the_gap_says_how_much() -> None:
    assert left_out(1, "call") == "… 1 call left out"
    assert left_out(39_940, "packet") == "… 39,940 packets left out"


def ticking(count: int, step: float = 0.001) -> Calls:
    names = itertools.cycle(["send", "recv"])
    times = [step * number for number in range(count)]
    return Calls(call(f"pair {i % 2 + 1}", next(names), t, t) for i, t in enumerate(times))


def clients(count: int) -> Calls:
    """A server that waits in accept() all the time, and clients that come and go."""
    steps = [("connect", 0.0, 0.001), ("sendall", 0.002, 0.003), ("close", 0.004, 0.0041)]
    calls = [call("listener", "accept", 0.0, float(count))]
    for number in range(count):
        for name, begin, end in steps:
            calls.append(call(f"client {number}", name, number + begin, number + end))
    return Calls(calls)


MANY = {"ticking": ticking(1000), "slow": ticking(61, 2.0), "clients": clients(100)}


def test_the_text_of_many_calls_is_that_of_both_ends() -> None:
    calls = ticking(100)
    text = f"{Calls(calls[:20])!r}\n… 60 calls left out\n{Calls(calls[-20:])!r}"
    assert repr(timeline(calls)) == text
    assert repr(timeline(ticking(60))) == repr(ticking(60))


@pytest.mark.parametrize("calls", MANY.values(), ids=MANY)
def test_a_picture_of_many_calls_fits_and_nothing_overlaps(calls: Calls) -> None:
    picture = timeline(calls)
    assert overlapping(written(picture)) == sticking_out(picture) == []
    assert left_out(len(calls) - 40, "call") in words(picture)


@pytest.mark.parametrize("make", [ticking, clients])
def test_a_picture_has_so_many_parts_however_many_calls_there_are(make: type[Calls]) -> None:
    few, many = (timeline(make(count)) for count in (200, 5000))
    assert len(items(few)) == len(items(many)) == 40
    # as many as fit beside others
    assert len(written(few)) == pytest.approx(len(written(many)), abs=6)


def test_times_go_on_in_the_second_part() -> None:
    assert times(timeline(ticking(1000)))[20] == pytest.approx([0.980, 0.980])


def test_each_part_begins_with_its_own_time() -> None:
    shown = words(timeline(ticking(1000)))
    assert [text for text in shown if text in ("0 ms", "980.00 ms", "+5 ms")] == [
        "0 ms",
        "980.00 ms",
        "+5 ms",
    ]


def marks(calls: Calls, name: str) -> list[str]:
    return [text for text in words(timeline(calls)) if name in text]


def test_a_call_that_goes_on_in_the_gap_has_no_end_there() -> None:
    assert marks(clients(100), "accept") == ["accept …"]
    assert marks(clients(10), "accept") == ["accept"]
