"""What an exercise's cell shows where nobody checks the answer: its hints, folded."""

import html
import re
from importlib import import_module
from inspect import getclosurevars

from sockutils.practice.questions import marked

CHECK = re.compile(r"^lesson\.(\w+)\(", re.MULTILINE)


def hint_of(lesson: str, source: str) -> str:
    """Return the hints of the check that a cell calls, each once."""
    module = import_module(f"sockutils.lessons.{lesson}")
    hints = [hint for name in CHECK.findall(source) for hint in hints_of(getattr(module, name))]
    items = "".join(f"<li>{marked(hint)}</li>" for hint in dict.fromkeys(hints) if hint)
    run = html.escape("Write it, and run it live: the check tells what it saw.")
    folded = f"<details><summary>Hints</summary><ul>{items}</ul></details>" if items else ""
    return f'<div class="hints"><p>{run}</p>{folded}</div>'


def hints_of(check: object) -> list[str]:
    """The hints that a check was declared with (sockutils/practice/exercise.py)."""
    hint = getclosurevars(check).nonlocals["hint"]  # type: ignore[arg-type]
    return [hint] if isinstance(hint, str) else list(hint.values())
