"""Write every notebook as slides: one HTML file each, which asks no host for anything.

python tests/slides.py [NOTEBOOK...]
"""

import re
import sys
from pathlib import Path

from nbconvert import SlidesExporter
from reference import layers

ROOT = Path(__file__).parents[1].resolve()
NOTEBOOKS = ROOT / "notebooks"
TEMPLATE = Path(__file__).with_name("slides.html.j2")


def export(path: Path, folder: Path) -> Path:
    exporter = SlidesExporter(template_file=str(TEMPLATE))  # type: ignore[no-untyped-call]
    page, _ = exporter.from_filename(str(path))
    made = folder / path.relative_to(NOTEBOOKS).with_suffix(".html")
    made.parent.mkdir(parents=True, exist_ok=True)
    made.write_text(re.sub(r'href="([\w./]+)\.ipynb', r'href="\1.html', page))
    return made


if __name__ == "__main__":
    folder = ROOT / "build/slides"
    for path in map(Path, sys.argv[1:] or layers()):
        print(export(path.resolve(), folder).relative_to(ROOT), flush=True)
