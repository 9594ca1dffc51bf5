"""Draw the picture that opens 00_start_here.ipynb: a talk that was recorded, packet by packet.

It stands in the text, since a learner's copy has no outputs. Each packet comes once, within five
seconds, and where the reader wants no motion all are there at once.

python tests/cover.py
"""

import base64
import re
import socket
from html import escape
from typing import Any

import nbformat
import reference

from sockutils import background, capture, sequence

PAGE = reference.NOTEBOOKS / "00_start_here.ipynb"
MOTION = """@media (prefers-reduced-motion:no-preference){
.i,.i .a{animation:come .5s both;animation-delay:var(--t)}
.i .a{animation-name:fly;stroke-dasharray:1}
@keyframes come{from{opacity:0}}
@keyframes fly{from{stroke-dashoffset:1}}}"""


def shout(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.sendall(connection.recv(100).upper())
        connection.recv(100)


def talk() -> tuple[str, str]:
    with (
        socket.create_server(("127.0.0.1", 5010)) as server,
        background(shout, server),
        socket.socket() as client,
    ):
        with capture(port=5010) as packets:
            client.connect(("127.0.0.1", 5010))
            client.sendall(b"hello")
            client.recv(100)
        picture: Any = sequence(packets)
    return str(picture.svg), str(picture)


def moving(svg: str) -> str:
    """The drawing, with a moment for each packet, and without what only a pointer would show."""
    svg = re.sub(r"<title>.*?</title>", "", svg).replace("<style>", f"<style>{MOTION}", 1)
    head, *parts = svg.split('<g class="i"')
    timed = (
        f'<g class="i" style="--t:{0.6 * place:.1f}s"{part}' for place, part in enumerate(parts)
    )
    return "".join([head, *timed])


def image() -> str:
    svg, text = talk()
    alt = "Packets of a talk: " + "; ".join(" ".join(line.split()) for line in text.splitlines())
    data = base64.b64encode(moving(svg).encode()).decode()
    return f'<img alt="{escape(alt)}" src="data:image/svg+xml;base64,{data}" width="640">'


if __name__ == "__main__":
    notebook = nbformat.read(PAGE, as_version=4)
    source = notebook.cells[0].source
    notebook.cells[0].source = re.sub(r"<img [^\n]*>", image(), source)
    nbformat.write(notebook, PAGE)
