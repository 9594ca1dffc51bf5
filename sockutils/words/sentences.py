"""What an error means for the call that it came from, and where the course has its cure."""

import ast
import os
import re
import socket
from functools import cache
from typing import Any

from sockutils.errors import name_of
from sockutils.words.call import Call, failed_call, is_libc
from sockutils.words.holders import Wanted, holder
from sockutils.words.shown import Failed

HERE = os.path.dirname(__file__)


def about(error: OSError, shell: Any, failed: Failed) -> str:
    """The lines for an OSError of a socket call; "" where there is nothing sure to say."""
    import ssl

    reason = getattr(error, "reason", None)  # URLError wraps the one that tells
    error = reason if isinstance(reason, OSError) else error
    call = None if isinstance(error, ssl.SSLError) else failed_call(error)
    if call is None:
        return ""
    kind, lines = which(error, call), []
    if kind == "EADDRINUSE":
        lines = in_use(error, call, shell, failed)
    meaning, place = words(call.pages, kind)
    if meaning:
        lines.insert(0, f"{name_of(error)}: {meaning}")
    if place:
        lines.append(f"Shown in {link(place)}")
    return "\n".join(lines)


def which(error: OSError, call: Call) -> str:
    """The error's name, and what kind of address it is about where that makes a difference."""
    name, address = name_of(error), wanted(error, call)
    if isinstance(address, (str, bytes)) or getattr(call.on, "family", None) == socket.AF_UNIX:
        return f"{name} of a path"
    if name == "EBADF" and is_libc(call.on):
        return f"{name} of a number"
    if name == "EADDRINUSE" and isinstance(address, tuple) and address[1:2] == (0,):
        return f"{name} of port 0"
    return name


@cache
def tables() -> tuple[dict[str, Any], dict[str, Any]]:
    import tomllib

    with (
        open(os.path.join(HERE, "words.toml"), "rb") as ours,
        open(os.path.join(HERE, "..", "errors.toml"), "rb") as manual,
    ):
        return tomllib.load(ours), tomllib.load(manual)


def words(pages: list[str], kind: str) -> tuple[str, str]:
    """What an error means for a call and NOTEBOOK#HEADING of its cure, or what the manual says."""
    ours, manual = tables()
    name = kind.partition(" ")[0]
    for page in [*pages, "any"]:
        for each in dict.fromkeys([kind, name]):
            if each in ours.get(page, {}):
                meaning, place = ours[page][each]
                return meaning, place
    for page in pages:
        entries = manual.get(page, {"entries": []})["entries"]
        reasons = [entry["when"] for entry in entries if entry["name"] == name]
        if reasons:
            return f"{', or '.join(reasons)}.", ours["lessons"][page]
    return "", ""


def link(place: str) -> str:
    notebook, _, heading = place.partition("#")
    return f"{notebook}.ipynb#{heading.replace(' ', '-')}"


def in_use(error: OSError, call: Call, shell: Any, failed: Failed) -> list[str]:
    address = wanted(error, call)
    if not isinstance(address, tuple) or len(address) < 2 or not isinstance(address[1], int):
        return []  # which port it was cannot be told
    kind = getattr(call.on, "type", socket.SOCK_STREAM)
    held = error.__dict__.get("_held", {})
    return holder(Wanted(address[0], address[1], kind, call.on, held), shell, failed).splitlines()


def wanted(error: OSError, call: Call) -> Any:
    if call.name == "listen" and isinstance(call.on, socket.socket):
        try:
            return call.on.getsockname()
        except OSError:  # closed by its `with` since
            return None
    said = re.search(r"bind on address (\(.*?\)|'.*?')", str(error))  # create_server(), asyncio
    if said:
        return ast.literal_eval(said[1])
    return call.address
