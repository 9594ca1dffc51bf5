"""Multiple-choice questions that answer back."""

from typing import Any

from sockutils.practice.panel import View
from sockutils.practice.progress import read_lesson, record

# ipywidgets makes an answer 300 pixels wide and one line high, and puts its button after the text.
WRAP = """<style>
.sockutils-quiz .widget-radio { width: auto; height: auto }
.sockutils-quiz .widget-radio-box label {
  display: flex; flex-direction: row-reverse; justify-content: flex-end; align-items: flex-start;
  height: auto; line-height: 1.5; white-space: normal }
.sockutils-quiz .widget-radio-box input { flex: none }
</style>"""


# It also leaves each button in a group of its own, and JupyterLab takes the arrow keys from them.
# An animation starts when the question is on the page; no other event tells that.
GROUP = """<style>@keyframes sockutils-shown {}</style>
<span style="animation: sockutils-shown 1ms" onanimationstart="
  const quiz = this.closest('.sockutils-quiz'), name = Math.random()
  const group = quiz.querySelector('.widget-radio-box')
  group.setAttribute('role', 'radiogroup')
  group.setAttribute('aria-label', quiz.querySelector('p').textContent)
  for (const button of group.querySelectorAll('input')) {
    button.name = name
    button.dataset.lmSuppressShortcuts = true
  }
"></span>"""


def quiz(lesson: str, number: int) -> View:
    """Ask question `number`, counted from 1, of sockutils/lessons/<lesson>.toml.

    Every answer is answered at once; a right one counts in progress(). As text it is the question
    and its answers without the solution.
    """
    import textwrap

    from ipywidgets import HTML, RadioButtons, VBox  # type: ignore[import-untyped]

    asked = read_lesson(lesson)["quiz"][number - 1]
    answers = sorted([asked["right"], *asked["wrong"]])
    labels = [f"{letter}) {each}" for letter, each in zip("abcdefgh", answers, strict=False)]
    choice = RadioButtons(options=[label.replace("`", "") for label in labels], value=None)
    feedback = HTML(said(""))

    def answered(change: dict[str, Any]) -> None:
        chosen = answers[change["new"]]
        if chosen == asked["right"]:
            trouble = record(lesson, f"quiz {number}")
            feedback.value = said(f"Right: {asked['because']} {trouble}")
        else:
            feedback.value = said(f"Not yet: {asked['wrong'][chosen]}")

    choice.observe(answered, "index")
    question = HTML(f"{WRAP}<p>{marked(asked['question'])}</p>")
    group = HTML(GROUP, layout={"height": "0", "margin": "0"})
    box = VBox([question, choice, group, feedback])
    box.add_class("sockutils-quiz")
    lines = [textwrap.fill(asked["question"], 88)]
    lines += [textwrap.fill(label, 88, subsequent_indent="   ") for label in labels]
    return View(box, {"text/plain": "\n".join(lines)}, {})


def said(text: str) -> str:
    return f'<div role="status" aria-live="polite">{marked(text)}</div>'


def marked(text: str) -> str:
    import html
    import re

    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
