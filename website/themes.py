"""The colours of the course's pictures and tables in the site's two themes."""

from pathlib import Path

from sphinx.application import Sphinx

from sockutils.figures.colours import DARK, variables


def style() -> str:
    """Return CSS for a reader in the dark without scripts: with them, a page says its theme."""
    places = ".sk-table, .sk-grid, .sockutils-quiz"
    return (
        "@media (prefers-color-scheme: dark) { body:not([data-jp-theme-light]) "
        f":is({places}) {{ {variables(DARK)} }} }}\n"
    )


def write(app: Sphinx, error: Exception | None) -> None:
    if error is None:
        Path(app.outdir, "_static/themes.css").write_text(style())


def setup(app: Sphinx) -> None:
    app.add_css_file("themes.css")
    app.connect("build-finished", write)
