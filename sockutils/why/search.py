"""From a text that somebody has seen to the symptoms that it may be."""

import re

from sockutils.errors.shown import manual
from sockutils.why.symptom import Cause, Symptom, known, named, printed, symptoms
from sockutils.words.sentences import tables

NAME = re.compile(r"\b(?:E[A-Z]{3,}2?(?:_[A-Z]+)?)\b")
NUMBER = re.compile(r"\b(?:errno|error)\W*?(-?\d+)\b|^\s*(-?\d+)\s*$", re.IGNORECASE)
WORD = re.compile(r"[a-z0-9]+(?:[-_'][a-z0-9]+)*")
SAYS_NOTHING = """a an and at by do does error errno for from in is it my no not of on or so
that the to when why with"""
LEAST = 0.5  # of the words asked for that a text has to have
MOST = 5  # answers


def find(asked: str) -> list[Symptom]:
    """The symptoms that a text may be, likely ones first; none if nothing fits."""
    names = errors_in(asked)
    scores = [(score(each, asked, names), each) for each in symptoms()]
    found = [(points, each) for points, each in scores if points]
    found.sort(key=lambda each: -each[0])
    best = found[0][0] if found else 0
    near = [each for points, each in found if points > best / 2][:MOST]
    return near or [each for name in names if (each := of_the_manual(name)).causes]


def errors_in(asked: str) -> list[str]:
    """The names of errors in a text: those that stand there, and those of the numbers."""
    numbers = [named(int("".join(found))) for found in NUMBER.findall(asked)]
    return [known(name) for name in [*NAME.findall(asked), *numbers] if name]


def score(symptom: Symptom, asked: str, names: list[str]) -> float:
    """How well a symptom fits: 0 is not at all."""
    points = max(likeness(text.lower(), asked.lower()) for text in symptom.texts)
    return max(points, 2.0) if symptom.error and symptom.error in names else points


def likeness(text: str, asked: str) -> float:
    """2 and more where one text holds the other, else the part of the words asked for, or 0."""
    if within(text, asked):
        return 2 + len(text) / 1000
    if len(asked) > 3 and within(asked, text):
        return 1.5
    wanted = words(asked)
    part = len(wanted & words(text)) / len(wanted) if wanted else 0
    return part if part >= LEAST else 0


def within(part: str, whole: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(part)}(?!\w)", whole) is not None


def words(text: str) -> set[str]:
    return set(WORD.findall(text)) - set(SAYS_NOTHING.split())


def of_the_manual(name: str) -> Symptom:
    """What the man pages say of an error that no symptom has."""
    lessons = tables()[0]["lessons"]
    causes = [
        Cause(f"{page['page']}: {entry['when']}.", lessons[call])
        for call, page in manual().items()
        for entry in page["entries"]
        if entry["name"] == name and call in lessons
    ]
    return Symptom(printed(name), name, causes)
