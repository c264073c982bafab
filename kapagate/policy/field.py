"""What a field of the policy is for: its documentation, default, order and examples, from the model that reads it.

A field is called by what it stands in: a filter, scheme or upstream type (`guard_answer.confidence`, `jwt.issuer`,
`kapa.stream`), the id of a step, or nothing for what stands at the top of the Gateway document (`listen.limits.body`).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct
from pydantic import BaseModel

from kapagate.access.roles import RoleDeclaration
from kapagate.chain.options import Options
from kapagate.chain.order import order_of
from kapagate.policy.annotations import names
from kapagate.policy.examples import examples_of
from kapagate.policy.exceptions import ExceptionDocument
from kapagate.policy.gateway import Gateway, RouteDeclaration
from kapagate.policy.suggestion import closest
from kapagate.policy.table import Table
from kapagate.policy.tenant import Change, TenantDocument
from kapagate.policy.wording import default_of, models_within, type_of

Kind = Literal["filter", "scheme", "upstream", "gateway", "part"]
_PARTS: Mapping[str, type[BaseModel]] = {
    "Tenant": TenantDocument,
    "Exception": ExceptionDocument,
    "route": RouteDeclaration,
    "role": RoleDeclaration,
    "change": Change,
}
"""Models that stand by themselves, and how a field of theirs is called: `route.match`."""


class Home(Struct, frozen=True):
    """What a field belongs to. `path` is the field's, below the model; `common`: it stands beside the filter's name."""

    kind: Kind
    name: str
    model: type[BaseModel]
    path: tuple[str, ...]
    common: bool = False


class FieldTold(Struct, frozen=True):
    """One field. `order` says which of two values is tighter; empty where no such order is declared. `parts`: it is
    told of by the fields within it.
    """

    name: str
    type: str
    default: str
    description: str
    order: str
    examples: tuple[Any, ...]
    parts: bool = False


def home_of(said: str, table: Table, ids: Mapping[str, str]) -> Home:
    """What `said` is a field of; `ids` are the filters of steps by their ids. Raises LookupError."""
    first, *rest = said.split(".")
    path = tuple(rest)
    name = ids.get(first, first)
    if name in table.filters:
        common = bool(path) and path[0] in names(Options)
        return _there(Home("filter", name, Options if common else table.filter(name), path, common), said)
    if first in table.schemes:
        return _there(Home("scheme", first, table.scheme(first), path), said)
    if first in table.upstreams:
        return _there(Home("upstream", first, table.upstream(first), path), said)
    if first in _PARTS:
        return _there(Home("part", first, _PARTS[first], path), said)
    if first in names(Gateway):
        return _there(Home("gateway", "", Gateway, (first, *path)), said)
    known = [*table.filters, *ids, *table.schemes, *table.upstreams, *_PARTS, *names(Gateway)]
    raise _unknown(said, first, known)


def _there(home: Home, said: str) -> Home:
    """The same, if there is such a field."""
    models = [home.model]
    for part in home.path:
        known = [name for model in models for name in names(model)]
        if part not in known:
            raise _unknown(said, part, known)
        held = [model.model_fields[name] for model in models if (name := _name_in(model, part))]
        models = [model for field in held for model, _ in models_within(field)]
    return home


def _unknown(said: str, part: str, known: list[str]) -> LookupError:
    near = closest(part, known)
    if near:
        return LookupError(f'there is no field "{said}"; did you mean "{said.replace(part, near, 1)}"?')
    there = f"; there are: {', '.join(sorted(set(known)))}" if known else ""
    return LookupError(f'there is no field "{said}"{there}')


def _name_in(model: type[BaseModel], part: str) -> str | None:
    """What a model calls the field that policies call so."""
    return next((name for name, field in model.model_fields.items() if part == (field.alias or name)), None)


def fields_told(home: Home) -> Iterator[FieldTold]:
    """The field, and those below it; all fields of the model where no path leads on."""
    above = home.name or ""
    models = [home.model]
    for index, part in enumerate(home.path):
        found = [(model, name) for model in models if (name := _name_in(model, part))]
        if index == len(home.path) - 1:
            for model, name in found[:1]:
                yield from _told(f"{above}.{part}".lstrip("."), model, name)
            return
        above = f"{above}.{part}".lstrip(".")
        models = [inner for model, name in found for inner, _ in models_within(model.model_fields[name])]
    for name, field in home.model.model_fields.items():
        yield from _told(f"{above}.{field.alias or name}", home.model, name)


def _told(said: str, model: type[BaseModel], name: str) -> Iterator[FieldTold]:
    field = model.model_fields[name]
    order, examples = str(order_of(field.metadata) or ""), tuple(examples_of(model, name))
    models = list(models_within(field))
    told = field.description or "", order, examples, bool(models)
    yield FieldTold(said, type_of(field), default_of(field), *told)
    for within, suffix in models:
        for inner, each in within.model_fields.items():
            yield from _told(f"{said}{suffix}.{each.alias or inner}", within, inner)


def introduction(home: Home) -> str:
    """What the whole is for, where a filter, scheme or upstream type is asked for."""
    return "" if home.path else inspect.getdoc(home.model) or ""
