"""Requests per second of the last lesson's four designs, beside Python's own servers.

Each server runs in a process of its own, the clients in this one:
eight of them, each asks again as soon as it has the answer.
"""

from contextlib import ExitStack
from statistics import median

from sockutils.lessons.server.designs import DESIGNS
from sockutils.lessons.server.load import load, process

ROUNDS = 5
REQUESTS = 500  # of each client in a round

# The same answer, as Python's own servers give it: with keep-alive, and sent in one piece.
REFERENCES = """
import asyncio, os, socket, sys, threading
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

def http_server(listener):
    server = ThreadingHTTPServer(listener.getsockname(), Hello, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.serve_forever()

async def answer(reader, writer):
    with closing(writer):
        while await reader.readline():
            while (await reader.readline()).strip():
                pass
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 6\\r\\n\\r\\nhello\\n")
            await writer.drain()

async def serve_streams(listener):
    async with await asyncio.start_server(answer, sock=listener) as server:
        await server.serve_forever()

def streams(listener):
    asyncio.run(serve_streams(listener))

# it ends as soon as the other process closes the pipe, or is no more
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    globals()[sys.argv[1]](listener)
"""


def rows() -> list[tuple[str, float, str]]:
    """Run all in turn, round by round; the ratios of the medians."""
    own, others = list(DESIGNS), ["http_server", "streams"]
    rates: dict[str, list[float]] = {name: [] for name in own + others}
    with ExitStack() as stack:
        servers = {name: stack.enter_context(process(name)) for name in own}
        servers |= {name: stack.enter_context(process(name, REFERENCES)) for name in others}
        for _ in range(ROUNDS):
            for name, address in servers.items():
                rates[name].append(load(address, requests=REQUESTS))
    middle = {name: median(found) for name, found in rates.items()}
    found = []
    for name in DESIGNS:
        for reference, words in (("http_server", "http.server"), ("streams", "asyncio streams")):
            what = f"requests/s, {name} ({middle[name]:,.0f})"
            what += f" / {words} ({middle[reference]:,.0f})"
            found.append((what, middle[name] / middle[reference], ""))
    return found
