"""A line of somebody's code, named in half a sentence."""

from types import CodeType
from typing import Any

Step = tuple[CodeType, int, dict[str, Any]]  # code, line, globals; a frame would keep its sockets


def steps(error: BaseException) -> list[Step]:
    """Return the lines that an error has come through, innermost first."""
    import traceback

    found = traceback.walk_tb(error.__traceback__)
    return [(frame.f_code, line, frame.f_globals) for frame, line in found][::-1]


def where(steps: list[Step]) -> str:
    """Name the innermost line in the module of the outermost: " at line 3 in f(): s.recv(1)"."""
    import linecache

    for code, line, names in steps:
        if names is steps[-1][-1]:  # the function's own, not a library's
            inside = "" if code is steps[-1][0] else f" in {code.co_name}()"
            source = linecache.getline(code.co_filename, line, names).strip()
            return f" at line {line}{inside}" + (source and f": {source}")
    return ""
