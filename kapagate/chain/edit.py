"""What the steps changed of a request: a record that is copied on write, so that a shadow can have its own."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

UNREAD: Any = type("Unread", (), {"__repr__": lambda self: "UNREAD"})()


@dataclass(frozen=True, slots=True)
class RequestEdit:
    """`document`: the JSON body with the steps' changes, UNREAD until a step asked for it (`Exchange.document`).

    `context` is what `enrich` adds, by name; `pseudonym` stands for the person; the upstream's adapter knows where its
    API has a place for them. `headers` are set on what leaves, names in lower case.
    """

    document: Any = UNREAD
    context: dict[str, str] = field(default_factory=dict)
    headers: dict[bytes, bytes] = field(default_factory=dict)
    pseudonym: str | None = None

    def with_document(self, document: Any) -> RequestEdit:
        return replace(self, document=document)

    def with_context(self, context: dict[str, str]) -> RequestEdit:
        return replace(self, context={**self.context, **context})

    def with_headers(self, headers: dict[bytes, bytes]) -> RequestEdit:
        return replace(self, headers={**self.headers, **headers})

    def with_pseudonym(self, pseudonym: str) -> RequestEdit:
        return replace(self, pseudonym=pseudonym)


UNTOUCHED = RequestEdit()
