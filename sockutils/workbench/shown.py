"""A workbench as a cell's output: alive in Jupyter, a text and a picture anywhere else."""

from typing import Any

from sockutils.figures.picture import Picture
from sockutils.workbench.core import Workbench
from sockutils.workbench.ladder import ladder
from sockutils.workbench.session import Session
from sockutils.workbench.step import PROGRAMS
from sockutils.workbench.stories import Story
from sockutils.workbench.text import transcript

WIDGET = "application/vnd.jupyter.widget-view+json"
NOTHING = "an empty workbench: a client and a server, and a button for each call"


class Bench:
    """A story that has been played; as a cell's output it can be touched."""

    def __init__(self, story: Story) -> None:
        played = Workbench()
        try:
            played.replay(story.steps)
        finally:
            played.close()
        programs = [name for name in PROGRAMS if name != "second" or "second" in _users(story)]
        self.story = story
        self.text = _text(story, transcript(played, story.said)) if story.steps else NOTHING
        self.svg = ladder(played, programs)

    def __repr__(self) -> str:
        return self.text

    def _ipython_display_(self) -> None:
        import IPython.display

        from sockutils.workbench.view import still, widget

        display: Any = IPython.display.display
        # two outputs: where the first has no kernel any more, the second has a picture
        session = Session(self.story, lambda snapshot: None)
        view = widget(session)
        display({WIDGET: view._repr_mimebundle_()[0][WIDGET]}, raw=True)
        data: dict[str, Any] = Picture(self.svg, self.text)._repr_mimebundle_()
        display(data | {"text/html": still(data["text/html"])}, raw=True)


def _users(story: Story) -> set[str]:
    return {step.program for step in story.steps}


def _text(story: Story, happened: str) -> str:
    return f"{story.name}, {len(story.steps)} steps\n{happened}"
