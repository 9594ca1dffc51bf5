"""What a terminal says to a text."""

import textwrap

from sockutils.why.search import find
from sockutils.why.symptom import Symptom
from sockutils.words.sentences import link

WIDTH = 88


def told(asked: str) -> str:
    """What a text may mean, with the causes and where each is shown; "" for no idea."""
    return "\n\n".join(map(said, find(asked)))


def said(symptom: Symptom) -> str:
    """One symptom, its causes numbered in the order of their likelihood."""
    others = [name for name in symptom.texts[1:] if name.isidentifier()]
    lines = [f"{symptom.head}{'  (' + ', '.join(others) + ')' if others else ''}"]
    for number, cause in enumerate(symptom.causes, 1):
        text = f"{number}. {cause.says}"
        lines.append(textwrap.indent(textwrap.fill(text, WIDTH, subsequent_indent="   "), "  "))
        lines.append(f"     Shown in {link(cause.place)}")
    return "\n".join(lines)
