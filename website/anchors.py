"""Names in links: a heading's as in JupyterLab, a cell's as in its notebook, each its first."""

from docutils import nodes
from myst_parser.mdit_to_docutils.transforms import AddSlugIds
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform


class Names(SphinxTransform):
    """Put these names before those that Sphinx counts out, which change with the text."""

    default_priority = AddSlugIds.default_priority + 1

    def apply(self) -> None:
        slugs = self.env.metadata[self.env.docname].get("myst_slugs", {})
        for section in self.document.findall(nodes.section):
            name = section.get("slug", "")
            if name in section["ids"] and '"' not in name:  # Sphinx's own link would break there
                section["ids"] = [name, *(each for each in section["ids"] if each != name)]
                line, _, text = slugs[name]
                slugs[name] = (line, name, text)
        for cell in self.document.findall(nodes.container):
            if name := cell.attributes.get("cell_metadata", {}).get("anchor"):
                cell["ids"].append(name)


def setup(app: Sphinx) -> None:
    app.add_transform(Names)
