"""The options that are in force at a step, each with its origin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from kapagate.chain.compose import Placed
from kapagate.policy.annotations import Path
from kapagate.policy.nodes import Mapping, Node, Scalar
from kapagate.policy.origin import DEFAULT, Origin, Origins
from kapagate.policy.steps import StepDeclaration


class Option(Struct, frozen=True):
    """One effective option."""

    name: str
    value: Any
    origin: Origin


def options(placed: Placed, declared: StepDeclaration | None, origins: Origins) -> Iterator[Option]:
    """The common options that are not the default, then the filter's own. What comes of a reference is shown as the
    file says it.
    """
    for name, value in placed.options.model_dump(mode="json", exclude_defaults=True).items():
        yield Option(name, value, origins.of(declared.place((name,))) if declared else DEFAULT)
    if placed.declaration is None:
        return
    for path, value in _leaves(placed.declaration.model_dump(mode="json"), ()):
        node = _written(declared.own, path) if declared is not None else None
        said = node.text if isinstance(node, Scalar) and node.held else value
        origin = origins.of(declared.place(path)) if declared is not None and node is not None else DEFAULT
        yield Option(".".join(map(str, path)), said, origin)


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict) and value:
        for key, within in value.items():
            yield from _leaves(within, (*path, key))
    elif path:
        yield path, value


def _written(node: Mapping, path: Path) -> Node | None:
    """What a file says at this path, or of all that is above it; None: nothing."""
    current: Node = node
    for part in path:
        if not isinstance(current, Mapping):
            return current
        found = current.get(str(part))
        if found is None:
            return None
        current = found
    return current
