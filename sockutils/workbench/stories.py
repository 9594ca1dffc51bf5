"""Stories: steps as short text, with what is said before each."""

import os
from functools import cache
from typing import NamedTuple

from sockutils.workbench.step import Step, step

HERE = os.path.dirname(__file__)


class Story(NamedTuple):
    """`steps`, and what is said before each of them and at the end: one text more than steps."""

    name: str
    lesson: str
    steps: list[Step]
    said: list[str]


def story(text: str, name: str = "a story", lesson: str = "") -> Story:
    """Read a story: a line for each step; what does not begin with a program and a colon is said.

    ValueError for a step that is none.
    """
    steps: list[Step] = []
    said = [""]
    for line in filter(None, map(str.strip, text.splitlines())):
        if is_step(line):
            steps.append(step(line))
            said.append("")
        else:
            said[-1] = f"{said[-1]} {line}".strip()
    return Story(name, lesson, steps, said)


def is_step(line: str) -> bool:
    return line.partition(":")[0] in ("client", "server", "second", "line")


@cache
def stories() -> dict[str, Story]:
    """Return the stories of the course, by name, in the order of the lessons."""
    import tomllib

    with open(os.path.join(HERE, "stories.toml"), "rb") as file:
        found = tomllib.load(file)
    return {name: story(one["text"], name, one["lesson"]) for name, one in found.items()}


def named(name: str) -> Story:
    """Return a story by its name, or one that is given as text. ValueError for an unknown name."""
    if "\n" in name:
        return story(name)
    if name in stories():
        return stories()[name]
    raise ValueError(f"no story is called {name!r}; there are {', '.join(map(repr, stories()))}")
