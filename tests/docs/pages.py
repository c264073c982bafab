"""The pages as the tests read them: blocks, tables, links; and an environment for the policies in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from tests.identity.keys import pem, private

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "deploy" / "README.md"])
_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, *languages: str) -> list[str]:
    """The code blocks of a page in these languages, without the indentation of a list."""
    found = _BLOCK.findall(page.read_text())
    return [re.sub(f"^{indent}", "", text, flags=re.MULTILINE) for indent, word, text in found if word in languages]


def rows(page: str, header: str) -> list[list[str]]:
    """The rows of the first table of a page whose header begins so, as cells."""
    lines = iter((ROOT / "docs" / page).read_text().splitlines())
    next(line for line in lines if line.startswith(f"| {header}"))
    next(lines)
    return [_cells(line) for line in _while_table(lines)]


def codes(cell: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`]*)`", cell)


def resolve(kind: str, name: str, folder: Path) -> str:
    """Something that fits for every reference in the documentation."""
    if name.endswith("keys.yaml"):
        return "[]"
    if name.endswith(".pem"):
        return pem(private("Ed25519")).decode()
    if name.endswith("URL"):
        return "https://api.kapa.example"
    return (
        str(uuid5(NAMESPACE_URL, name))
        if "PROJECT" in name
        else f"made for a test of the docs {name}".replace(" ", "-")
    )


def _while_table(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if not line.startswith("|"):
            return
        yield line


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
