"""Real kernels for tests. As a program: run one cell in a fresh kernel and print what it printed.

python tests/kernels.py CODE
"""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from jupyter_client.manager import start_new_kernel
from jupyter_core.utils import ensure_event_loop

PRIVATE = [sys.executable, "-m", "sockutils.kernel", "run"]
ensure_event_loop()  # jupyter_client's own, with its two sockets, for the life of this process


@cache
def refusal() -> str:
    """Why there is no private network here, or nothing."""
    code = "from sockutils import network; print('' if network().private else network())"
    command = [*PRIVATE, sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


@contextmanager
def kernel(name: str = "sockutils") -> Iterator[tuple[Any, Callable[[str], str]]]:
    """Yield a kernel's manager, and a function that runs a cell there and returns its text."""
    manager, client = start_new_kernel(kernel_name=name)

    def run(code: str) -> str:
        texts: list[str] = []

        def collect(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] == "stream":
                texts.append(content["text"])
            elif message["msg_type"] == "execute_result":
                texts.append(content["data"]["text/plain"] + "\n")
            elif message["msg_type"] == "error":
                texts.append("\n".join(content["traceback"]) + "\n")

        client.execute_interactive(code, output_hook=collect, timeout=60)
        return re.sub(r"\x1b\[[0-9;]*m", "", "".join(texts))

    try:
        yield manager, run
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


if __name__ == "__main__":
    with kernel() as (_, run):
        sys.stdout.write(run(sys.argv[1]))
