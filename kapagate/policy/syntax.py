"""YAML text to trees of nodes: safe by construction, bounded, every value with its place.

Only libyaml's events are used; no constructor, resolver or tag of PyYAML ever runs. What is wrong but leaves the tree
readable (a double key, a tag, a merge key) is noted and the rest is read; what is not ends the file.
Bounds: 64 levels, 100,000 values and 10,000 documents in a file, 10,000 keys in a mapping, 100 faults; an alias repeats
what it names as far as these bounds go and never itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from kapagate.policy import codes
from kapagate.policy.finding import Diagnostics
from kapagate.policy.nodes import Entry, Mapping, Node, Scalar, Sequence
from kapagate.policy.position import Span
from kapagate.policy.scalars import Doubtful, meaning
from kapagate.policy.source import Source
from kapagate.policy.work import Work, done

DEEPEST = 64
MOST_VALUES = 100_000
MOST_DOCUMENTS = 10_000
MOST_KEYS = 10_000
MOST_FAULTS = 100
MOST_ALIASES = 1_000
_AT_A_TIME = 64  # events between two rests
_QUOTES = ("'", '"')
_UNCLOSED = "a quote is opened here and never closed"
_ADVICE = (
    ("cannot start any token", "\t", "a tab cannot indent here; use spaces"),
    ("cannot start any token", "@", "a text that begins with @ needs quotes"),
    ("cannot start any token", "`", "a text that begins with ` needs quotes"),
    ("cannot start any token", "%", "a text that begins with % needs quotes"),
    ("mapping values are not allowed", "", "a value cannot hold ': ' here: check the indentation, or quote the text"),
    ("could not find expected ':'", "", "a key stands here without ': ' after it"),
    ("did not find expected key", "", "this does not fit the indentation or the brackets above it"),
    ("did not find expected '-' indicator", "", "this does not fit the indentation of the list above it"),
    ("did not find expected ',' or ']'", "", "the list that opens here lacks a comma or its closing ]"),
    ("did not find expected ',' or '}'", "", "the mapping that opens here lacks a comma or its closing }"),
    ("did not find expected node content", "", "a value is missing here, or a bracket above is not closed"),
    ("unexpected end of stream", "", _UNCLOSED),
    ("found undefined alias", "", "no anchor of this name stands above"),
    ("found duplicate %", "", "a % directive stands twice"),
    ("unknown escape character", "", "this is no escape of double-quoted text; use single quotes or write \\\\"),
)

_OPENED = (  # what is found at its end is at fault where it begins
    "while scanning a quoted scalar",
    "while scanning a simple key",
    "while parsing a flow sequence",
    "while parsing a flow mapping",
)


class _Fatal(Exception):
    """The rest of the file cannot be read; the problem is noted."""


def parse(source: Source, problems: Diagnostics) -> list[Node]:
    """The file's documents, empty ones left out; those before a fault that ends the file included."""
    return done(parsing(source, problems))


def parsing(source: Source, problems: Diagnostics) -> Work[list[Node]]:
    """`parse`, in slices."""
    reader, before = _Reader(source, problems), len(problems)
    loader = yaml.CSafeLoader(source.text)
    try:
        for count, event in enumerate(_events(loader)):
            reader.take(event)
            if count % _AT_A_TIME == 0:
                yield
    except yaml.MarkedYAMLError as cause:
        reader.malformed(cause)
    except yaml.YAMLError as cause:
        problems.add(codes.MALFORMED, Span(source.name), str(cause).split("\n", 1)[0])
    except _Fatal:
        pass
    finally:
        loader.dispose()
    if not reader.documents and len(problems) == before:
        problems.add(codes.EMPTY, Span(source.name), "holds no document")
    return reader.documents


def _events(loader: Any) -> Iterator[Any]:
    while loader.check_event():
        yield loader.get_event()


class _Open:
    """A collection whose end has not come yet. `key` is a mapping's key that waits for its value."""

    __slots__ = ("anchor", "height", "key", "key_span", "node", "tag", "weight")

    def __init__(self, node: Mapping | Sequence, anchor: str | None) -> None:
        self.node = node
        self.anchor = anchor
        self.weight = self.height = 1
        self.key: str | None = None
        self.key_span: Span | None = None


class _Reader:
    def __init__(self, source: Source, problems: Diagnostics) -> None:
        self.documents: list[Node] = []
        self._source = source
        self._problems = problems
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int, int] | None] = {}
        self._aliases = self._values = self._faults = 0
        self._quoted: Span | None = None  # the last value, if it is quoted and goes over several lines

    def take(self, event: Any) -> None:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._scalar(event)
        elif kind is yaml.MappingStartEvent:
            self._begin(event, Mapping(self._span(event)))
        elif kind is yaml.SequenceStartEvent:
            self._begin(event, Sequence(self._span(event), []))
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            self._end(event)
        elif kind is yaml.AliasEvent:
            self._alias(event)
        elif kind is yaml.DocumentStartEvent:
            self._anchors.clear()

    def _scalar(self, event: Any) -> None:
        span = self._span(event)
        self._count(span)
        self._refuse_tag(event, span)
        text = event.value
        self._quoted = span if event.style in _QUOTES and span.line != span.end_line else None
        value = meaning(text) if event.implicit[0] else text
        node = Scalar(span, text, value, unresolved=event.tag is not None)
        if event.anchor:
            self._anchors[event.anchor] = (node, 1, 1)
        self._place(node, 1, 1)

    def _begin(self, event: Any, node: Mapping | Sequence) -> None:
        self._count(node.span)
        self._refuse_tag(event, node.span)
        if len(self._open) >= DEEPEST:
            self._fatal(codes.TOO_DEEP, node.span, f"values are nested deeper than {DEEPEST} levels")
        self._refuse_key(node.span, isinstance(node, Sequence))
        if event.anchor:
            self._anchors[event.anchor] = None
        self._open.append(_Open(node, event.anchor))

    def _end(self, event: Any) -> None:
        done = self._open.pop()
        start, mark = done.node.span, event.end_mark
        done.node.span = Span(start.file, start.line, start.column, mark.line + 1, mark.column + 1)
        if done.anchor:
            self._anchors[done.anchor] = (done.node, done.weight, done.height)
        self._place(done.node, done.weight, done.height)

    def _alias(self, event: Any) -> None:
        span = self._span(event)
        if event.anchor not in self._anchors:
            self._fatal(codes.MALFORMED, span, f'no anchor "{event.anchor}" stands above')
        anchored = self._anchors[event.anchor]
        self._aliases += 1
        if anchored is None:
            self._fatal(codes.ALIASES, span, f'the alias "{event.anchor}" stands inside of what it names')
            return
        node, weight, height = anchored
        if self._aliases > MOST_ALIASES:
            self._fatal(codes.ALIASES, span, f"there are more than {MOST_ALIASES} aliases")
        if len(self._open) + height > DEEPEST:
            self._fatal(codes.TOO_DEEP, span, f"this alias nests values deeper than {DEEPEST} levels")
        self._place(node, weight, height)

    def _place(self, node: Node, weight: int, height: int) -> None:
        if not self._open:
            if not (isinstance(node, Scalar) and node.value is None):
                self.documents.append(node)
            if len(self.documents) > MOST_DOCUMENTS:
                self._fatal(codes.TOO_LARGE, node.span, f"the file holds more than {MOST_DOCUMENTS} documents")
            return
        parent = self._open[-1]
        parent.weight += weight
        parent.height = max(parent.height, height + 1)
        if parent.weight > MOST_VALUES:
            self._fatal(codes.ALIASES, node.span, f"with its aliases the document holds more than {MOST_VALUES} values")
        if isinstance(parent.node, Sequence):
            parent.node.items.append(node)
        elif parent.key is None:
            self._key(parent, node)
        else:
            self._value(parent, parent.node, node)

    def _key(self, parent: _Open, node: Node) -> None:
        parent.key_span = node.span
        if isinstance(node, Scalar) and isinstance(node.value, str):
            parent.key = str(node.value)
            if node.value == "<<":
                self._fault(codes.MERGE_KEY, node.span, "merge keys are not supported; write the fields out")
            elif isinstance(node.value, Doubtful):
                what = f'"{node.text}" is a text, but some take it for {node.value.taken_for}; put the key in quotes'
                self._fault(codes.KEY_NOT_TEXT, node.span, what)
        else:
            parent.key = ""
            if isinstance(node, Scalar):
                said = f'"{node.text}"' if node.text else "an empty key"
                self._fault(codes.KEY_NOT_TEXT, node.span, f"{said} is not a text; put the key in quotes")

    def _value(self, parent: _Open, mapping: Mapping, node: Node) -> None:
        key, span = parent.key or "", parent.key_span or node.span
        parent.key = None
        first = mapping.entries.get(key)
        if key in ("", "<<"):
            return
        if first is None:
            mapping.entries[key] = Entry(span, node)
            if len(mapping.entries) > MOST_KEYS:
                self._fatal(codes.TOO_LARGE, span, f"the mapping has more than {MOST_KEYS} keys")
        else:
            self._fault(codes.DUPLICATE_KEY, span, f'the key "{key}" stands twice', f"first at {first.span}")

    def _refuse_key(self, span: Span, is_list: bool) -> None:
        parent = self._open[-1] if self._open else None
        if parent and isinstance(parent.node, Mapping) and parent.key is None:
            what = "a list" if is_list else "a mapping"
            self._fatal(codes.KEY_NOT_TEXT, span, f"{what} cannot be a key; a text that begins so needs quotes")

    def _refuse_tag(self, event: Any, span: Span) -> None:
        if event.tag is not None:
            self._fault(codes.TAG, span, f'tags are not supported: "{event.tag}"')

    def _span(self, event: Any) -> Span:
        start, end = event.start_mark, event.end_mark
        return Span(self._source.name, start.line + 1, start.column + 1, end.line + 1, end.column + 1)

    def _count(self, span: Span) -> None:
        self._values += 1
        if self._values > MOST_VALUES:
            self._fatal(codes.TOO_LARGE, span, f"the file holds more than {MOST_VALUES} values")

    def _fault(self, code: codes.Code, span: Span, message: str, note: str | None = None) -> None:
        """Notes what leaves the tree readable, unless there is no end of it."""
        self._problems.add(code, span, message, note=note)
        self._faults += 1
        if self._faults >= MOST_FAULTS:
            raise _Fatal

    def _fatal(self, code: codes.Code, span: Span, message: str) -> None:
        self._problems.add(code, span, message)
        raise _Fatal

    def malformed(self, cause: yaml.MarkedYAMLError) -> None:
        """Notes what libyaml found, at its place, in a sentence that says what to do where we know one."""
        opened = str(cause.context).startswith(_OPENED)
        mark = (cause.context_mark if opened else None) or cause.problem_mark or cause.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        if self._quoted and line + 1 == self._quoted.end_line:
            opened_at = self._quoted
            span = Span(self._source.name, opened_at.line, opened_at.column, opened_at.line, opened_at.column + 1)
            self._problems.add(codes.MALFORMED, span, _UNCLOSED)
            return
        if line >= len(self._source.lines) or not self._source.lines[line]:
            line, column = self._last_place(line)
        said = f"{cause.context or ''} {cause.problem or ''}".strip()
        if "mapping values are not allowed" in said and (above := self._unfinished(line)):
            line, column = above
            said = "could not find expected ':'"
        at = self._source.lines[line][column : column + 1]
        advice = next((text for part, first, text in _ADVICE if part in said and at.startswith(first)), said)
        span = Span(self._source.name, line + 1, column + 1, line + 1, column + 2)
        self._problems.add(codes.MALFORMED, span, advice)

    def _unfinished(self, line: int) -> tuple[int, int] | None:
        """The line above, where a key lost its colon, so that the text runs on into this one."""
        above, _ = self._last_place(line - 1) if line else (0, 0)
        text = self._source.lines[above]
        if above == line or ": " in text or text.rstrip().endswith(":"):
            return None
        return above, len(text) - len(text.lstrip(" -"))

    def _last_place(self, line: int) -> tuple[int, int]:
        """The end of the last line above that says something: what libyaml misses at an end is missing there."""
        lines = self._source.lines
        line = next((each for each in range(min(line, len(lines) - 1), -1, -1) if lines[each].strip()), 0)
        return line, len(lines[line].rstrip())
