"""Requests per second of the last lesson's five servers, beside Python's own servers.

Their code is the notebook's. Each server runs in a process of its own, the clients in this one:
eight of them, each asks again as soon as it has the answer.
"""

import json
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from sockutils.lessons import server as lesson

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "14_server.ipynb"
ROUNDS = 5
REQUESTS = 500  # of each client in a round
DESIGNS = ("iterative", "threads", "with_poll", "with_epoll", "with_asyncio")

# The same answer, as Python's own servers give it: with keep-alive, and sent in one piece.
REFERENCES = """
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Hello(BaseHTTPRequestHandler):
    protocol_version, wbufsize = "HTTP/1.1", -1

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(b"hello\\n")

    def log_message(self, *_):
        pass

def http_server(listener, _):
    server = ThreadingHTTPServer(listener.getsockname(), Hello, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.serve_forever()

async def answer(reader, writer):
    with closing(writer):
        while await reader.readline():
            while (await reader.readline()).strip():
                pass
            writer.write(response(200, b"hello\\n"))
            await writer.drain()

async def serve_streams(listener):
    async with await asyncio.start_server(answer, sock=listener) as server:
        await server.serve_forever()

def streams(listener, _):
    asyncio.run(serve_streams(listener))
"""


def source() -> str:
    """What the notebook's cells define, and the two references."""
    notebook = json.loads(NOTEBOOK.read_text())
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return lesson.definitions(cells) + REFERENCES


def rows() -> list[tuple[str, float, str]]:
    """Run all in turn, round by round; the ratios of the medians."""
    code = source()
    names = (*DESIGNS, "http_server", "streams")
    rates: dict[str, list[float]] = {name: [] for name in names}
    with ExitStack() as stack:
        servers = {}
        for name in names:
            servers[name] = stack.enter_context(lesson.process(code, name, "Http"))
        for _ in range(ROUNDS):
            for name, address in servers.items():
                rates[name].append(lesson.load(address, requests=REQUESTS))
    middle = {name: median(found) for name, found in rates.items()}
    found = []
    for name in DESIGNS:
        for reference, words in (("http_server", "http.server"), ("streams", "asyncio streams")):
            what = f"requests/s, {name.removeprefix('with_')} ({middle[name]:,.0f})"
            what += f" / {words} ({middle[reference]:,.0f})"
            found.append((what, middle[name] / middle[reference], ""))
    return found
