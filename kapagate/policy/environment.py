"""`kind: Environment`: what a Gateway document has otherwise in one place where it runs, picked by `--env NAME`.

Mappings merge by key; lists are replaced, `routes` as a whole. Steps of gate and chain change only by `at`, `add` and
`remove`. Nothing else merges.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from kapagate.policy import codes
from kapagate.policy.documents import HEADER, Document
from kapagate.policy.finding import Diagnostics
from kapagate.policy.gateway import Name, Settings
from kapagate.policy.layers import merged
from kapagate.policy.nodes import Mapping
from kapagate.policy.validation import Subject, salvage

_OWN = ("name", "gate", "chain")


class EnvironmentDocument(Settings):
    """What the Gateway document has otherwise in one environment; chosen with `--env`."""

    name: Name = Field(description="What `--env` picks it by.")
    listen: dict[str, Any] = Field({}, description="Laid over the gateway's `listen`, key by key.")
    log: dict[str, Any] = Field({}, description="Laid over the gateway's `log`: another level, another sampling.")
    admin_keys: dict[str, Any] = Field({}, description="Laid over the gateway's `admin_keys`.")
    state: str | None = Field(None, description="In place of the gateway's `state`.")
    pseudonyms: dict[str, Any] = Field({}, description="Laid over the gateway's `pseudonyms`.")
    roles: dict[str, Any] = Field({}, description="Laid over the gateway's `roles`, key by key.")
    upstreams: dict[str, Any] = Field({}, description="Laid over the gateway's `upstreams`, key by key.")
    gate: tuple[Any, ...] = Field((), description="Changes to the gateway's gate, in order.")
    chain: tuple[Any, ...] = Field((), description="Changes to the gateway's chain, in order.")
    routes: tuple[Any, ...] = Field((), description="In place of all of the gateway's `routes`.")
    tenant_secrets: tuple[str, ...] = Field((), description="In place of the gateway's `tenant_secrets`.")


def check_environment(document: Document, problems: Diagnostics) -> None:
    """What can be said of an environment by itself, chosen or not."""
    subject = Subject(document.node, key=document.kind_span, also=HEADER)
    salvage(EnvironmentDocument, subject, problems)


def chosen(
    documents: Sequence[Document], name: str | None, gateway: Document, problems: Diagnostics
) -> Document | None:
    """The environment of this name; one that is asked for and not there is an error."""
    environments = [each for each in documents if each.kind == "Environment"]
    for each in environments:
        check_environment(each, problems)
    if not name:
        return None
    found = next((each for each in environments if each.name == name), None)
    if found is None:
        span = gateway.kind_span
        problems.unknown(codes.UNKNOWN_ENVIRONMENT, span, "environment", name, [each.name for each in environments])
    return found


def uncovered(below: Mapping, above: Mapping) -> Mapping:
    """What is left of a layer below another: references in what is replaced need not stand for anything."""
    entries = {}
    for key, entry in below.entries.items():
        over = above.get(key) if key not in _OWN else None
        if over is None:
            entries[key] = entry
        elif isinstance(over, Mapping) and isinstance(entry.value, Mapping):
            entries[key] = type(entry)(entry.span, uncovered(entry.value, over))
        elif isinstance(over, Mapping):
            entries[key] = entry
    return Mapping(below.span, entries)


def overlaid(gateway: Mapping, environment: Mapping) -> Mapping:
    """The Gateway document as it is in an environment; its gate and chain are still its own."""
    rest = {key: entry for key, entry in environment.entries.items() if key not in _OWN}
    both = merged(gateway, Mapping(environment.span, rest))
    return both if isinstance(both, Mapping) else gateway
