"""`jupyter console` at a terminal: attached to a kernel that runs, and with one of its own."""

import os
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from pexpect.fdpexpect import fdspawn
from test_clients import BLOCK, CAPTURE, LISTEN, PATIENCE, ByManager, connected
from test_kernel import leaves_nothing, needs_namespaces

pytestmark = [needs_namespaces, pytest.mark.timeout(3 * PATIENCE)]
CONSOLE = ["setsid", "--ctty", sys.executable, "-m", "jupyter_console"]
# A terminal that answers no question about its cursor; a line of it is long enough for a cell.
TERMINAL = {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
ROWS_AND_COLUMNS = (24, 500)
CTRL_C, CTRL_D = "\x03", "\x04"
PROMPT = r"In \["
NETWORK = "from sockutils import network; print(network())"
Type = Callable[[str, str], None]


@contextmanager
def console(*arguments: str) -> Iterator[Type]:
    """Start one; yield a function that types a text there and reads until a pattern is there."""
    ours, its = os.openpty()
    termios.tcsetwinsize(its, ROWS_AND_COLUMNS)
    command, environment = [*CONSOLE, *arguments], os.environ | TERMINAL
    with os.fdopen(its):
        process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=environment)
    terminal = fdspawn(ours, timeout=PATIENCE, encoding="utf-8")
    terminal.logfile_read = sys.stdout

    def type_in(text: str, pattern: str) -> None:
        terminal.send(text)
        terminal.expect(pattern)

    try:
        type_in("", PROMPT)
        yield type_in
    finally:
        terminal.close()  # whoever is still there gets SIGHUP
        process.wait()


def begin(type_in: Type, code: str, pattern: str) -> None:
    """Type the code as one line, and wait until that comes out of it."""
    type_in(f"exec({code.strip()!r})\r", pattern)


def run(type_in: Type, code: str, pattern: str) -> None:
    begin(type_in, code, pattern)
    type_in("", PROMPT)


def leave(type_in: Type, pattern: str) -> None:
    type_in(CTRL_D, "really want to exit")
    type_in("y\r", pattern)


def test_attached() -> None:
    way = ByManager()
    with leaves_nothing(), connected(way.start()), ExitStack() as stack:
        stack.callback(way.stop)
        existing = f"--existing={way.manager.connection_file}"
        with console(existing) as type_in:
            run(type_in, LISTEN, "listening\r\n")
            run(type_in, NETWORK, "private network: no packet")
            run(type_in, CAPTURE, "SYN\r\n")
            begin(type_in, BLOCK, "blocked\r\n")
            way.interrupt()  # a console does that to its own kernel only
            type_in("", "KeyboardInterrupt.*: \r\n")
            type_in("", PROMPT)
            leave(type_in, "keeping kernel alive")
        way.manager.restart_kernel(now=True)
        with console(existing) as type_in:
            run(type_in, "print('s' in globals())", "False\r\n")
            run(type_in, LISTEN, "listening\r\n")
            leave(type_in, "keeping kernel alive")


def test_with_a_kernel_of_its_own() -> None:
    with leaves_nothing(), console("--kernel=sockutils") as type_in:
        run(type_in, NETWORK, "private network: no packet")
        run(type_in, LISTEN, "listening\r\n")
        begin(type_in, BLOCK, "blocked\r\n")
        type_in(CTRL_C, "KeyboardInterrupt.*: \r\n")
        type_in("", PROMPT)
        run(type_in, "print(s)", "5000")
        leave(type_in, "Shutting down kernel")
