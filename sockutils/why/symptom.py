"""A symptom: what is seen, and its causes, likely ones first."""

import errno
import os
import socket
from functools import cache
from typing import Any, NamedTuple

from sockutils.errors.shown import ALIASES, ERRNO
from sockutils.words.sentences import tables

HERE = os.path.dirname(__file__)


class Cause(NamedTuple):
    says: str  # what it is, and what to do
    place: str  # NOTEBOOK#HEADING, the cell that shows it


class Symptom(NamedTuple):
    texts: list[str]  # as it is printed, or said
    error: str  # the kernel's or the resolver's name of it, ECONNRESET; "" where there is none
    causes: list[Cause]

    @property
    def head(self) -> str:
        """The text that stands for it."""
        return self.texts[0]


@cache
def symptoms() -> list[Symptom]:
    """All of them, in the order of the page."""
    import tomllib

    with open(os.path.join(HERE, "symptoms.toml"), "rb") as file:
        return [symptom(**entry) for entry in tomllib.load(file)["symptom"]]


def symptom(causes: list[Any], error: str = "", see: tuple[str, ...] = ()) -> Symptom:
    return Symptom([*printed(error, *see[:1]), *see], error, [cause(each) for each in causes])


def cause(entry: str | list[str]) -> Cause:
    if isinstance(entry, str):
        page, _, kind = entry.partition(" ")
        says, place = tables()[0][page][kind]
        return Cause(" ".join(says.split()), place)  # below a traceback it may have two lines
    return Cause(*entry)


def printed(error: str, said: str = "") -> list[str]:
    """How Python prints an error, C's text, its name, and Python's class if it has one of its own.

    What gai_strerror(3) says of a resolver's error is given: glibc's text.
    """
    if error.startswith("EAI_"):
        return [f"[Errno {getattr(socket, error)}] {said}", error]
    if not hasattr(errno, error):
        return []
    number = getattr(errno, error)
    text, kind = os.strerror(number), type(OSError(number, "")).__name__
    return [f"[Errno {number}] {text}", text, error, *([kind] if kind != "OSError" else [])]


def named(number: int) -> str:
    """The name of an errno, or below zero of what getaddrinfo() returned; "" for no such number."""
    if number >= 0:
        return ERRNO.get(number, "")
    names = [name for name, value in vars(socket).items() if name.startswith("EAI_")]
    return next((name for name in names if getattr(socket, name) == number), "")


def known(name: str) -> str:
    return ALIASES.get(name, name)
