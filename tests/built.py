"""The site, built once in a run of the tests, and a browser's visits to it."""

import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import browser
import pytest
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[1]
HOME = "https://course.example/sockets/"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site, which the first process of this run that needs it builds."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    folder = shared / "site"
    with (shared / "site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            build(shared / "begun").rename(folder)
    return folder


def build(folder: Path) -> Path:
    command = [sys.executable, "-m", "website", str(folder)]
    environment = os.environ | {"SITE_URL": HOME.rstrip("/")}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def server(site: Path) -> Iterator[str]:
    """Where the site is served, as Pages does it."""
    command = [sys.executable, "-u", "-m", "http.server", "--bind=127.0.0.1", "0"]
    with subprocess.Popen(
        command, cwd=site, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as serving:
        assert serving.stdout
        yield re.findall(r"http://[\d.:]+/", serving.stdout.readline())[0]
        serving.terminate()


@pytest.fixture
def visit(opened: Browser, server: str) -> Iterator[Callable[..., Page]]:
    """Open a page, which must not ask another host for anything, and must not fail."""
    asked, errors, contexts = set[str](), list[str](), []

    def open_page(
        name: str, width: int = 1280, scheme: str = "light", scripts: bool = True
    ) -> Page:
        context = opened.new_context(
            viewport={"width": width, "height": 800},
            color_scheme=scheme,  # type: ignore[arg-type]
            java_script_enabled=scripts,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(browser.PATIENCE * 1000)
        page.on("request", lambda request: asked.add(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(server + name)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [url for url in asked if not url.startswith((server, "data:"))] == []
    assert errors == []
