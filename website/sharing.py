"""What a page says of itself elsewhere: in a result of a search, below a link in a chat."""

import textwrap
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from website.card import draw

LONGEST = 200  # characters; what shows descriptions cuts them here or earlier


def tell(app: Sphinx, page: str, _: str, context: dict[str, Any], tree: nodes.document) -> None:
    """Add the page's description and, as Open Graph has it (ogp.me), its title and picture."""
    if not tree:
        return
    texts = [each.astext() for each in tree.findall(nodes.paragraph)]
    about = textwrap.shorten(next(filter(None, texts), ""), LONGEST, placeholder=" …")
    title = str(app.env.titles[page].astext())
    told = {"og:title": title, "og:description": about, "og:type": "website"}
    told["og:site_name"] = app.config.project
    if base := app.config.html_baseurl:  # the picture's address has to be whole
        picture = f"_images/{page}.png"
        draw(app.config.project, title, about, Path(app.outdir, picture))
        told |= {"og:url": f"{base}{page}.html", "og:image": base + picture}
        told["og:image:alt"] = f"{title}: {about}"
    tags = [f'<meta property="{name}" content="{escape(text)}">' for name, text in told.items()]
    tags.append(f'<meta name="description" content="{escape(about)}">')
    tags.append('<meta name="twitter:card" content="summary_large_image">')
    context["metatags"] += "\n".join(tags)


def setup(app: Sphinx) -> None:
    app.connect("html-page-context", tell)
