"""Links between pages lead somewhere, and the README stays short."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    page for pattern in ("*.md", "docs/**/*.md", "bench/*.md", "consumers/**/*.md") for page in ROOT.glob(pattern)
)
LINK = re.compile(r"\]\(([^()\s]+)\)")
CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def links_of(page: Path) -> list[str]:
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    return [link for link in LINK.findall(text) if "://" not in link]


def anchors_of(page: Path) -> set[str]:
    """Return what links into a page may end in: its headings, as GitHub writes them."""
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_there_are_pages() -> None:
    names = {str(page.relative_to(ROOT)) for page in PAGES}
    assert {"README.md", "CHANGELOG.md", "bench/README.md", "docs/flow.md", "docs/architecture.md"} <= names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file_and_a_heading_of_it(page: Path) -> None:
    dead = []
    for link in links_of(page):
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            dead.append(link)
    assert dead == []


def test_every_page_of_the_docs_is_linked_from_the_readme_or_a_page_that_it_links() -> None:
    reached, rest = set[Path](), [ROOT / "README.md"]
    while rest:
        page = rest.pop()
        if page.suffix == ".md" and page.exists() and page not in reached:
            reached.add(page)
            rest += [(page.parent / link.partition("#")[0]).resolve() for link in links_of(page) if link[0] != "#"]

    assert [
        str(page.relative_to(ROOT)) for page in PAGES if ROOT / "docs" in page.parents and page not in reached
    ] == []


def test_the_readme_has_at_most_150_lines() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
