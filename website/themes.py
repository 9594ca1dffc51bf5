"""The colours of the course's pictures and tables in the site's two themes."""

from pathlib import Path

from sphinx.application import Sphinx

from sockutils.figures.colours import DARK, IN_DARK, LIGHT, variables
from sockutils.practice.feedback import COLOURS

PLACES = ":is(.sk-table, .sk-grid, .guess)"


def style() -> str:
    """Return CSS with the colours by their names.

    A page says its theme as JupyterLab does, if scripts run; without them the reader's own counts.
    """
    unsaid = "body:not([data-jp-theme-light])"
    dark = [f"{unsaid} {PLACES} {{{variables(DARK)}}}"]
    for outcome, name in COLOURS.items():
        said = f'{unsaid} .sockutils-said[data-outcome="{outcome}"]'
        dark.append(f"{said} {{border-color:{DARK[name]};--said:{DARK[name]}}}")
    rules = [
        f".guess {{{variables(LIGHT)}}}",
        f"{IN_DARK[0]} .guess {{{variables(DARK)}}}",
        f"@media (prefers-color-scheme: dark) {{{' '.join(dark)}}}",
    ]
    return "\n".join(rules)


def write(app: Sphinx, error: Exception | None) -> None:
    if error is None:
        Path(app.outdir, "_static/themes.css").write_text(style())


def setup(app: Sphinx) -> None:
    app.add_css_file("themes.css")
    app.connect("build-finished", write)
