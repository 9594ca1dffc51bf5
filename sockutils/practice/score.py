"""The score at the end of a lesson: what of it is passed, and how the guesses came."""

from html import escape
from typing import NamedTuple

from sockutils.practice.feedback import SIGNS, bar, said, style
from sockutils.practice.progress import counted, outcome, read_lesson

# Our JupyterLab extension keeps the guesses, and tells them here.
GUESSES = """<div class="sockutils-guesses"><script>document.currentScript.parentElement
.dispatchEvent(new Event("sockutils-score", { bubbles: true }))</script></div>"""


class Score(NamedTuple):
    """The outcome of each exercise and question of a lesson."""

    title: str
    outcomes: dict[str, str]

    @property
    def passed(self) -> int:
        return list(self.outcomes.values()).count("passed")

    def __repr__(self) -> str:
        lines = [f"{SIGNS[found]} {name}: {found}" for name, found in self.outcomes.items()]
        return "\n".join([f"{self.title}: {self.passed} of {len(lines)} passed", *lines])

    def _repr_html_(self) -> str:
        head = f"<p>{escape(self.title)}: {bar(self.passed, len(self.outcomes))} passed</p>"
        lines = (said(found, f"{name}: {found}") for name, found in self.outcomes.items())
        return f"{style()}{head}{''.join(lines)}{GUESSES}"


def score(lesson: str) -> Score:
    """Show what of a lesson is passed; in JupyterLab the guesses are told, too."""
    items = [item for items in counted(lesson) for item in items]
    outcomes = {item.replace("quiz", "question"): outcome(lesson, item) for item in items}
    return Score(read_lesson(lesson)["title"], outcomes)
