"""The way from a lesson to what is in depth, and back."""

from typing import Any

from sphinx.application import Sphinx


def other(page: str, pages: set[str]) -> tuple[str, str]:
    """Return the page beside a page and what the link to it says; empty where there is none."""
    deeper = page.startswith("deeper/")
    found = page.removeprefix("deeper/") if deeper else f"deeper/{page}"
    if found not in pages:
        return "", ""
    return found, "← the lesson" if deeper else "in depth →"


def tell(app: Sphinx, page: str, _: str, context: dict[str, Any], __: object) -> None:
    context["beside"], context["beside_name"] = other(page, set(app.env.found_docs))


def setup(app: Sphinx) -> None:
    app.connect("html-page-context", tell)
