"""Requests per second: the servers in processes of their own, the clients in this one."""

import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from sockutils.lessons.server.clients import Address, hear

PROGRAM = """
import os, socket, sys, threading
from sockutils.lessons.server.designs import DESIGNS
from sockutils.lessons.server.http import Http
# it ends as soon as the other process closes the pipe, or is no more
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    DESIGNS[sys.argv[1]](listener, Http)
"""
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@contextmanager
def process(design: str, program: str = PROGRAM) -> Iterator[Address]:
    """The address of a design that speaks HTTP, in a process of its own for this block."""
    with subprocess.Popen(
        [sys.executable, "-c", program, design],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout
        yield "127.0.0.1", int(server.stdout.readline())


def load(address: Address, clients: int = 8, requests: int = 300) -> float:
    """Requests per second: each client asks again as soon as it has the answer, or it raises."""
    with socket.create_connection(address, 5) as first:
        first.sendall(REQUEST)
        first.shutdown(socket.SHUT_WR)
        answer = hear(first)
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    with ExitStack() as stack, select.epoll() as epoll:
        asking, missing = {}, {}
        start = time.perf_counter()
        for _ in range(clients):
            client = stack.enter_context(socket.create_connection(address, 5))
            epoll.register(client, select.EPOLLIN)
            asking[client.fileno()], missing[client.fileno()] = client, len(answer) * requests
            client.sendall(REQUEST)
        while missing:
            ready = epoll.poll(5)
            assert ready, f"{len(missing)} clients wait for an answer"
            for number, _ in ready:
                data = asking[number].recv(65536)
                assert data, "the server has closed before the end of its answer"
                missing[number] -= len(data)
                if not missing[number]:
                    del missing[number]
                    asking[number].close()
                elif missing[number] % len(answer) == 0:
                    asking[number].sendall(REQUEST)
        return clients * requests / (time.perf_counter() - start)
