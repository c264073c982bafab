"""The documents of a policy: which kind each is, and that none claims another's place."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from pathlib import Path

from msgspec import Struct

from kapagate.policy import codes
from kapagate.policy.clear_secrets import check_clear_secrets
from kapagate.policy.finding import Diagnostics
from kapagate.policy.nodes import Mapping, Node, Scalar, described, plain
from kapagate.policy.position import Span
from kapagate.policy.source import Source
from kapagate.policy.suggestion import closest
from kapagate.policy.syntax import parsing
from kapagate.policy.work import Work, done

API_VERSION = "kapagate.dev/v1"
KINDS = ("Gateway", "Environment", "Tenant", "Exception", "PolicyTest")
HEADER = ("apiVersion", "kind")
_NOUNS = {
    "Tenant": "tenant",
    "PolicyTest": "policy test",
    "Environment": "environment",
    "Exception": "exception of",
}


class Document(Struct, frozen=True, eq=False):
    """One document without its header. `kind_span` is where it says what it is, `digest` a hash of all it says."""

    kind: str
    node: Mapping
    folder: Path
    kind_span: Span
    digest: str

    @property
    def name(self) -> str:
        name = self.node.get("name")
        return name.value if isinstance(name, Scalar) and isinstance(name.value, str) else ""

    @property
    def place(self) -> str:
        """What no other document of the kind may claim; nothing where that is not known."""
        if self.kind != "Exception":
            return self.name
        parts = (self.node.get(key) for key in ("tenant", "step", "field"))
        return " ".join(str(part.value) if isinstance(part, Scalar) else "?" for part in parts)


class Shelf:
    """The documents of files without a fault, kept as long as the file says the same."""

    __slots__ = ("_files",)

    def __init__(self) -> None:
        self._files: dict[str, tuple[str, list[Document]]] = {}

    def get(self, source: Source) -> list[Document] | None:
        text, documents = self._files.get(source.name, (None, None))
        return documents if text == source.text else None

    def put(self, source: Source, documents: list[Document]) -> None:
        self._files[source.name] = source.text, documents

    def keep(self, names: Collection[str]) -> None:
        """Forgets all other files."""
        for name in self._files.keys() - names:
            del self._files[name]


def read_documents(sources: Sequence[Source], problems: Diagnostics) -> list[Document]:
    """The documents of all files; of two that claim the same place the first."""
    return done(reading(sources, problems, Shelf()))


def reading(sources: Sequence[Source], problems: Diagnostics, shelf: Shelf) -> Work[list[Document]]:
    """`read_documents`, in slices; what the shelf has is not read again."""
    documents: list[Document] = []
    for source in sources:
        known = shelf.get(source)
        if known is None:
            before, known = len(problems), []
            for node in (yield from parsing(source, problems)):
                if found := _document(node, source.folder, problems):
                    known.append(found)
                yield
            if len(problems) == before:
                shelf.put(source, known)
        documents += known
        yield
    return (yield from _each_once(documents, problems))


def _document(node: Node, folder: Path, problems: Diagnostics) -> Document | None:
    if not isinstance(node, Mapping):
        hint = "keep files that are no policy out of the directory, or hide them with a leading dot"
        problems.add(codes.NOT_A_MAPPING, node.span, f"a document is a mapping, not {described(node)}", note=hint)
        return None
    _check_version(node, problems)
    kind = node.get("kind")
    if kind is None:
        near = _near(node, "kind")
        span = node.key_span(near) if near else _opening(node)
        message = f'"kind" is missing: it is {" or ".join(KINDS)}'
        problems.add(codes.KIND, span, message, suggestion=near and "kind")
        return None
    if not (isinstance(kind, Scalar) and kind.value in KINDS):
        word = str(kind.value) if isinstance(kind, Scalar) else described(kind)
        problems.unknown(codes.KIND, kind.span, "kind", word, KINDS)
        return None
    if kind.value != "PolicyTest":
        check_clear_secrets(node, problems)
    rest = Mapping(node.span, {key: entry for key, entry in node.entries.items() if key not in HEADER})
    return Document(str(kind.value), rest, folder, kind.span, _digest(rest))


def _digest(node: Mapping) -> str:
    text = json.dumps(plain(node), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _check_version(node: Mapping, problems: Diagnostics) -> None:
    version = node.get("apiVersion")
    if version is None:
        near = _near(node, "apiVersion")
        span = node.key_span(near) if near else _opening(node)
        problems.add(
            codes.API_VERSION, span, f'"apiVersion: {API_VERSION}" is missing', suggestion=near and "apiVersion"
        )
    elif not (isinstance(version, Scalar) and version.value == API_VERSION):
        problems.add(codes.API_VERSION, version.span, "unknown apiVersion", suggestion=API_VERSION)


def _near(node: Mapping, key: str) -> str | None:
    return closest(key, [each for each in node.entries if each not in HEADER])


def _opening(node: Mapping) -> Span:
    """A mapping's first key, which says more than all of its lines."""
    return next((entry.span for entry in node.entries.values()), node.span)


def _each_once(documents: list[Document], problems: Diagnostics) -> Work[list[Document]]:
    first: dict[tuple[str, str], Document] = {}
    for document in documents:
        yield
        key = (document.kind, "" if document.kind == "Gateway" else document.place)
        known = first.setdefault(key, document)
        if known is not document and (document.place or document.kind == "Gateway"):
            what = "a Gateway" if document.kind == "Gateway" else f'the {_NOUNS[document.kind]} "{document.place}"'
            note = f"first at {known.kind_span}"
            problems.add(codes.REPEATED_DOCUMENT, document.kind_span, f"{what} is declared twice", note=note)
    return list(first.values())


def fingerprint(documents: Sequence[Document]) -> str:
    """A hash of what the documents say; references count as written, order of files and comments does not."""
    said = sorted(f"{document.kind}\n{document.name}\n{document.digest}\n" for document in documents)
    return hashlib.sha256("".join(said).encode("utf-8")).hexdigest()[:16]
