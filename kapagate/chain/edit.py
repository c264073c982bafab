"""What the steps changed of a request: a record that is copied on write, so that a shadow can have its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

UNREAD: Any = type("Unread", (), {"__repr__": lambda self: "UNREAD"})()


class RequestEdit(NamedTuple):
    """`document`: the JSON body with the steps' changes, UNREAD until a step asked for it (`Exchange.document`).

    `context` is what `enrich` adds, by name; `pseudonym` stands for the person, and `email` is theirs where the policy
    tells it; the upstream's adapter knows where its API has a place for them. `headers` are set on what leaves, names
    in lower case.
    """

    document: Any = UNREAD
    context: Mapping[str, str] = {}
    headers: Mapping[bytes, bytes] = {}
    pseudonym: str | None = None
    email: str | None = None

    def with_document(self, document: Any) -> RequestEdit:
        return RequestEdit(document, self.context, self.headers, self.pseudonym, self.email)

    def with_context(self, context: Mapping[str, str]) -> RequestEdit:
        context = {**self.context, **context} if self.context else context
        return RequestEdit(self.document, context, self.headers, self.pseudonym, self.email)

    def with_headers(self, headers: Mapping[bytes, bytes]) -> RequestEdit:
        return RequestEdit(self.document, self.context, {**self.headers, **headers}, self.pseudonym, self.email)

    def with_pseudonym(self, pseudonym: str) -> RequestEdit:
        return RequestEdit(self.document, self.context, self.headers, pseudonym, self.email)

    def with_email(self, email: str) -> RequestEdit:
        return RequestEdit(self.document, self.context, self.headers, self.pseudonym, email)


UNTOUCHED = RequestEdit()
