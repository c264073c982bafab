"""The policy's JSON Schema, draft 7, from the models that read it: for editors, which complete and explain by it.

It can tell what is written and not what it means: whether a name exists, what a reference stands for, and which options
go together is for `kapagate check` to say. A reference may stand for any value, so each field takes one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from pydantic import BaseModel, BeforeValidator
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind

from kapagate.access.roles import RoleDeclaration
from kapagate.chain.options import Options
from kapagate.chain.units import duration, size
from kapagate.policy.annotations import models_in
from kapagate.policy.documents import API_VERSION, KINDS
from kapagate.policy.environment import EnvironmentDocument
from kapagate.policy.examples import examples_of
from kapagate.policy.exceptions import ExceptionDocument
from kapagate.policy.gateway import Gateway, RouteDeclaration
from kapagate.policy.table import Table
from kapagate.policy.tenant import Change, TenantDocument
from kapagate.policy.wording import with_unit

Schema: TypeAlias = dict[str, Any]
DRAFT = "http://json-schema.org/draft-07/schema#"
_REFERENCE: Schema = {"$ref": "#/definitions/reference"}
_DOCUMENTS: dict[str, type[BaseModel]] = {
    "Gateway": Gateway,
    "Environment": EnvironmentDocument,
    "Tenant": TenantDocument,
    "Exception": ExceptionDocument,
}


_ALSO_TEXT = frozenset({"Given", "SourcePattern"})
"""Models that a text alone may stand for."""


class _Lenient(GenerateJsonSchema):
    """Fields that take an object which no schema describes take anything here; the places of such are filled below."""

    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        """Defaults that JSON cannot say are left out."""

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> Schema:
        return {}


def schema(table: Table, others: Mapping[str, type[BaseModel]] | None = None) -> Schema:
    """The whole, for a file whose documents are all of a policy's kinds. `others`: kinds of documents, with the models
    that read them, that stand beside a policy without being of it.
    """
    documents = {**_DOCUMENTS, **(others or {})}
    definitions: Schema = {
        "reference": {
            "type": "string",
            "pattern": r"\$\{[a-z]+:[^}]+\}",
            "description": "A value from elsewhere: ${env:NAME}, ${file:PATH}.",
        }
    }
    filters = {name: _added(definitions, f"filter.{name}", table.filter(name)) for name in table.filters}
    schemes = {name: _added(definitions, f"scheme.{name}", table.scheme(name)) for name in table.schemes}
    types = {name: _added(definitions, f"upstream.{name}", table.upstream(name)) for name in table.upstreams}
    definitions["step"] = _step(filters, definitions)
    definitions["scheme"] = _one_of(schemes)
    definitions["upstream"] = _upstream(types, definitions)
    parts: dict[str, type[BaseModel]] = {"role": RoleDeclaration, "route": RouteDeclaration, "change": Change}
    for name, model in {**parts, **documents}.items():
        _added(definitions, name, model)
    _fill(definitions, filters, schemes)
    _fill_environment(definitions, types)
    _describe(definitions)
    for kind in documents:
        definitions[kind]["properties"] |= {"apiVersion": {"const": API_VERSION}, "kind": {"const": kind}}
    return {
        "$schema": DRAFT,
        "title": "kapagate policy",
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": {
            "apiVersion": {"const": API_VERSION, "description": "The version of the policy's format."},
            "kind": {"enum": [*KINDS], "description": "What the document is."},
        },
        "allOf": [
            {"if": {"properties": {"kind": {"const": kind}}}, "then": {"$ref": f"#/definitions/{kind}"}}
            for kind in documents
        ],
        "definitions": definitions,
    }


def _added(definitions: Schema, name: str, model: type[BaseModel]) -> Schema:
    """A model under its name, its parts under names of their own; gives the reference to it."""
    made = model.model_json_schema(schema_generator=_Lenient, ref_template=f"#/definitions/{name}.{{model}}")
    models = {each.__name__: each for each in _below(model)}
    for part, own in made.pop("$defs", {}).items():
        opened = _opened(_exemplified(own, models[part]) if part in models else own)
        definitions[f"{name}.{part}"] = {"anyOf": [{"type": "string"}, opened]} if part in _ALSO_TEXT else opened
    definitions[name] = _opened(_exemplified(made, model))
    return {"$ref": f"#/definitions/{name}"}


def _below(model: type[BaseModel], above: tuple[type[BaseModel], ...] = ()) -> Iterator[type[BaseModel]]:
    """The models within a model, however deep."""
    for field in model.model_fields.values():
        for each in models_in(field.annotation):
            if each not in above:
                yield each
                yield from _below(each, (*above, each))


def _exemplified(made: Schema, model: type[BaseModel]) -> Schema:
    """A model's schema with examples of every field. A list with a reading of its own takes one entry alone too."""
    for name, field in model.model_fields.items():
        own = made.get("properties", {}).get(field.alias or name)
        if own is None:
            continue
        if own.get("type") == "array" and any(isinstance(each, BeforeValidator) for each in field.metadata):
            array = {key: own.pop(key) for key in ("type", "items", "minItems", "maxItems") if key in own}
            own["anyOf"] = [array, array["items"]]
        if examples := examples_of(model, name):
            own["examples"] = examples
    return made


def _opened(made: Schema) -> Schema:
    """A model's schema in which every field also takes a reference."""
    made.pop("title", None)
    if "properties" in made:
        made["properties"] = {key: _field(own) for key, own in made["properties"].items()}
    return made


def _field(own: Schema) -> Schema:
    told: Schema = {key: own.pop(key) for key in ("description", "default", "examples") if key in own}
    own.pop("title", None)
    if own.get("type") == "string" and isinstance(told.get("default"), int | float):
        told["default"] = with_unit(told["default"], size if "KiB" in own.get("pattern", "") else duration)
    if not own or own == {"type": "string"}:
        return {**own, **told}
    return {**told, "anyOf": [_within(own), _REFERENCE]}


def _within(own: Schema) -> Schema:
    """The same for entries of lists and values of mappings."""
    for key in ("items", "additionalProperties"):
        if isinstance(own.get(key), dict) and own[key] not in ({}, {"type": "string"}):
            own[key] = {"anyOf": [_within(own[key]), _REFERENCE]}
    for pattern, value in own.get("patternProperties", {}).items():
        own["patternProperties"][pattern] = {"anyOf": [_within(value), _REFERENCE]}
    if "anyOf" in own:
        own["anyOf"] = [_within(each) for each in own["anyOf"]]
    return own


def _describe(definitions: Schema) -> None:
    """A field that says of itself just what its model says has no words of its own there; it gets the model's."""
    for own in [*definitions.values()]:
        for field in own.get("properties", {}).values():
            target = field.get("anyOf", [{}])[0].get("$ref", "").removeprefix("#/definitions/")
            if "description" not in field and "description" in definitions.get(target, {}):
                field["description"] = definitions[target]["description"]


def _step(filters: dict[str, Schema], definitions: Schema) -> Schema:
    """One filter by its name, and the common options beside it."""
    _added(definitions, "options", Options)
    common = definitions["options"]["properties"]
    one = [{"required": [name]} for name in filters]
    return {"type": "object", "properties": {**filters, **common}, "additionalProperties": False, "oneOf": one}


def _one_of(named: dict[str, Schema]) -> Schema:
    return {
        "type": "object",
        "properties": named,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }


def _upstream(types: dict[str, Schema], definitions: Schema) -> Schema:
    for name in types:
        properties = definitions[f"upstream.{name}"].setdefault("properties", {})
        properties["type"] = {"const": name, "description": "What stands there.", "examples": [name]}
    chosen = [
        {"if": {"properties": {"type": {"const": name}}, "required": ["type"]}, "then": own}
        for name, own in types.items()
    ]
    kind = {"enum": list(types), "description": "What stands there.", "examples": list(types)}
    return {"type": "object", "required": ["type"], "properties": {"type": kind}, "allOf": chosen}


def _fill(definitions: Schema, filters: dict[str, Schema], schemes: dict[str, Schema]) -> None:
    """The fields whose model is chosen by a name within them."""
    step, change = {"$ref": "#/definitions/step"}, {"$ref": "#/definitions/change"}
    _set(definitions, "Gateway", "gate", _list(step))
    _set(definitions, "Gateway", "chain", _list(step))
    _set(definitions, "Gateway", "routes", _list({"$ref": "#/definitions/route"}))
    _set(definitions, "Gateway", "upstreams", _map({"$ref": "#/definitions/upstream"}))
    _set(definitions, "Tenant", "chain", _list(change))
    _set(definitions, "change", "add", step)
    _set(definitions, "change", "set", _any_of_their_fields([_settable(definitions, name) for name in filters]))
    if "identify" in filters:
        _set(definitions, "filter.identify", "schemes", {**_list({"$ref": "#/definitions/scheme"}), "minItems": 1})
    if "api_key" in schemes:
        _set(definitions, "Gateway", "admin_keys", schemes["api_key"])
    for name in ("cors", "identify"):
        if name in filters:
            _set(definitions, "route", name, filters[name])


def _settable(definitions: Schema, name: str) -> Schema:
    """A filter's fields as a change has them: of a mapping that must have some fields the step has the others."""
    model = definitions[f"filter.{name}"]
    return {"properties": {key: _loosened(definitions, own) for key, own in model.get("properties", {}).items()}}


def _loosened(definitions: Schema, own: Schema) -> Schema:
    targets = [each.get("$ref", "").removeprefix("#/definitions/") for each in own.get("anyOf", ())]
    if any("required" in definitions.get(target, {}) for target in targets):
        return {key: value for key, value in own.items() if key != "anyOf"}
    return own


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": {"anyOf": [item, _REFERENCE]}}


def _map(value: Schema) -> Schema:
    return {"type": "object", "additionalProperties": {"anyOf": [value, _REFERENCE]}}


def _set(definitions: Schema, model: str, key: str, own: Schema) -> None:
    known = definitions[model]["properties"][key]
    told = {name: known[name] for name in ("description", "default", "examples") if name in known}
    definitions[model]["properties"][key] = {**told, "anyOf": [own, _REFERENCE]}


def _fill_environment(definitions: Schema, types: dict[str, Schema]) -> None:
    """An environment says of the gateway's settings what is otherwise: nothing in it is required."""
    change = {"$ref": "#/definitions/change"}
    for name in [each for each in definitions if each.startswith(("Gateway.", "scheme.api_key"))]:
        definitions[_partly(name)] = _without_required(definitions[name])
    definitions["upstream_change"] = _any_of_their_fields([definitions[f"upstream.{name}"] for name in types])
    for lane in ("gate", "chain"):
        _set(definitions, "Environment", lane, _list(change))
    _set(definitions, "Environment", "routes", _list({"$ref": "#/definitions/route"}))
    _set(definitions, "Environment", "roles", _map({"$ref": "#/definitions/role"}))
    _set(definitions, "Environment", "upstreams", _map({"$ref": "#/definitions/upstream_change"}))
    if "scheme.api_key" in definitions:
        _set(definitions, "Environment", "admin_keys", {"$ref": f"#/definitions/{_partly('scheme.api_key')}"})
    for name, own in definitions["Gateway"]["properties"].items():
        target = own.get("anyOf", [{}])[0].get("$ref", "").removeprefix("#/definitions/")
        if target.startswith("Gateway."):
            _set(definitions, "Environment", name, {"$ref": f"#/definitions/{_partly(target)}"})


def _partly(name: str) -> str:
    return f"environment.{name}"


def _without_required(own: Schema) -> Schema:
    """A copy in which nothing is required, nor in what it refers to."""
    text = json.dumps(own)
    for known in ("Gateway.", "scheme.api_key"):
        text = text.replace(f'"#/definitions/{known}', f'"#/definitions/{_partly(known)}')
    made: Schema = json.loads(text)
    made.pop("required", None)
    return made


def _any_of_their_fields(models: list[Schema]) -> Schema:
    """A mapping with fields of any of the models; which of them it is of is not known."""
    found: dict[str, list[Schema]] = {}
    for model in models:
        for key, own in model["properties"].items():
            if own not in found.setdefault(key, []):
                found[key].append(own)
    return {
        "type": "object",
        "properties": {key: own[0] if len(own) == 1 else _either(own) for key, own in found.items()},
        "additionalProperties": False,
    }


def _either(fields: list[Schema]) -> Schema:
    told: Schema = {name: fields[0][name] for name in ("description",) if name in fields[0]}
    told["examples"] = [each for field in fields for each in field.get("examples", ())]
    return {**told, "anyOf": fields}
