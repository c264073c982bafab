"""References in policy values: `${env:NAME}`, `${file:PATH}`.

A reference may stand in any scalar, also inside it; `$${` stands for `${`. A scalar that is exactly one reference
becomes `Resolved`, which a secret field takes. One to a `.yaml`, `.yml` or `.json` file stands for the value in that
file, which keeps its places there. Keys are never interpolated, and what a reference stood for is not looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Mapping as Map
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from kapagate.chain.secret import Composed, Resolved
from kapagate.policy import codes
from kapagate.policy.finding import Diagnostics
from kapagate.policy.nodes import Entry, Mapping, Node, Scalar, Sequence
from kapagate.policy.position import Span
from kapagate.policy.source import Source, admit, called
from kapagate.policy.syntax import parse

Resolve = Callable[[str, str, Path], str]
"""(kind, name, folder that relative paths start from) -> text. Raises LookupError with a sentence."""
Reference = tuple[str, str, Path]
InScope = Callable[[str, str, Path], str]
"""(kind, name, folder) -> why this reference may not be used, or nothing."""

KINDS = ("env", "file")
_OPENING = re.compile(r"\$?\$\{")
_REFERENCE = re.compile(r"\$\{([A-Za-z_]*):([^${}\n]+)\}")
_ALMOST = re.compile(r"\{(env|file):|\$\w?\{?\w{2,5}:[^}]*\}|\$(env|file):")  # a character away from a reference
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
DOCUMENTS = (".yaml", ".yml", ".json")
_DEEPEST_INCLUSION = 4


class _Place(Struct, frozen=True):
    """Where interpolation is at work: the folder of the file, and the files that stand for each other above it."""

    folder: Path
    above: tuple[Path, ...] = ()


def everything(kind: str, name: str, folder: Path) -> str:
    """The scope of a Gateway document."""
    return ""


class Interpolation:
    """Replaces references by what they stand for. `sources` collects the files that references stand for, `asked` what
    every reference stood for, `missed` those that stood for nothing.
    """

    def __init__(self, resolve: Resolve, problems: Diagnostics, sources: dict[str, Source]) -> None:
        self._resolve = resolve
        self._problems = problems
        self._sources = sources
        self.asked: dict[Reference, str] = {}
        self.missed: dict[Reference, None] = {}

    def collect_in(self, sources: dict[str, Source]) -> None:
        """From now on; what references stood for so far is among them."""
        for name, source in self._sources.items():
            if not source.shown:
                sources.setdefault(name, source)
        self._sources = sources

    def still(self, asked: Map[Reference, str]) -> bool:
        """Whether references stand for what they stood for."""
        try:
            return all(self._resolve(*reference) == text for reference, text in asked.items())
        except (LookupError, ValueError):
            return False

    def apply(self, node: Node, folder: Path, in_scope: InScope = everything) -> Node:
        """The tree with its references replaced; what cannot be resolved is noted and stays as it is."""
        return self._walk(node, _Place(folder), in_scope)

    def _walk(self, node: Node, place: _Place, in_scope: InScope) -> Node:
        if isinstance(node, Scalar):
            return self._scalar(node, place, in_scope)
        if isinstance(node, Sequence):
            return Sequence(node.span, [self._walk(item, place, in_scope) for item in node.items])
        entries = node.entries.items()
        return Mapping(
            node.span, {key: Entry(each.span, self._walk(each.value, place, in_scope)) for key, each in entries}
        )

    def _scalar(self, node: Scalar, place: _Place, in_scope: InScope) -> Node:
        if "${" not in node.text:
            if meant := _ALMOST.search(node.text):
                self._malformed(node, meant.start())
                return replace(node, unresolved=True)
            return node
        alone = _REFERENCE.fullmatch(node.text)
        if alone and alone[1] == "file" and alone[2].endswith(DOCUMENTS):
            return self._included(node, alone[2], place, in_scope)
        if alone:
            text = self._text(node, alone, place, in_scope)
            if text is None:
                return replace(node, unresolved=True)
            return replace(node, value=Resolved(text, alone[0]), held=((text, alone[0]),))
        return self._mixed(node, place, in_scope)

    def _mixed(self, node: Scalar, place: _Place, in_scope: InScope) -> Scalar:
        pieces, held, end, whole = [], [], 0, True
        while opening := _OPENING.search(node.text, end):
            pieces.append(node.text[end : opening.start()])
            reference = _REFERENCE.match(node.text, opening.start())
            if opening[0] == "$${":
                pieces.append("${")
                end = opening.end()
            elif reference is None:
                self._malformed(node, opening.start())
                return replace(node, unresolved=True)
            else:
                text = self._text(node, reference, place, in_scope)
                whole = whole and text is not None
                pieces.append(text or "")
                held.append((text or "", reference[0]))
                end = reference.end()
        if not whole:
            return replace(node, unresolved=True)
        text = "".join([*pieces, node.text[end:]])
        return replace(node, value=Composed(text, node.text) if held else text, held=tuple(held))

    def _malformed(self, node: Scalar, start: int) -> None:
        self._problems.add(
            codes.BAD_REFERENCE,
            _within(node, start, min(len(node.text), (node.text.find("}", start) + 1) or len(node.text))),
            "a reference is ${env:NAME} or ${file:PATH}",
            note="write $${ for a plain ${",
        )

    def _text(self, node: Scalar, found: re.Match[str], place: _Place, in_scope: InScope) -> str | None:
        kind, name = found[1], found[2]
        span = _within(node, found.start(), found.end())
        if kind not in KINDS:
            note = "write $${ for a plain ${"
            self._problems.unknown(codes.REFERENCE_KIND, span, "kind of reference", kind, KINDS, note)
        elif kind == "env" and not _VARIABLE.fullmatch(name):
            self._problems.add(codes.BAD_REFERENCE, span, f'"{name}" is no name of an environment variable')
        elif why := in_scope(kind, name, place.folder):
            self._problems.add(codes.OUT_OF_SCOPE, span, why)
        else:
            try:
                text = self.asked[kind, name, place.folder] = self._resolve(kind, name, place.folder)
                return text.rstrip("\r\n") if kind == "file" else text
            except (LookupError, ValueError) as cause:
                self.missed[kind, name, place.folder] = None
                self._problems.add(codes.UNRESOLVED, span, str(cause))
        return None

    def _included(self, node: Scalar, name: str, place: _Place, in_scope: InScope) -> Node:
        path = place.folder / name
        if path in place.above or len(place.above) >= _DEEPEST_INCLUSION:
            what = "stands for itself" if path in place.above else f"is more than {_DEEPEST_INCLUSION} files deep"
            self._problems.add(codes.INCLUSION, node.span, f'"{name}" {what}')
            return replace(node, unresolved=True)
        alone = _REFERENCE.fullmatch(node.text)
        text = self._text(node, alone, place, in_scope) if alone else None
        if text is None:
            return replace(node, unresolved=True)
        source = admit(Source(called(path), text.removeprefix("\ufeff"), path.parent, shown=False), self._problems)
        documents = parse(source, self._problems) if source else []
        if source is None or not documents:
            return replace(node, unresolved=True)
        self._sources.setdefault(source.name, source)
        if len(documents) > 1:
            self._problems.add(codes.INCLUSION, documents[1].span, "this file stands for one value: one document")
        return self._walk(documents[0], _Place(path.parent, (*place.above, path)), in_scope)


def _within(node: Scalar, start: int, end: int) -> Span:
    """The part of a scalar that a reference takes; all of it when quotes' escapes or lines make that unsure."""
    span = node.span
    width = span.end_column - span.column
    if span.line != span.end_line or width - len(node.text) not in (0, 2):
        return span
    first = span.column + (width - len(node.text)) // 2
    return Span(span.file, span.line, first + start, span.line, first + end)
