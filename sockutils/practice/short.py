"""What a learner's function has returned, short enough for one line."""

MOST = 60  # characters


def short(value: object) -> str:
    """The value as Python writes it; of much, the beginning, and how much it is."""
    if isinstance(value, (bytes, bytearray)) and len(value) > MOST // 2:
        return f"{len(value):,} bytes that begin with {bytes(value[:20])!r}"
    text = repr(value)
    return text if len(text) <= MOST else f"{text[:MOST]}…"
