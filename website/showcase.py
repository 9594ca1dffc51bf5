"""The picture that moves on the first page: one that a lesson shows."""

import json

from sockutils.course.source import lessons

PAGE, CELL = "00_start_here.ipynb", "start-11"


def picture() -> str:
    """The HTML of that cell's stored picture."""
    cells = json.loads(lessons()[PAGE].read_text(encoding="utf-8"))["cells"]
    (cell,) = (each for each in cells if each["id"] == CELL)
    (markup,) = (
        out["data"]["text/html"] for out in cell["outputs"] if "text/html" in out.get("data", {})
    )
    return "".join(markup)
