"""The picture of 06 that fills and drains: its text says what was seen, a step its numbers."""

from xml.etree import ElementTree

import pytest

from sockutils.lessons.send import draw_buffers
from sockutils.lessons.send.buffers import RECEIVER, RIM, SENDER, TANK
from sockutils.lessons.send.pictures import Step

FILLS = [
    Step(10_000, 10_000, 0, 0, 10_000, 20_000),
    Step(10_000, 10_000, 0, 0, 20_000, 10_000),
    Step(10_000, 10_000, 0, 10_000, 30_000, 0),
    Step(10_000, 0, 0, 10_000, 30_000, 0),
]
DRAINS = [Step(0, 0, 30_000, 0, 10_000, 20_000), Step(0, 0, 10_000, 0, 0, 30_000)]
EAGER = [Step(10_000, 10_000, 0, 10_000, 0, 20_000), *FILLS]
STUCK = [Step(0, 0, 30_000, 10_000, 0, 0)]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([*FILLS, *DRAINS], "yes yes yes yes"),
        ([*FILLS[:3], *DRAINS], "yes yes no yes"),
        ([*FILLS, *STUCK], "yes yes yes no"),
        ([*EAGER, *DRAINS], "no no yes yes"),
    ],
)
def test_the_text_says_what_was_seen(steps: list[Step], said: str) -> None:
    lines = draw_buffers(steps).text.splitlines()
    assert " ".join(line.rpartition(": ")[2] for line in lines) == said


def test_each_step_is_an_item_with_its_numbers_and_its_time() -> None:
    root = ElementTree.fromstring(draw_buffers([*FILLS, *DRAINS]).svg)
    titles = [node.text or "" for node in root.iter() if node.tag.endswith("title")]
    assert len(titles) == 6
    assert titles[3].startswith("Step 4: send() takes 0 of 10,000 bytes. Send buffer 10,000, rec")
    assert titles[4].startswith("Step 5: recv() returns 30,000 bytes.")
    times = [node.get("data-t") for node in root.iter() if node.get("data-t")]
    assert len(times) == 2 * 6


def test_what_lies_in_a_tank_does_not_leave_it() -> None:
    root = ElementTree.fromstring(draw_buffers([*FILLS, *DRAINS]).svg)
    boxes = [node for node in root.iter() if node.tag.endswith("rect") and node.get("x")]
    for box in boxes:
        left = float(box.get("x", 0))
        right = left + float(box.get("width", 0))
        inside = [tank - RIM <= left <= right <= tank + TANK + RIM for tank in (SENDER, RECEIVER)]
        assert any(inside) or box.get("rx"), (left, right)  # a badge is round
