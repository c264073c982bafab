"""The policy's JSON Schema, draft 7, from the models that read it: for editors, which complete and explain by it.

It can tell what is written and not what it means: whether a name exists, what a reference stands for, and which options
go together is for `kapagate check` to say. A reference may stand for any value, so each field takes one.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind

from kapagate.access.roles import RoleDeclaration
from kapagate.chain.options import Options
from kapagate.chain.units import duration, size
from kapagate.policy.documents import API_VERSION
from kapagate.policy.environment import EnvironmentDocument
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


def schema(table: Table) -> Schema:
    """The whole, for a file whose documents are all of a policy's kinds."""
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
    for name, model in {**parts, **_DOCUMENTS}.items():
        _added(definitions, name, model)
    _fill(definitions, filters, schemes)
    _describe(definitions)
    for kind in _DOCUMENTS:
        definitions[kind]["properties"] |= {"apiVersion": {"const": API_VERSION}, "kind": {"const": kind}}
    return {
        "$schema": DRAFT,
        "title": "kapagate policy",
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": {
            "apiVersion": {"const": API_VERSION, "description": "The version of the policy's format."},
            "kind": {"enum": [*_DOCUMENTS, "PolicyTest"], "description": "What the document is."},
        },
        "allOf": [
            {"if": {"properties": {"kind": {"const": kind}}}, "then": {"$ref": f"#/definitions/{kind}"}}
            for kind in _DOCUMENTS
        ],
        "definitions": definitions,
    }


def _added(definitions: Schema, name: str, model: type[BaseModel]) -> Schema:
    """A model under its name, its parts under names of their own; gives the reference to it."""
    made = model.model_json_schema(schema_generator=_Lenient, ref_template=f"#/definitions/{name}.{{model}}")
    for part, own in made.pop("$defs", {}).items():
        opened = _opened(own)
        definitions[f"{name}.{part}"] = {"anyOf": [{"type": "string"}, opened]} if part in _ALSO_TEXT else opened
    definitions[name] = _opened(made)
    return {"$ref": f"#/definitions/{name}"}


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
        properties["type"] = {"const": name, "description": "What stands there."}
    chosen = [
        {"if": {"properties": {"type": {"const": name}}, "required": ["type"]}, "then": own}
        for name, own in types.items()
    ]
    kind = {"enum": list(types), "description": "What stands there."}
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
    if "identify" in filters:
        _set(definitions, "filter.identify", "schemes", {**_list({"$ref": "#/definitions/scheme"}), "minItems": 1})
    if "api_key" in schemes:
        _set(definitions, "Gateway", "admin_keys", schemes["api_key"])
    for name in ("cors", "identify"):
        if name in filters:
            _set(definitions, "route", name, filters[name])


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": {"anyOf": [item, _REFERENCE]}}


def _map(value: Schema) -> Schema:
    return {"type": "object", "additionalProperties": {"anyOf": [value, _REFERENCE]}}


def _set(definitions: Schema, model: str, key: str, own: Schema) -> None:
    known = definitions[model]["properties"][key]
    told = {name: known[name] for name in ("description", "default") if name in known}
    definitions[model]["properties"][key] = {**told, "anyOf": [own, _REFERENCE]}
