"""Real kernels for tests. As a program: run one cell in a fresh kernel and print what it printed.

python tests/kernels.py CODE
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from queue import Empty
from typing import Any, TypeVar

import pytest
from jupyter_client.manager import start_new_kernel
from jupyter_core.utils import ensure_event_loop

PATIENCE = 300  # seconds, for a machine that is busy with something else
ALL = os.environ.get("ALL") == "1"  # as in `make test ALL=1`: take no samples
Case = TypeVar("Case")
PRIVATE = [sys.executable, "-m", "sockutils.kernel", "run"]
ensure_event_loop()  # jupyter_client's own, with its two sockets, for the life of this process


def sample(cases: Iterable[Case]) -> list[Case]:
    """One in six of these cases, or with `ALL=1` each of them."""
    return [*cases][:: 1 if ALL else 6]


@cache
def refusal() -> str:
    """Why there is no private network here, or nothing."""
    code = "from sockutils import network; print('' if network().private else network())"
    command = [*PRIVATE, sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    return done.stdout.strip()


def alone(folder: Path, code: str, *arguments: str) -> str:
    """What Python prints for the code, started in the folder, in a private network of its own.

    What counts as progress is kept in the folder. A warning, or anything on stderr, is a failure.
    """
    if why := refusal():
        pytest.skip(why)
    command = [*PRIVATE, sys.executable, "-W", "error", "-c", code, *arguments]
    environment = {**os.environ, "XDG_DATA_HOME": str(folder / "home")}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.stdout


def in_text(message: dict[str, Any]) -> str:
    """What a learner reads of a message: a stream, a result, a traceback without its colours."""
    content = message["content"]
    if message["msg_type"] == "stream":
        return str(content["text"])
    if message["msg_type"] == "execute_result":
        return f"{content['data']['text/plain']}\n"
    if message["msg_type"] == "error":
        return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(content["traceback"])) + "\n"
    return ""


def answer(client: Any, code: str, during: dict[str, Callable[[], None]] | None = None) -> str:
    """Run a cell and return its text; call what `during` has for a text as it arrives."""
    sent, texts = client.execute(code), []
    while True:
        try:
            message = client.get_iopub_msg(timeout=PATIENCE)
        except Empty:
            raise TimeoutError(f"no word for {PATIENCE} s after {texts}, from: {code}") from None
        if message["parent_header"].get("msg_id") != sent:
            continue
        if message["content"].get("execution_state") == "idle":
            return "".join(texts)
        texts.append(in_text(message))
        (during or {}).get(texts[-1], lambda: None)()


def restart(manager: Any, run: Any) -> None:
    """Restart the kernel of `kernel()`, and wait until it is heard: what it says before is lost."""
    manager.restart_kernel()
    (client,) = run.args
    client.wait_for_ready(timeout=PATIENCE)


@contextmanager
def kernel(name: str = "sockutils") -> Iterator[tuple[Any, Callable[[str], str]]]:
    """Yield a kernel's manager, and a function that runs a cell there and returns its text."""
    manager, client = start_new_kernel(PATIENCE, name)
    try:
        yield manager, partial(answer, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


if __name__ == "__main__":
    with kernel() as (_, run):
        sys.stdout.write(run(sys.argv[1]))
