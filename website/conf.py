"""Sphinx's settings. `python -m website` lays the pages out, and builds them."""

from sphinx.application import Sphinx

from website import anchors, beside, plain, search, sharing, themes
from website.sources import BOOK, base

project = "The socket API, live"
author = "The sockutils authors"
language = "en"
extensions = ["myst_nb"]
templates_path = ["templates"]
root_doc = "index"
highlight_language = "none"

nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # they would come from another host
# A cell is Markdown as JupyterLab reads it: `{x}`, `%` and `(x)=` are text.
myst_disable_syntax = ["myst_role", "myst_line_comment", "myst_target", "myst_block_break"]
myst_heading_anchors = 6
myst_heading_slug_func = "website.markup.slug"

html_theme = "furo"
html_title = project
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = [("guess.js", {"defer": "defer"}), ("site.js", {"defer": "defer"})]
html_extra_path = [str(BOOK)] if BOOK.exists() else []
html_show_sourcelink = False
html_copy_source = False
html_show_sphinx = False
html_permalinks_icon = "#"
html_baseurl = base()
html_use_index = False
html_additional_pages = {"search": "search.html"}
html_theme_options = {"sidebar_hide_name": False, "top_of_page_buttons": []}
pygments_style, pygments_dark_style = "a11y-high-contrast-light", "a11y-high-contrast-dark"


def setup(app: Sphinx) -> None:
    for part in (anchors, beside, plain, search, sharing, themes):
        part.setup(app)
