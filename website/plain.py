"""The course as plain text, for programs that read: each page as Markdown, and a list of them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from sphinx.application import Sphinx

from sockutils.course.source import lessons
from website.cells import text
from website.sources import course

IMAGE = re.compile(r'<img alt="([^"]*)"[^>]*>')
ABOUT = """# The socket API, live

> A course on the socket API of Linux: a Jupyter notebook for each call, in a private network of its
> own. Every claim is shown by a cell; the outputs here are those of real runs.

The whole text is in [llms-full.txt](llms-full.txt). An address with a cell's name, such as
03_listen.html#listen-21, leads to that cell; its name stands before it here.
"""


def markdown(path: Path) -> str:
    """A notebook as Markdown, each cell after its name, with what it has shown as text."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join(part for cell in cells for part in parts(cell)) + "\n"


def parts(cell: dict[str, Any]) -> Iterator[str]:
    yield f"<!-- #{cell['id']} -->"
    if cell["cell_type"] == "markdown":
        yield IMAGE.sub(r"(A picture: \1)", text(cell)).replace(".ipynb", ".md")
        return
    yield f"```python\n{text(cell)}\n```"
    if shown := "".join(map(printed, cell["outputs"])).rstrip():
        yield f"```text\n{shown}\n```"


def printed(output: dict[str, Any]) -> str:
    if output["output_type"] == "error":
        return f"{output['ename']}: {output['evalue']}\n"
    found = output["text"] if "text" in output else output["data"].get("text/plain", "")
    return "".join(found).rstrip("\n") + "\n"


def contents() -> str:
    """The list of all pages, in the form that llmstxt.org asks for."""
    lines = [ABOUT, "## Lessons\n"]
    lines += [f"- [{each.title}]({each.page}.md): {each.about}" for each in course()]
    lines += ["- [Reference](15_reference.md): every error, term and statement\n", "## Optional\n"]
    lines += [f"- [{each.title} in depth]({each.deeper}.md)" for each in course()]
    return "\n".join(lines).replace(".ipynb", ".md") + "\n"


def sitemap(base: str, pages: list[str]) -> str:
    """All pages for a search engine (sitemaps.org); addresses have to be whole."""
    places = "".join(f"<url><loc>{escape(base + page)}.html</loc></url>\n" for page in pages)
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="{space}">\n{places}</urlset>\n'


def write(app: Sphinx, error: Exception | None) -> None:
    if error:
        return
    out, whole = Path(app.outdir), []
    for name, path in lessons().items():
        page = markdown(path)
        whole.append(f"<!-- {name} -->\n\n{page}")
        (out / name).with_suffix(".md").write_text(page, encoding="utf-8")
    (out / "llms.txt").write_text(contents(), encoding="utf-8")
    (out / "llms-full.txt").write_text("\n".join(whole), encoding="utf-8")
    if base := app.config.html_baseurl:
        pages = sorted(app.env.found_docs - {"404"})
        (out / "sitemap.xml").write_text(sitemap(base, pages), encoding="utf-8")


def setup(app: Sphinx) -> None:
    app.connect("build-finished", write)
