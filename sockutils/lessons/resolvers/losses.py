"""A name server behind a device that loses one of two questions which leave one port at once."""

import time

from sockutils.names.answers import Answer, Message, from_zone

UNDER_WAY = 0.1  # seconds for which a question stands in the way of the next


def loses_twins(zone: str) -> Answer:
    """Answer as the zone says, but a question that comes close behind another one gets lost.

    Some firewalls and address translators do so: both are new to them, and look the same but for
    what they ask.
    """
    answer, latest = from_zone(zone), [0.0]

    def one_of_two(query: Message) -> Message | None:
        before, latest[0] = latest[0], time.monotonic()
        return answer(query) if latest[0] - before > UNDER_WAY else None

    return one_of_two
