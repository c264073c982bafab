"""The tenants that schemes name: a credential for a tenant that does not exist is a mistake found at load."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from kapagate.policy import codes
from kapagate.policy.finding import Diagnostics
from kapagate.policy.nodes import Mapping, Node, Scalar, Sequence
from kapagate.policy.position import Span
from kapagate.policy.suggestion import closest

_PLACES = (("tenant",), ("tenants", "*"), ("keys", "*", "tenant"))


def check_tenants(schemes: Node | None, tenants: Collection[str], problems: Diagnostics) -> None:
    """`schemes` is the list under `identify`."""
    for _, own in schemes_in(schemes):
        for name, span in named_in(own):
            if name not in tenants:
                message = f'unknown tenant "{name}"'
                problems.add(codes.UNKNOWN_TENANT, span, message, suggestion=closest(name, tenants))


def schemes_in(node: Node | None) -> Iterator[tuple[str, Node]]:
    """Each scheme of the list under `identify`: its name, and what it says."""
    for scheme in _below(node, ("*",)):
        if isinstance(scheme, Mapping) and scheme.entries:
            name, entry = next(iter(scheme.entries.items()))
            yield name, entry.value


def named_in(own: Node | None) -> Iterator[tuple[str, Span]]:
    """The tenants that one scheme names. Where a path parameter does it, these are its `sources`."""
    for path in _PLACES:
        for named in _below(own, path):
            if isinstance(named, Scalar) and isinstance(named.value, str):
                if not named.value.startswith("{"):
                    yield named.value, named.span
                elif isinstance(own, Mapping) and isinstance(sources := own.get("sources"), Mapping):
                    yield from ((name, sources.key_span(name)) for name in sources.entries)


def _below(node: Node | None, path: tuple[str, ...]) -> Iterator[Node]:
    if node is not None and not path:
        yield node
    elif isinstance(node, Sequence) and path[0] == "*":
        for item in node.items:
            yield from _below(item, path[1:])
    elif isinstance(node, Mapping):
        yield from _below(node.get(path[0]), path[1:])
