"""The pictures of 02_bind.ipynb: the bytes of an address, and two sockets that want one port."""

import socket
import sys
from collections.abc import Sequence
from typing import Any

from sockutils.figures.picture import (
    CLIENT,
    KERNEL,
    OTHER,
    SERVER,
    SIZE,
    WIDTH,
    Picture,
    sheet,
    write,
)


def draw_address(raw: bytes, fields: Sequence[tuple[str, Any]]) -> Picture:
    """Draw the bytes of a sockaddr_in, and below them what each of cffi's `fields` says."""
    step, left = 0.56, 0.5
    figure, axes = sheet(3.6)
    lines = []
    for level, (name, field) in enumerate(fields):
        part = raw[field.offset :][: size_of(field, raw, fields)]
        meaning = read(name, part)
        lines.append(f"{name:<10}  {part.hex(' '):<23}  {meaning}")
        colour = (SERVER, CLIENT, KERNEL, OTHER)[level % 4]
        for place, byte in enumerate(part, field.offset):
            box(axes, (left + place * step, 0.5), (step, 0.55), colour)
            middle = left + (place + 0.5) * step
            write(axes, middle, 0.28, str(place), OTHER)
            write(axes, middle, 0.78, f"{byte:02x}", "white", weight="bold")
        x, y = left + field.offset * step + 0.06, 1.5 + 0.5 * (len(fields) - 1 - level)
        axes.plot([x, x], [1.05, y + 0.15], color=colour, linewidth=2.5)
        write(axes, x + 0.12, y, f"{name}: {meaning}", colour, ha="left", weight="bold")
    return Picture(figure, "\n".join(lines))


def size_of(field: Any, raw: bytes, fields: Sequence[tuple[str, Any]]) -> int:
    later = [other.offset for _, other in fields if other.offset > field.offset]
    return int(min(later, default=len(raw)) - field.offset)


def read(name: str, part: bytes) -> str:
    if name == "sin_family":
        number = int.from_bytes(part, sys.byteorder)
        return f"{socket.AddressFamily(number).name} ({number})"
    if name == "sin_port":
        return str(int.from_bytes(part, "big"))
    return socket.inet_ntoa(part) if name == "sin_addr" else "unused"


def draw_conflict(first: Sequence[str], second: Sequence[str], verdict: str) -> Picture:
    """Draw two sockets with what is known of each, and what the second one's bind() said."""
    figure, axes = sheet(3.4)
    works = verdict == "works"
    for x, role, facts, colour in (
        (0.2, "first", first, SERVER),
        (5.2, "second", second, CLIENT),
    ):
        box(axes, (x, 0.2), (4.6, 2.0), colour)
        write(axes, x + 2.3, 0.5, f"{role} socket", "white", weight="bold")
        for line, fact in enumerate(facts):
            write(axes, x + 2.3, 0.98 + 0.42 * line, fact, "white")
    said = "second bind() to the same port "
    said = f"✓ {said}works" if works else f"✗ {said}→ {verdict}"
    write(axes, WIDTH / 2, 2.8, said, KERNEL if works else SERVER, weight="bold", fontsize=SIZE + 6)
    text = [f"first: {', '.join(first)}", f"second: {', '.join(second)}", said]
    return Picture(figure, "\n".join(text))


def box(axes: Any, corner: tuple[float, float], size: tuple[float, float], colour: str) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle(corner, *size, facecolor=colour, edgecolor="white", linewidth=2))
