"""Run every notebook from the top and store its fresh outputs, with clean metadata.

Then make anew what is built from them: the reference, and the index of names.

python tests/refresh.py [NOTEBOOK...]
"""

import os
import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import cells
import nbformat
import reference
from nbclient import NotebookClient

WIDGET = "application/vnd.jupyter.widget-view+json"


def run(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": path.parent}}).execute()
    for cell in notebook.cells:
        clean(cell)
    # What Jupyter writes when it opens a notebook: else each that is opened would be changed.
    notebook.metadata = {
        "kernelspec": notebook.metadata.kernelspec,
        "language_info": notebook.metadata.language_info,
    }
    nbformat.write(notebook, path)


def clean(cell: nbformat.NotebookNode) -> None:
    kept = {"tags", "slideshow", "jupyter", "lecture"}
    cell.metadata = {key: value for key, value in cell.metadata.items() if key in kept}
    for output in cell.get("outputs", []):
        output.get("data", {}).pop(WIDGET, None)  # it would have no kernel behind it
        if output.output_type == "error":  # the colours of a terminal
            output.traceback = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in output.traceback]
    if "outputs" in cell:  # nor does one that was nothing else say anything
        cell.outputs = joined(each for each in cell.outputs if each.get("data") != {})


def joined(outputs: Iterable[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Into how many pieces a stream comes depends on how fast the cell was: one of them is left."""
    found: list[nbformat.NotebookNode] = []
    for each in outputs:
        stream = each.output_type == "stream"
        if stream and found and found[-1].get("name") == each.name:
            found[-1].text += each.text
        else:
            found.append(each)
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as fresh:  # a learner who has done nothing yet
        os.environ["XDG_DATA_HOME"] = fresh
        os.environ["JUPYTER_DATA_DIR"] = os.environ["IPYTHONDIR"] = fresh
        os.environ["SOCKUTILS_PANEL_SECONDS"] = "60"  # so that a stored one moves without a kernel
        for path in map(Path, sys.argv[1:] or reference.layers()):
            print(path, flush=True)
            run(path)
        reference.write()
        cells.write()
