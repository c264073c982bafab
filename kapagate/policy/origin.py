"""Where values come from: a place in a file, and the layer whose document stands there."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from kapagate.policy.documents import Document
from kapagate.policy.position import Span


class Origin(Struct, frozen=True):
    """`place` is `file:line:column`; empty: nowhere, the value is the default. `layer` is `gateway`, `environment
    production`, `tenant acme` or `exception acme-logs`; empty where a reference to a file stands for the value.
    """

    place: str = ""
    layer: str = ""

    def __str__(self) -> str:
        return (f"{self.place} ({self.layer})" if self.layer else self.place) or "default"


DEFAULT = Origin()


def layer_of(document: Document) -> str:
    """What people call the layer that a document is."""
    if document.kind == "Gateway":
        return "gateway"
    return f"{document.kind.lower()} {document.name or document.place}"


class Origins:
    """The layers of a policy's documents, by their places."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._by_file: dict[str, list[tuple[int, int, str]]] = {}
        for each in documents:
            span = each.node.span
            self._by_file.setdefault(span.file, []).append((span.line, span.end_line, layer_of(each)))

    def of(self, span: Span) -> Origin:
        found = (name for first, last, name in self._by_file.get(span.file, ()) if first <= span.line <= last)
        return Origin(str(span), next(found, ""))
