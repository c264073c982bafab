"""The values of a YAML document, each with its place. A merged tree keeps the places that its parts came from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field

from kapagate.policy.position import Span


class Scalar(Struct, eq=False):
    """`text` is what the file says, `value` what it means; `held` are the texts that references in it stood for.

    `unresolved`: one of them stands for nothing; that is noted, and nothing more can be said about the value.
    """

    span: Span
    text: str
    value: str | int | float | bool | None
    held: tuple[tuple[str, str], ...] = ()
    unresolved: bool = False


class Sequence(Struct, eq=False):
    span: Span
    items: list[Node]


class Mapping(Struct, eq=False):
    """Keys are text and unique."""

    span: Span
    entries: dict[str, Entry] = field(default_factory=dict)

    def get(self, key: str) -> Node | None:
        entry = self.entries.get(key)
        return entry.value if entry else None

    def key_span(self, key: str) -> Span:
        return self.entries[key].span


class Entry(Struct, eq=False):
    """A key's place, and the value."""

    span: Span
    value: Node


Node = Scalar | Sequence | Mapping


def plain(node: Node) -> Any:
    """The value as Python's own dicts, lists and scalars."""
    if isinstance(node, Mapping):
        return {key: plain(entry.value) for key, entry in node.entries.items()}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.value


def described(node: Node) -> str:
    """What kind of value this is, in a reader's words."""
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, Sequence):
        return "a list"
    kinds = {bool: "true or false", int: "a number", float: "a number", type(None): "nothing"}
    return kinds.get(type(node.value), "text")


def scalars(node: Node) -> Iterator[Scalar]:
    """Every scalar below, keys excepted."""
    if isinstance(node, Scalar):
        yield node
    else:
        children = [e.value for e in node.entries.values()] if isinstance(node, Mapping) else node.items
        for child in children:
            yield from scalars(child)
