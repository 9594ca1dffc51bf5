"""Write every notebook as slides: one HTML file each, which asks no host for anything.

python tests/slides.py [NOTEBOOK...]
"""

import re
import sys
from pathlib import Path

from nbconvert import SlidesExporter

ROOT = Path(__file__).parent.parent
TEMPLATE = Path(__file__).with_name("slides.html.j2")


def export(path: Path, folder: Path) -> Path:
    exporter = SlidesExporter(template_file=str(TEMPLATE))  # type: ignore[no-untyped-call]
    page, _ = exporter.from_filename(str(path))
    made = folder / f"{path.stem}.html"
    made.write_text(re.sub(r'href="(\w+)\.ipynb', r'href="\1.html', page))
    return made


if __name__ == "__main__":
    folder = ROOT / "build/slides"
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or sorted(map(str, ROOT.glob("notebooks/*.ipynb"))):
        print(export(Path(name), folder).relative_to(ROOT), flush=True)
