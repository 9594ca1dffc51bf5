"""Multiple-choice questions that answer back, without a kernel."""

import textwrap
from functools import cache
from typing import Any, NamedTuple

from sockutils.practice.feedback import SIGNS, said, style
from sockutils.practice.progress import names, outcome, read_lesson, record

LETTERS = "abcdefgh"


class Question(NamedTuple):
    """A question, and what was answered in the cell, if anything."""

    lesson: str
    number: int
    asked: dict[str, Any]
    chosen: str = ""
    trouble: str = ""

    @property
    def answers(self) -> dict[str, str]:
        """The answers by their letters, in an order that does not tell the right one."""
        answers = sorted([self.asked["right"], *self.asked["wrong"]])
        return dict(zip(LETTERS, answers, strict=False))

    def told(self, letter: str) -> tuple[str, str, str]:
        """What an answer is answered: the outcome, its word, and the sentence."""
        answer = self.answers[letter]
        if answer == self.asked["right"]:
            return "passed", "Right:", self.asked["because"]
        return "not yet", "Not yet:", self.asked["wrong"][answer]

    def __repr__(self) -> str:
        lines = [textwrap.fill(self.asked["question"], 88)]
        for letter, answer in self.answers.items():
            lines.append(textwrap.fill(f"{letter}) {answer}", 88, subsequent_indent="   "))
        if self.chosen:
            _, word, sentence = self.told(self.chosen)
            lines += [textwrap.fill(f"{self.chosen}) {word} {sentence}", 88), self.trouble]
        return "\n".join(line for line in lines if line)

    def _repr_html_(self) -> str:
        state = outcome(self.lesson, f"quiz {self.number}")
        about = f'data-lesson="{self.lesson}" data-number="{self.number}" data-state="{state}"'
        return (
            f'<div class="sockutils-quiz" {about}>{style()}<p>{marked(self.asked["question"])}</p>'
            f"{''.join(map(self._folded, self.answers))}{marked(self.trouble)}"
            f"<script>{script()}</script></div>"
        )

    def _folded(self, letter: str) -> str:
        outcome, word, sentence = self.told(letter)
        opened = " open" if letter == self.chosen else ""
        summary = f"<summary>{letter}) {marked(self.answers[letter])}</summary>"
        return f"<details{opened}>{summary}{said(outcome, word, ' ' + marked(sentence))}</details>"


def quiz(lesson: str, number: int, answer: str = "") -> Question:
    """Ask question `number`, counted from 1, of sockutils/lessons/<lesson>.toml.

    In a page every answer is answered at once, with or without a kernel; where scripts are
    stripped, the answers fold out. As text it is the question and its answers without the solution.
    A right answer counts in progress(): our JupyterLab extension tells the kernel. Elsewhere give
    the answer's letter. ValueError: no answer has that letter.
    """
    question = Question(lesson, number, read_lesson(lesson)["quiz"][number - 1], answer)
    if not answer:
        return question
    if answer not in question.answers:
        raise ValueError(f"answer {answer!r}: it is one of {', '.join(question.answers)}")
    right = question.told(answer)[0] == "passed"
    return question._replace(trouble=keep(lesson, number, right))


def keep(lesson: str, number: int, right: bool) -> str:
    """Keep a question as done or tried; return "", or one line on why that is impossible."""
    if lesson not in names() or not 0 < number <= len(read_lesson(lesson)["quiz"]):
        return f"there is no question {number} in {lesson}"
    return record(lesson, f"quiz {number}", right)


def hear(shell: Any) -> None:
    """Let this IPython kernel hear of answers: lab/static/practice.js opens a comm for each."""
    if hasattr(shell, "kernel"):
        shell.kernel.comm_manager.register_target("sockutils.practice", answered)


def answered(comm: Any, message: dict[str, Any]) -> None:
    told = message["content"]["data"]
    trouble = keep(str(told["lesson"]), int(told["number"]), told["right"] is True)
    comm.send({"trouble": trouble})


def marked(text: str) -> str:
    import html
    import re

    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


@cache
def script() -> str:
    import json
    from pathlib import Path

    from sockutils.figures.page import short

    text = short(Path(__file__).with_name("quiz.js").read_text(encoding="utf-8"))
    states = json.dumps({each: said(each, each) for each in SIGNS})
    return f"(() => {{\n{text.replace('STATES', states)}}})()"
