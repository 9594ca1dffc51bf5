"""A workbench without a page: steps that are made, undone, and made again."""

import atexit
import threading
from collections.abc import Iterable

from sockutils.workbench.run import PATIENCE, Run
from sockutils.workbench.step import LINE, Step

PATIENT = ("wait", "cancel")


class Refused(ValueError):
    """A step that cannot be made now; nothing has happened."""


@atexit.register
def close() -> None:
    """Close the one that is alive: threads that wait would not let Python end in peace."""
    if Workbench.alive:
        Workbench.alive.close()


class Workbench:
    """Programs whose calls `do()` makes. It holds sockets from the first step on until `close()`;
    what has happened stays to be seen, and the next step begins by making it again."""

    alive: "Workbench | None" = None  # one at a time: they use the same ports

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.run: Run | None = None
        self.awake = False
        self.lock = threading.RLock()

    def do(self, step: Step, patience: float = PATIENCE) -> None:
        """Make a step, and wait until nothing moves any more, but at most so many seconds.

        Refused if the program waits in a call, or, for `wait` and `cancel`, if it does not.
        """
        with self.lock:
            if not self.awake:
                self.replay(self.steps)
            self._refuse(step)
            self._make(step, patience)

    def replay(self, steps: Iterable[Step]) -> None:
        """Begin anew, and make these steps."""
        steps = list(steps)
        with self.lock:
            self.close()
            close()
            Workbench.alive = self
            self.steps, self.run, self.awake = [], Run(), True
            for step in steps:
                self._make(step, PATIENCE)

    def back(self) -> None:
        """Undo the last step, by making all others again."""
        self.replay(self.steps[:-1])

    def look(self) -> bool:
        """Note what has happened by itself since the last step; tell whether anything has."""
        with self.lock:
            return self.awake and self.run is not None and self.run.look()

    def close(self) -> None:
        """End what waits, and close what is open; a second time does nothing."""
        with self.lock:
            if self.awake and self.run:
                self.awake = False
                self.run.close()
            if Workbench.alive is self:
                Workbench.alive = None

    def _make(self, step: Step, patience: float) -> None:
        assert self.run
        self.steps.append(step)
        try:
            self.run.make(step, patience)
        except BaseException:  # an interrupt, too: nothing may be left half done
            self.close()
            raise

    def _refuse(self, step: Step) -> None:
        call = self.run.waiting.get(step.program) if self.run else None
        if step.program == LINE:
            return
        if call and step.code not in PATIENT:
            raise Refused(f"{step.program} waits in {call.code.call}(): end that first (Cancel)")
        if not call and step.code in PATIENT:
            raise Refused(f"{step.program} waits for nothing")
