"""The Chromium that prints the book and that the tests click in."""

import os
import shutil

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--disable-background-networking", "--disable-component-update", "--disable-gpu"]
FLAGS += ["--disable-quic", "--disable-sync", "--no-first-run"]
FLAGS += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
FLAGS += ["--no-sandbox"] * (os.getuid() == 0)  # root has no sandbox in Chromium


def installed() -> str:
    """Return its path. Raises FileNotFoundError if there is none."""
    for path in map(shutil.which, BROWSERS):
        if path:
            return path
    raise FileNotFoundError("no Chromium is installed (apt install chromium)")
