"""Print the book, or these pages of it: python -m website.book [SITE [PDF [PAGE...]]]"""

import sys
from pathlib import Path

from website.book.paper import printed
from website.book.whole import pages, whole
from website.sources import BOOK

if __name__ == "__main__":
    given = sys.argv[1:]
    site = Path(given[0]) if given else BOOK.parents[1] / "site"
    printed(whole(site, given[2:] or pages()), Path(given[1]) if given[1:] else BOOK)
