"""What the page's search looks in: the symptoms, and the words of each section.

static/search.js reads it; it is a script, since a page from a file may fetch nothing else.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from markdown_it.token import Token
from sphinx.application import Sphinx

from sockutils.course.source import lessons
from sockutils.errors.shown import ALIASES, ERRNO, manual
from sockutils.why.search import SAYS_NOTHING, of_the_manual
from sockutils.why.symptom import Symptom, named, symptoms
from website.cells import text
from website.markup import MARKDOWN, address, heading, inline, slug
from website.plain import printed
from website.sources import course, ways_to_run

OFTEN = 4  # times
COMMON = "be are can has have how i if me what which who you"  # in questions
NOTHING = {*SAYS_NOTHING.split(), *COMMON.split(" ")}
LONGEST = 150  # characters of a section's beginning
WORD = re.compile(r"::1?|\d+(?:\.\d+){3}|[^\W_]+(?:[-_][^\W_]+)*")
TAG = re.compile(r"<[^>]*>")
RESOLVER = range(-1, -100, -1)  # what getaddrinfo() may return


class Section(NamedTuple):
    page: str
    title: str
    name: str  # of the link to it
    texts: list[str]

    def told(self) -> list[str]:
        """Its page, link, title, beginning, the words that it has often, and all others."""
        begins = shortened(next(iter(self.texts), ""))
        counts = Counter(word for text in self.texts for word in words(text))
        often = {word for word, count in counts.items() if count >= OFTEN} - NOTHING
        others = counts.keys() - often - NOTHING - {*words(begins), *words(self.title)}
        return [
            self.page,
            self.name,
            self.title,
            begins,
            *(" ".join(sorted(each)) for each in (often, others)),
        ]


def words(text: str) -> list[str]:
    return WORD.findall(text.lower())


def shortened(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return text[:LONGEST].rpartition(" ")[0] + " …"


def of_notebook(page: str, path: Path) -> list[Section]:
    """The sections in their order; without a name of its own one has its cell's."""
    found: list[Section] = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "markdown":
            add(found, page, text(cell), cell["id"])
        else:
            found[-1].texts.extend([text(cell), *map(printed, cell["outputs"])])
    return found


def add(found: list[Section], page: str, markdown: str, name: str) -> None:
    """Add a cell's text to the last section, after the sections that it begins."""
    before: Token | None = None
    for token in MARKDOWN.parse(markdown):
        if token.type == "inline" and before and before.type == "heading_open":
            title = plain(token)
            own = '"' not in title and title not in [each.title for each in found]
            found.append(Section(page, title, slug(title) if own else name, []))
        elif said := plain(token):
            found[-1].texts.append(said)
        before = token


def plain(token: Token) -> str:
    """What somebody reads of a piece of Markdown."""
    if token.children is None:
        return " ".join(TAG.sub(" ", token.content).split())
    kinds = {"softbreak": " ", "html_inline": " "}
    return "".join(kinds.get(each.type, each.content) for each in token.children).strip()


def sections() -> Iterator[Section]:
    for name, path in lessons().items():
        yield from of_notebook(name.removesuffix(".ipynb"), path)
    run: list[Section] = []
    add(run, "run", ways_to_run(), "")
    yield from run


def row(symptom: Symptom) -> dict[str, Any]:
    """A symptom, its causes ready to be shown."""
    causes = [
        [inline(each.says), address(each.place), heading(each.place)] for each in symptom.causes
    ]
    return {"texts": symptom.texts, "error": symptom.error, "causes": causes}


def data() -> dict[str, Any]:
    known = symptoms()
    errors = {entry["name"] for page in manual().values() for entry in page["entries"]}
    others = [of_the_manual(name) for name in sorted(errors - {each.error for each in known})]
    numbers = {number: name for number in [*RESOLVER, *ERRNO] if (name := named(number))}
    return {
        "symptoms": [row(each) for each in known],
        "manual": [row(each) for each in others if each.causes],
        "numbers": numbers,
        "aliases": ALIASES,
        "nothing": SAYS_NOTHING.split(),
        "common": sorted(NOTHING),
        "pages": {each.page: each.title for each in course()},
        "sections": [each.told() for each in sections()],
    }


def write(app: Sphinx, error: Exception | None) -> None:
    if not error:
        script = f"searchData({json.dumps(data(), ensure_ascii=False, separators=(',', ':'))})\n"
        Path(app.outdir, "_static/search-data.js").write_text(script, encoding="utf-8")


def instead(app: Sphinx) -> None:
    """Leave Sphinx's own index out: it knows neither phrases nor what `Errno 98` is."""
    app.builder.search = False  # type: ignore[attr-defined]


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", instead)
    app.connect("build-finished", write)
