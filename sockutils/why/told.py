"""What a terminal says to a text."""

import textwrap

from sockutils.words.sentences import link
from sockutils.why.search import find
from sockutils.why.symptom import Symptom

WIDTH = 88


def told(asked: str) -> str:
    """The symptoms that a text may be, each with its causes and where they are shown; "" if none."""
    return "\n\n".join(map(said, find(asked)))


def said(symptom: Symptom) -> str:
    """One symptom, its causes numbered in the order of their likelihood."""
    others = [name for name in symptom.texts[1:] if name.isidentifier()]
    lines = [f"{symptom.head}{'  (' + ', '.join(others) + ')' if others else ''}"]
    for number, cause in enumerate(symptom.causes, 1):
        text = f"{number}. {' '.join(cause.says.split())}"
        lines.append(textwrap.indent(textwrap.fill(text, WIDTH, subsequent_indent="   "), "  "))
        lines.append(f"     Shown in {link(cause.place)}")
    return "\n".join(lines)
