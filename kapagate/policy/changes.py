"""One change between two policies, in the words of the policy, with its places in both."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kapagate.chain.order import Label
from kapagate.policy.annotations import Path
from kapagate.policy.nodes import Mapping, Node, Scalar
from kapagate.policy.nodes import Sequence as Items
from kapagate.policy.position import Span

ABSENT = "left out"


class Side(Struct, frozen=True):
    """What stands on one side, and where; no place where nothing does."""

    text: str
    place: str = ""


class Change(Struct, frozen=True):
    """`subject`: what it is about (`step answer`, `role viewer`); `field`: its option with dots, empty when all of it.
    `tenants` and `routes` that it concerns; none of either: all.
    """

    subject: str
    field: str
    label: Label
    before: Side
    after: Side
    tenants: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()

    @property
    def loosens(self) -> bool:
        """Whether it is looser, or may be: what cannot be compared counts as looser."""
        return self.label in ("looser", "unknown")


def written(node: Node | None) -> str:
    """A value as a policy would write it in one line; references as references, never what they stand for."""
    if node is None:
        return ABSENT
    if isinstance(node, Mapping):
        return "{" + ", ".join(f"{key}: {written(entry.value)}" for key, entry in node.entries.items()) + "}"
    if isinstance(node, Items):
        return "[" + ", ".join(map(written, node.items)) + "]"
    if node.held or node.unresolved:
        return node.text
    return json.dumps(node.value, ensure_ascii=False) if not isinstance(node.value, str) else node.text or '""'


def at(node: Node | None, path: Path) -> Node | None:
    """The value at a path, where there is one."""
    for part in path:
        if isinstance(node, Mapping) and isinstance(part, str):
            node = node.get(part)
        elif isinstance(node, Items) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
        else:
            return None
    return node


def side(node: Node | None, path: Path, place: Span, default: Any = None) -> Side:
    """A value with its place; where it is left out, its default and the place of what it would stand in."""
    found = at(node, path)
    if found is not None:
        return Side(written(found), str(found.span if isinstance(found, Scalar) and found.text else place))
    return Side(f"{default} (default)" if isinstance(default, str | int | float) else ABSENT, str(place))


def joined(changes: Sequence[Change]) -> list[Change]:
    """The same change of several tenants, told once."""
    found: dict[Change, list[str]] = {}
    for each in changes:
        found.setdefault(replace(each, tenants=()), []).extend(each.tenants)
    return [replace(each, tenants=tuple(tenants)) for each, tenants in found.items()]
