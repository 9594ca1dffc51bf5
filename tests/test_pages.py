"""The pages beside the lessons: README and its neighbours."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), ROOT / "notebooks/README.md", ROOT / "deploy/README.md"]
README = (ROOT / "README.md").read_text()
LINK = re.compile(r'\]\(([^()\s]+)\)|(?:src|srcset)="([^"]+)"')

every_page = pytest.mark.parametrize(
    "page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES]
)


def headings(page: Path) -> set[str]:
    """Their names in a link, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each).lower().replace(" ", "-") for each in found}


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"`[^`\n]*`", "", page.read_text())  # links that are shown, not to be followed
    targets = [one or other for one, other in LINK.findall(text)]
    for target in targets:
        file, _, heading = target.partition("#")
        if "://" in file:
            continue
        found = page.parent / file if file else page
        assert found.exists(), target
        if heading and found.suffix == ".md":
            assert heading in headings(found), target


def test_links_of_readme_reach_every_page() -> None:
    linked = {one for one, _ in LINK.findall(README)}
    beside = {str(page.relative_to(ROOT)) for page in PAGES if page.parent != ROOT / "deploy"}
    assert beside - linked == {"README.md"}


def test_readme_is_one_screen() -> None:
    assert len(README.splitlines()) <= 40
    assert len(README.split()) <= 400


def test_what_readme_tells_to_type_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    told = set(re.findall(r"\bmake ([a-z]+)(?= |`)", README))
    assert {"lab", "test", "site", "book"} <= told <= targets | {"and"}
    assert (ROOT / "compose.yaml").exists()
    assert (ROOT / ".devcontainer/devcontainer.json").exists()


def test_every_lesson_is_in_the_list_of_lessons() -> None:
    listed = (ROOT / "notebooks/README.md").read_text()
    for path in (ROOT / "notebooks").rglob("[01]*.ipynb"):
        assert f"({path.relative_to(ROOT / 'notebooks')})" in listed
