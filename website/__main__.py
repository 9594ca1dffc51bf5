"""Build the site: python -m website [SPHINX'S OPTIONS]"""

import sys
from pathlib import Path

from sphinx.cmd.build import build_main

from website.sources import lay_out

HERE = Path(__file__).parent
BUILD = HERE.parent / "build"

if __name__ == "__main__":
    sources, pages = BUILD / "site-sources", BUILD / "site"
    lay_out(sources)
    options = ["-b", "html", "-c", str(HERE), "-d", str(BUILD / "site-doctrees"), "-j", "auto"]
    sys.exit(build_main([*options, "-q", *sys.argv[1:], str(sources), str(pages)]))
