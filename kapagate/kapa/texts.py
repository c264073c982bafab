"""Where texts stand in Kapa's objects, by key. What is not named here is a text of kind `other`."""

from __future__ import annotations

from typing import Final

from kapagate.answer.events import TextKind

SOURCE_KINDS: Final[dict[str, TextKind]] = {"title": "title"}
PASSAGE_KINDS: Final[dict[str, TextKind]] = {"title": "title", "content": "passage"}
UNTOUCHED: Final = frozenset({"source_url"})
