"""What a page asks of a workbench: one message for each click, one snapshot for each change."""

import threading
from collections.abc import Callable
from typing import Any

from sockutils.workbench.core import Refused, Workbench
from sockutils.workbench.snapshot import Json, snapshot
from sockutils.workbench.step import step
from sockutils.workbench.stories import Story, named, stories

QUICK, SLOW = 0.05, 0.5  # seconds between two looks: while something moves, and otherwise
PATIENCE = 0.08  # seconds after a click, before its first picture
EMPTY = Story("", "", [], [""])


class Session:
    """A workbench and the story that is told with it. `publish` gets each snapshot, also from a
    thread that looks what happens by itself, for as long as the workbench holds anything."""

    def __init__(self, story: Story, publish: Callable[[Json], None]) -> None:
        self.bench, self.story, self.publish = Workbench(), story, publish
        self.told: list[bool] = []  # of each step, whether it is the story's
        self.answered = 0
        self.refused = ""
        self._over = threading.Event()
        self._watch: threading.Thread | None = None
        self._publishing = threading.Lock()

    def handle(self, message: Json) -> None:
        """Do what a click asks for, and publish what has become of it; it never raises."""
        self.refused = ""
        try:
            self._do(message)
        except (Refused, ValueError, SyntaxError, TimeoutError) as error:
            self.refused = str(error)
        except OSError as error:
            self.refused = f"{error}: everything is closed. The next click begins again."
        except KeyboardInterrupt:
            self.bench.close()
            self.refused = "Interrupted: everything is closed. The next click begins again."
        self.answered += 1
        self._publish()
        self._look_on()

    def _do(self, message: Json) -> None:
        match message:
            case {"do": str(text)}:
                self._step(text, False)
            case {"next": _} if self.position < len(self.story.steps):
                self._step(str(self.story.steps[self.position]), True)
            case {"back": _} if self.bench.steps:
                self.told.pop()
                self.bench.back()
            case {"again": _}:
                self._begin(self.story)
            case {"story": str(name)}:
                self._begin(named(name) if name else EMPTY)

    def _step(self, text: str, told: bool) -> None:
        self.bench.do(step(text), PATIENCE)
        self.told.append(told)

    def _begin(self, story: Story) -> None:
        self.bench.close()
        self.bench, self.story, self.told = Workbench(), story, []

    @property
    def position(self) -> int:
        """How many steps of the story have been made."""
        return sum(self.told)

    def snapshot(self) -> Json:
        """All that is to be seen now."""
        at, steps = self.position, self.story.steps
        telling = {
            "name": self.story.name,
            "names": [*stories()],
            "said": self.story.said[at],
            "next": str(steps[at]) if at < len(steps) else "",
            "at": at,
            "of": len(steps),
        }
        more = {"story": telling, "answered": self.answered, "refused": self.refused}
        return snapshot(self.bench) | more

    def _publish(self) -> None:
        with self._publishing:  # no older picture after a newer one
            self.publish(self.snapshot())

    # What happens by itself

    def _look_on(self) -> None:
        if self.bench.awake and not (self._watch and self._watch.is_alive()):
            self._over.clear()
            self._watch = threading.Thread(target=self._looking, name="workbench", daemon=True)
            self._watch.start()

    def _looking(self) -> None:
        while self.bench.awake:
            run: Any = self.bench.run
            moves = run.waiting or run.wire.link is not None
            if self._over.wait(QUICK if moves else SLOW):
                return
            if self.bench.look():
                self._publish()

    def close(self) -> None:
        """Close the workbench, and look no more."""
        self._over.set()
        self.bench.close()
        if self._watch:
            self._watch.join()
