"""Requests per second: the servers in processes of their own, the clients in this one."""

import ast
import inspect
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from sockutils.lessons.server.clients import Address, hear

PROGRAM = """
import asyncio, errno, os, re, select, socket, sys, threading, time
from contextlib import suppress
from email.utils import formatdate
{source}
# it ends as soon as the other process closes the pipe, or is no more
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    {design}(listener, {protocol})
"""
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def cells(*defined: Any) -> list[str]:
    """The source of the cells that these functions and classes are defined in, each once."""
    functions = [next(filter(inspect.isfunction, vars(one).values()), one) for one in defined]
    return [*dict.fromkeys("".join(inspect.findsource(one)[0]) for one in functions)]


def definitions(cells: Iterable[str]) -> str:
    """What the cells define: their functions, classes and CONSTANTS, without what they run."""
    nodes = [node for cell in cells for node in ast.parse(cell).body]
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    sources = [(isinstance(node, kinds), ast.unparse(node)) for node in nodes]
    return "\n".join(one for kept, one in sources if kept or one.split()[0].isupper())


@contextmanager
def process(source: str, design: str, protocol: str) -> Iterator[Address]:
    """The address of a server in a process of its own, which ends with the block."""
    program = PROGRAM.format(source=source, design=design, protocol=protocol)
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
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
