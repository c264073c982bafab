"""The documentation of Nimbus, a message store that nobody has ever built, and a search over it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.resources import files
from uuid import NAMESPACE_URL, uuid5

from msgspec import Struct

SITE = "https://docs.nimbus.example"
_WORD = re.compile(r"[a-z0-9]{3,}")


class Page(Struct, frozen=True):
    """An ingested document. `path` is None for an uploaded file, `sections` is empty where no text is to be had."""

    title: str
    path: str | None
    sections: tuple[tuple[str, str], ...] = ()

    @property
    def url(self) -> str | None:
        return None if self.path is None else SITE + self.path

    @property
    def document_id(self) -> str:
        return str(uuid5(NAMESPACE_URL, f"{SITE}/documents/{self.title}"))

    @property
    def content(self) -> str | None:
        """The whole page as Markdown."""
        parts = (f"## {heading}\n\n{text}" for heading, text in self.sections)
        return "\n\n".join((f"# {self.title}", *parts)) if self.sections else None


class Chunk(Struct, frozen=True):
    """One section of a page that has a URL: what a search finds."""

    page_title: str
    heading: str
    text: str
    url: str

    @property
    def title(self) -> str:
        """`Page|Section`, as Kapa writes it."""
        return f"{self.page_title}|{self.heading}"

    @property
    def content(self) -> str:
        return f"# {self.page_title}\n\n## {self.heading}\n\n{self.text}"


def parse_pages(source: str) -> tuple[Page, ...]:
    """Pages written one after the other as `# title`, `<path>` where there is one, and `## heading` with its text."""
    return tuple(_parse_page(part) for part in re.split(r"(?m)^# ", source)[1:])


def _parse_page(source: str) -> Page:
    head, *sections = re.split(r"(?m)^## ", source)
    title, _, address = head.partition("\n")
    return Page(title, address.strip(" \n<>") or None, tuple(_parse_section(section) for section in sections))


def _parse_section(source: str) -> tuple[str, str]:
    heading, _, text = source.partition("\n")
    return heading, " ".join(text.split())


def list_chunks(pages: Iterable[Page]) -> Iterator[Chunk]:
    for page in pages:
        for heading, text in page.sections:
            if page.url is not None:
                yield Chunk(page.title, heading, text, f"{page.url}#{heading.lower().replace(' ', '-')}")


def search(question: str) -> list[Chunk]:
    """Every chunk, the one that shares most words with the question first; equal ones in the order of the pages."""
    asked = set(_WORD.findall(question.lower()))
    return sorted(CHUNKS, key=lambda chunk: -_score(asked, chunk))


def find_page(url: str) -> Page | None:
    """The page with exactly this URL, else the one with this URL but for its fragment."""
    return _PAGE_BY_URL.get(url) or _PAGE_BY_URL.get(url.partition("#")[0])


def find_document(document_id: str) -> Page | None:
    return _PAGE_BY_ID.get(document_id)


def _score(asked: set[str], chunk: Chunk) -> int:
    title = set(_WORD.findall(chunk.title.lower()))
    return 3 * len(asked & title) + len(asked & set(_WORD.findall(chunk.text.lower())))


PAGES = parse_pages((files("kapagate.standin") / "nimbus.md").read_text("utf-8"))
CHUNKS = tuple(list_chunks(PAGES))
_PAGE_BY_URL = {page.url: page for page in PAGES if page.url is not None}
_PAGE_BY_ID = {page.document_id: page for page in PAGES}
