from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    lost = []
    for link in _LINK.findall(page.read_text()):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if link.startswith("http"):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)
    assert lost == []


def test_the_index_names_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    assert [page.name for page in PAGES if page.parent.name == "docs" and f"({page.name})" not in index] == [
        "README.md"
    ]


def test_the_page_for_contributors_names_files_that_are_there() -> None:
    page = (ROOT / "docs" / "life-of-an-exchange.md").read_text()
    named = set(re.findall(r"\b((?:[a-z_]+/)+[a-z_]+\.py)\b", page))
    assert len(named) > 10
    assert [path for path in named if not any((top / path).is_file() for top in (ROOT, ROOT / "kapagate"))] == []


def test_the_page_for_contributors_names_every_room() -> None:
    page = (ROOT / "docs" / "life-of-an-exchange.md").read_text()
    rooms = {path.parent.name for path in (ROOT / "kapagate").glob("*/__init__.py")}
    assert {room for room in rooms if f"`{room}/`" not in page} == set()
