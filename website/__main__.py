"""Build the site: python -m website [FOLDER [SPHINX'S OPTIONS]]

SITE_URL is where it will be, for what has to have whole addresses.
"""

import sys
from pathlib import Path

from sphinx.cmd.build import build_main

from website.sources import lay_out

HERE = Path(__file__).parent


def build(folder: Path, *options: str) -> int:
    """Build into that folder, beside which Sphinx keeps what it has read; return its status."""
    sources, read = (folder.with_name(f"{folder.name}-{kind}") for kind in ("sources", "read"))
    lay_out(sources)
    given = ["-b", "html", "-c", str(HERE), "-d", str(read), "-j", "auto", "-q", "-W"]
    return build_main([*given, *options, str(sources), str(folder)])


if __name__ == "__main__":
    folder, *options = sys.argv[1:] or [str(HERE.parent / "build/site")]
    sys.exit(build(Path(folder), *options))
