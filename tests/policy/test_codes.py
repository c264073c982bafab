"""Codes are stable, unique, and documented."""

from __future__ import annotations

import re
from pathlib import Path

from kapagate.policy import codes
from kapagate.policy.codes import CODES

DOCS = Path(__file__).parents[2] / "docs" / "errors.md"


def test_every_code_is_used_once_and_says_what_it_stands_for() -> None:
    assert len({code.name for code in CODES}) == len(CODES)
    assert all(re.fullmatch(r"KG[1-5]\d\d", code.name) and code.title for code in CODES)


def test_the_docs_have_a_section_for_every_code_under_its_title_and_no_other() -> None:
    headings = re.findall(r"^### (KG\d+) (.*)$", DOCS.read_text(), re.MULTILINE)
    assert headings == [(code.name, code.title) for code in CODES]


def test_every_section_of_the_docs_says_something() -> None:
    sections = re.split(r"^#{2,3} .*$", DOCS.read_text(), flags=re.MULTILINE)
    assert all(len(section.strip()) > 30 for section in sections[1:])


def test_the_page_of_a_code_is_the_anchor_of_its_heading() -> None:
    assert codes.API_VERSION.page == "docs/errors.md#kg201-the-documents-apiversion-is-missing-or-unknown"
    assert len({code.page for code in CODES}) == len(CODES)
