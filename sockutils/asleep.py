"""Whether a thread sleeps in a block of code, as the kernel sees it, and waking it if it does."""

import signal
import sys
import threading
from time import monotonic
from types import CodeType, FrameType
from typing import NamedTuple

MOMENT = 0.5  # seconds of sleep that count as waiting
HELPERS = ("contextlib", "sockutils")  # their frames end before the block that they enter
DEBUGGERS = ("bdb", "pdb", "pydevd", "_pydevd_bundle")


class Sleeper(NamedTuple):
    """The thread that runs a block."""

    thread: threading.Thread
    block: CodeType

    def slept_until(self, left: threading.Event) -> bool:
        """Wait until `left` is set (False), or the thread has slept in the block for 0.5 s (True).

        A busy machine is not taken for a wait: a thread that is kept from running is R in
        /proc/PID/status, not S, and one that has run meanwhile has been switched to, which the
        kernel counts there (proc(5)). Without these lines, it must stand at one instruction.
        True as well where the block is not on the thread's stack: its coroutine awaits something.
        At a breakpoint the learner thinks, and nobody waits.
        """
        before = ""
        while not left.wait(MOMENT):
            now = self._state()
            if now == before or not self._stands_in_block():
                return True
            before = now
        return False

    def wake(self) -> bool:
        """Raise KeyboardInterrupt in what the thread waits for, as Ctrl-C does; False if it cannot.

        Python hears signals in the main thread only, and somebody else may handle this one.
        """
        own = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if own and self.thread is threading.main_thread() and self._stands_in_block():
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            return True
        return False

    def _state(self) -> str:
        """Where the thread sleeps; never twice the same if it does not."""
        frames = self._frames()
        try:
            with open(f"/proc/self/task/{self.thread.native_id}/status") as file:
                lines = [line for line in file if line.startswith("State:") or "_switches:" in line]
        except OSError:
            lines = []
        if "R (running)" in "".join(lines) or any(module(each) in DEBUGGERS for each in frames):
            return str(monotonic())
        return f"{id(frames[0])} {frames[0].f_lasti} {lines}" if frames else ""

    def _stands_in_block(self) -> bool:
        return any(frame.f_code is self.block for frame in self._frames())

    def _frames(self) -> list[FrameType]:
        frames = []
        frame = sys._current_frames().get(self.thread.ident or 0)
        while frame is not None:
            frames.append(frame)
            frame = frame.f_back
        return frames


def sleeper(frame: FrameType) -> Sleeper:
    """The current thread, in the block that `frame` is about to enter."""
    while frame.f_back and module(frame) in HELPERS:
        frame = frame.f_back
    return Sleeper(threading.current_thread(), frame.f_code)


def module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__")).partition(".")[0]
