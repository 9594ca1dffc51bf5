"""Cells as the learner sees them: by the number in brackets."""

import ast
import linecache
import sys
from typing import Any


class Failed(dict[int, int]):
    """The cells of a session that ended in an error, and the line at which each did."""

    def add(self, shell: Any, error: BaseException) -> None:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_globals is not shell.user_ns:
            trace = trace.tb_next
        cells = shell.history_manager.input_hist_parsed
        if trace is not None:
            source = "".join(linecache.getlines(trace.tb_frame.f_code.co_filename))
            if source.strip() == cells[-1].strip():  # not where a client stores no history
                self[len(cells) - 1] = trace.tb_lineno


def made_in(name: str, shell: Any, failed: Failed) -> int | None:
    """The number of the last cell that has given a variable its value, if the history knows."""
    cells = shell.history_manager.input_hist_parsed
    for number in range(len(cells) - 1, 0, -1):
        end = failed.get(number, sys.maxsize)
        if any(line < end for line in assigned(cells[number]).get(name, [])):
            return number
    return None


def assigned(source: str) -> dict[str, list[int]]:
    """The names to which a cell gives a value, each with the lines; not those in its functions."""
    found: dict[str, list[int]] = {}
    try:
        todo: list[ast.AST] = [ast.parse(source)]
    except SyntaxError:
        return found
    while todo:
        node = todo.pop()
        for name in given(node):
            found.setdefault(name, []).append(getattr(node, "lineno", 0))
        if not isinstance(node, SCOPES):
            todo += ast.iter_child_nodes(node)
    return found


SCOPES = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)


def given(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return [node.id]
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [(alias.asname or alias.name).partition(".")[0] for alias in node.names]
    return []
