"""Write which cell of a lesson makes a name that other cells use: sockutils/words/cells.json.

python tests/cells.py
"""

import ast
import builtins
import json
import re
import symtable
from collections.abc import Iterator
from pathlib import Path

import reference
from IPython.core.inputtransformer2 import TransformerManager

from sockutils import words
from sockutils.words.names import Places
from sockutils.words.shown import assigned

INDEX = Path(words.__file__).with_name("cells.json")


def used(table: symtable.SymbolTable) -> set[str]:
    """The names that code takes from elsewhere, also in its functions."""
    symbols = table.get_symbols()
    if table.get_type() == "module":
        names = {each.get_name() for each in symbols if each.is_referenced()}
    else:
        names = {each.get_name() for each in symbols if each.is_global()}
    return names.union(*map(used, table.get_children())) - set(dir(builtins))


def made(cells: list[tuple[str, str]]) -> Places:
    """Each name of the first cell, and each that a cell uses which an earlier one has made."""
    places: Places = {}
    latest: Places = {}
    for number, (heading, source) in enumerate(cells):
        mine = assigned(source)
        for name in used(symtable.symtable(source, "cell", "exec")) - set(mine):
            if name in latest:
                places.setdefault(name, latest[name])
        latest |= dict.fromkeys(mine, heading if number else "")
        places |= {} if number else latest
    return places


def declared(cells: list[tuple[str, str]]) -> Places:
    """Each function of the C library that the lesson calls, and the first cell to declare it."""
    called = set(re.findall(r"\blibc\.(\w+)", "\n".join(source for _, source in cells)))
    places: Places = {}
    for heading, source in cells:
        if "ffi.cdef(" in source:
            texts = [each.value for each in ast.walk(ast.parse(source)) if is_text(each)]
            for name in re.findall(r"(\w+)\(", "\n".join(texts)):
                places.setdefault(name, heading) if name in called else None
    return places


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def lessons() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Each notebook with its code cells, as Python, and the heading above each."""
    python = TransformerManager().transform_cell
    every = [cell for cell in reference.cells() if cell.kind == "code"]
    for notebook in dict.fromkeys(cell.notebook for cell in every):
        yield (
            notebook,
            [(cell.heading, python(cell.source)) for cell in every if cell.notebook == notebook],
        )


def text() -> str:
    found = {name: {"names": made(cells), "libc": declared(cells)} for name, cells in lessons()}
    return json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write() -> None:
    INDEX.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    write()
