"""What select() and poll() say of a socket, and what the calls then do: as text, as a picture."""

import errno
import select
import socket
from collections.abc import Sequence
from itertools import groupby

from sockutils.figures.columns import aligned
from sockutils.figures.picture import KERNEL, OTHER, WIDTH, Picture, sheet, write
from sockutils.lessons.select.situations import Act, situation

FLAGS = ("IN", "PRI", "OUT", "RDHUP", "ERR", "HUP", "NVAL")
SETS = ("readable", "writable", "exceptional")


def names(events: int) -> str:
    """The flags of poll()'s answer by their names, without POLL."""
    return " ".join(name for name in FLAGS if events & getattr(select, f"POLL{name}"))


def spaced(table: Sequence[Sequence[str]]) -> str:
    """The table as text, with an empty line where a row's first word is another one."""
    groups = groupby(aligned(table).splitlines(), key=lambda line: line.split(" ")[0])
    return "\n\n".join("\n".join(lines) for _, lines in groups)


def outcomes(name: str) -> list[str]:
    """What becomes of the calls that the sets are about, each on a socket of its own."""
    if name.startswith("listener"):
        return [told(name, "accept()", lambda one: one.accept()[0].close(), "a connection"), "", ""]
    return [
        told(name, "recv(100)", lambda one: one.recv(100)),
        told(name, "send(b'x')", lambda one: one.send(b"x")),
        told(name, "recv(1, MSG_OOB)", lambda one: one.recv(1, socket.MSG_OOB))
        * ("urgent" in name),
    ]


def told(name: str, call: str, make: Act, works: str = "") -> str:
    with situation(name) as one:
        one.setblocking(False)
        try:
            result = make(one)
        except BlockingIOError:
            return f"{call} → EAGAIN: it would block"
        except OSError as error:
            return f"{call} → {errno.errorcode[error.errno or 0]}"
    return f"{call} → {works or repr(result)}"


def draw_ready(name: str, ready: Sequence[object], calls: Sequence[str]) -> Picture:
    """Draw what select() says of a socket, and what the calls then do."""
    from matplotlib.patches import Rectangle

    figure, axes = sheet(2.9)
    write(axes, WIDTH / 2, 0.4, name, weight="bold")
    text = [name]
    for line, (words, yes, call) in enumerate(zip(SETS, ready, calls, strict=True)):
        text.append(f"{words:<11}  {'yes' if yes else 'no':<3}  {call}".rstrip())
        y = 1.05 + 0.68 * line
        box = Rectangle((0.4, y - 0.24), 0.48, 0.48, linewidth=2)
        box.set(facecolor=KERNEL if yes else "white", edgecolor=KERNEL if yes else OTHER)
        axes.add_patch(box)
        write(axes, 0.64, y, "✓" if yes else "", "white", weight="bold")
        weight, colour = ("bold", "black") if yes else ("normal", OTHER)
        write(axes, 1.15, y, words, colour, ha="left", weight=weight)
        write(axes, 3.6, y, call, ha="left")
    return Picture(figure, "\n".join(text))
