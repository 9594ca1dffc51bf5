"""How long a kernel takes until it answers: in the private network, and an ordinary one."""

import subprocess
import time
from statistics import median

from jupyter_client.manager import start_new_kernel

PAIRS = 12


def seconds_to_start(kernel: str) -> float:
    start = time.perf_counter()
    manager, client = start_new_kernel(kernel_name=kernel, stderr=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    return seconds


def rows() -> list[tuple[str, float, str]]:
    """Start both kernels in turn; the ratio of the medians of the times until each is ready."""
    seconds_to_start("python3")  # the first start compiles and fills the page cache
    pairs = [(seconds_to_start("sockutils"), seconds_to_start("python3")) for _ in range(PAIRS)]
    private = median(first for first, _ in pairs)
    ordinary = median(second for _, second in pairs)
    name = f"kernel start, private ({private:.2f} s) / ordinary ({ordinary:.2f} s)"
    return [(name, private / ordinary, "≤ 1.15 times")]
