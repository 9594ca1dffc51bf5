"""How long sockets(port) takes in a crowd of 10,000, next to psutil and ss in the same crowd.

Its time grows with the crowd, since the kernel walks over its whole table to filter it: ss, which
asks the same kernel the same, is what it is measured by.
"""

import resource
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from shutil import which
from statistics import median
from time import perf_counter

import psutil

from sockutils.tables import sockets

CROWD = 10_000
SPARE = 100  # descriptors for all the rest
ROUNDS = 5
TIMES = 20  # calls measured a round in each state; the slow ones are measured once in five
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: no TIME-WAIT left to crowd the next round


def descriptors() -> int:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return CROWD + SPARE if hard == resource.RLIM_INFINITY else hard


@contextmanager
def crowd(size: int) -> Iterator[None]:
    with ExitStack() as opened:
        listener = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        for _ in range(size // 4):
            client = opened.enter_context(socket.create_connection(listener.getsockname()))
            server = opened.enter_context(listener.accept()[0])
            for end in (client, server):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        for _ in range(size // 2):
            bound = opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            bound.bind(("127.0.0.1", 0))
        yield


def seconds(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start


def measured(port: int, size: int) -> dict[str, float]:
    ss = ["ss", "-Hantu", f"sport = :{port} or dport = :{port}"]
    others: dict[str, Callable[[], object]] = {"psutil": psutil.net_connections}
    if which("ss"):
        others["ss"] = lambda: subprocess.run(ss, capture_output=True, check=True)
    times: dict[str, list[float]] = {name: [] for name in ("few", "many", *others)}
    for _ in range(ROUNDS):
        for name, around in (("few", 10), ("many", size)):
            with crowd(around):
                for turn in range(TIMES):
                    times[name].append(seconds(lambda: sockets(port)))
                    if name == "many" and turn % 5 == 0:
                        for other, call in others.items():
                            times[other].append(seconds(call))
    return {name: median(taken) for name, taken in times.items()}


def rows() -> list[tuple[str, float, str]]:
    """Return (what, ratio, target) for each comparison, all measured side by side in one run."""
    size = min(CROWD, descriptors() - SPARE)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = measured(listener.getsockname()[1], size)
    ours, shown = taken["many"], {name: f"{time * 1000:.1f} ms" for name, time in taken.items()}
    fewer = "" if size == CROWD else f" (the limit of descriptors allows no {CROWD:,})"
    among = f"sockets(port) among {size:,}{fewer}, {shown['many']}"
    compared = [
        (f"{among} / among 10, {shown['few']}", ours / taken["few"], "none"),
        (f"psutil.net_connections(), {shown['psutil']} / {among}", taken["psutil"] / ours, "≥ 10"),
    ]
    if "ss" in taken:
        compared.append((f"{among} / ss, {shown['ss']}", ours / taken["ss"], "< 1"))
    return compared


if __name__ == "__main__":
    for name, ratio, target in rows():
        print(f"{name:<85} {ratio:6.2f}   target {target}")
