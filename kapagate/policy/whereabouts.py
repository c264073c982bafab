"""Where the documents of a policy say something about a field: all layers, also those that are not in force."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from kapagate.policy.annotations import Path
from kapagate.policy.changes import written
from kapagate.policy.documents import KINDS, Document
from kapagate.policy.field import Home
from kapagate.policy.nodes import Entry, Node
from kapagate.policy.nodes import Mapping as MappingNode
from kapagate.policy.nodes import Sequence as Items
from kapagate.policy.origin import Origin, Origins
from kapagate.policy.route_gates import OWN
from kapagate.policy.validation import place

_LANES = ("gate", "chain")


class Whereabouts(Struct, frozen=True):
    """One place that says something. `of` is the step, scheme's step, upstream or document that it says it of."""

    of: str
    value: str
    origin: Origin


Found = Iterator[tuple[str, MappingNode, Path]]
"""What it is about, the mapping that the field would stand in, and the field's path there."""


def whereabouts(home: Home, documents: Sequence[Document], ids: Mapping[str, str], step: str = "") -> list[Whereabouts]:
    """The gateway's first, then environments', tenants', exceptions'. `ids`: the filters of steps by their ids;
    `step`: only the one of this id. Values are told as the files have them: references, never what they stand for.
    """
    origins = Origins(documents)
    told = []
    for document in sorted(documents, key=lambda each: KINDS.index(each.kind)):
        for of, node, path in _places(home, document, ids):
            value = _at(node, path)
            if value is not None and step in ("", of):
                told.append(Whereabouts(of, written(value), origins.of(place(node, path))))
    return told


def _places(home: Home, document: Document, ids: Mapping[str, str]) -> Found:
    node = document.node
    if home.kind == "filter":
        yield from _in_steps(home, node, ids)
        yield from _in_exception(home, document, ids)
    elif home.kind == "scheme":
        for of, each in _schemes(node):
            if isinstance(own := each.get(home.name), MappingNode):
                yield of, own, home.path
    elif home.kind == "part":
        yield from _in_parts(home, document)
    elif home.kind == "upstream":
        yield from _in_upstreams(home, document)
    elif document.kind in ("Gateway", "Environment"):
        yield document.kind.lower(), node, home.path


def _in_steps(home: Home, node: MappingNode, ids: Mapping[str, str]) -> Found:
    for entry in (each for lane in _LANES for each in _mappings(node.get(lane))):
        added = entry.get("add")
        step = added if isinstance(added, MappingNode) else entry
        own, at = step.get(home.name), _text(entry.get("at"))
        if isinstance(own, MappingNode):
            of = _text(step.get("id")) or home.name
            yield of, step if home.common else own, home.path
        elif at and ids.get(at) == home.name:
            changed = entry if home.common else entry.get("set")
            if isinstance(changed, MappingNode):
                yield at, changed, home.path
    for route in _mappings(node.get("routes")):
        own = route.get(home.name) if home.name in OWN and not home.common else None
        of = f"{_text(route.get('name'))}.{home.name}"
        if isinstance(own, MappingNode):
            yield of, own, home.path
        elif isinstance(own, Items):
            yield of, MappingNode(own.span, {"allow": Entry(route.key_span(home.name), own)}), home.path


def _in_exception(home: Home, document: Document, ids: Mapping[str, str]) -> Found:
    """An exception's value, where its field is the one asked for, or holds it, or is held by it."""
    step, said = _text(document.node.get("step")), _text(document.node.get("field"))
    if document.kind != "Exception" or ids.get(step) != home.name or not said:
        return
    own = tuple(said.split("."))
    shared = min(len(own), len(home.path))
    if own[:shared] == home.path[:shared]:
        yield step, document.node, ("value", *home.path[len(own) :])


def _in_upstreams(home: Home, document: Document) -> Found:
    """Of upstreams of the type; a layer above the gateway's need not say the type again."""
    declared = document.node.get("upstreams")
    for name, entry in declared.entries.items() if isinstance(declared, MappingNode) else ():
        if isinstance(entry.value, MappingNode) and _text(entry.value.get("type")) in (home.name, ""):
            yield name, entry.value, home.path


def _in_parts(home: Home, document: Document) -> Found:
    """Of routes, roles, or the document itself, by their names."""
    roles = document.node.get("roles")
    if home.name == "route":
        yield from ((_text(each.get("name")), each, home.path) for each in _mappings(document.node.get("routes")))
    elif home.name == "role" and isinstance(roles, MappingNode):
        for name, entry in roles.entries.items():
            if isinstance(entry.value, MappingNode):
                yield name, entry.value, home.path
    elif document.kind == home.name:
        yield document.name or document.place, document.node, home.path


def _schemes(node: MappingNode) -> Iterator[tuple[str, MappingNode]]:
    """Every entry of a list of `schemes` below, with the id of its step or the name of its route."""
    for entry in node.entries.values():
        for item in _mappings(entry.value):
            of = _text(item.get("id")) or _text(item.get("at")) or _text(item.get("name")) or "identify"
            yield from ((of, each) for each in _lists_of_schemes(item))


def _lists_of_schemes(node: Node) -> Iterator[MappingNode]:
    if isinstance(node, MappingNode):
        yield from _mappings(node.get("schemes"))
        for entry in node.entries.values():
            yield from _lists_of_schemes(entry.value)


def _mappings(node: Node | None) -> list[MappingNode]:
    return [each for each in node.items if isinstance(each, MappingNode)] if isinstance(node, Items) else []


def _text(node: Node | None) -> str:
    value = getattr(node, "value", None)
    return value if isinstance(value, str) else ""


def _at(node: Node, path: Path) -> Node | None:
    """What stands at a path; below a list, the whole list."""
    for part in path:
        if isinstance(node, Items):
            return node
        found = node.get(str(part)) if isinstance(node, MappingNode) else None
        if found is None:
            return None
        node = found
    return node
