"""The stand-in against `kapa-openapi.yml`, what is known of Kapa's API as an OpenAPI document: it takes every request
that fits, and what it says fits, without a field that the document does not know.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from jsonschema import Draft7Validator

from kapagate.standin.addresses import ADDRESSES
from tests.standin.test_addresses import KNOWN, Client, asked, kapa

__all__ = ["kapa"]
DOCUMENT: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "kapa-openapi.yml").read_text("utf-8"))
DOCUMENT["components"]["schemas"]["SourceGroup"]["properties"]["sub_groups"] = {"type": "array"}  # it has no end
CALLS = {f"{method.upper()} {path}": said for path, item in DOCUMENT["paths"].items() for method, said in item.items()}
UNCERTAIN = {
    "GET /query/v1/projects/{project_id}/question-answers/",
    "POST /agent/v1/projects/{project_id}/agent/chat/",
}
"""Nobody has shown what they say, so nobody can stand in for them."""
SAMPLES = {known["call"]: known for known in KNOWN if known["call"] in CALLS}
SHOWN = {
    call: said["responses"]["200"]["content"]["application/json"]["schema"]
    for call, said in CALLS.items()
    if call in SAMPLES and "content" in said["responses"]["200"]
}
ERROR = DOCUMENT["components"]["responses"]["Error"]["content"]["application/json"]["schema"]


def resolved(schema: Any) -> Any:
    """As JSON Schema: references in place, what is nullable may be null. Objects have the fields that they declare and
    no others, unless their id is all that is declared.
    """
    if isinstance(schema, list):
        return [resolved(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        part: Any = DOCUMENT
        for name in schema["$ref"].removeprefix("#/").split("/"):
            part = part[name]
        return resolved(part)
    if "allOf" in schema:
        merged: dict[str, Any] = {"type": "object", "properties": {}, "required": []}
        for each in map(resolved, schema["allOf"]):
            merged["properties"].update(each.get("properties", {}))
            merged["required"] += each.get("required", [])
        return {**merged, "additionalProperties": False}
    found = {name: resolved(each) for name, each in schema.items() if name != "nullable"}
    if schema.get("nullable"):
        found["type"] = [found["type"], "null"]
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
    if schema.get("properties", {}).keys() - {"id"}:
        found.setdefault("additionalProperties", False)
    return found


def faults(schema: Any, value: Any) -> list[str]:
    return [f"{each.json_path}: {each.message}" for each in Draft7Validator(resolved(schema)).iter_errors(value)]


def test_it_has_every_call_that_is_known_well_enough() -> None:
    served = {f"{each.method} {each.path}" for each in ADDRESSES}
    assert CALLS.keys() - served == UNCERTAIN


@pytest.mark.parametrize("call", SHOWN)
async def test_what_it_says_fits(kapa: Client, call: str) -> None:
    status, body = await asked(kapa, SAMPLES[call], {})
    records = body.split("␞".encode())[:-1] if SAMPLES[call].get("stream") else [body]
    assert status == 200
    assert records
    assert [fault for record in records for fault in faults(SHOWN[call], orjson.loads(record))] == []


@pytest.mark.parametrize("call", [call for call, said in CALLS.items() if "requestBody" in said and call in SAMPLES])
async def test_it_is_asked_as_the_document_says(kapa: Client, call: str) -> None:
    schema = CALLS[call]["requestBody"]["content"]["application/json"]["schema"]
    known = SAMPLES[call]
    for more in ({}, known.get("optional", {})):
        said = {**known.get("body", {}), **more}
        assert faults(schema, said) == []
        assert (await asked(kapa, known, more))[0] == 200


@pytest.mark.parametrize("call", [call for call in SHOWN if "{project_id}" in call])
async def test_its_errors_fit(kapa: Client, call: str) -> None:
    status, body = await asked(kapa, SAMPLES[call], {}, **{"X-API-KEY": "wrong"})
    assert status == 401
    assert faults(ERROR, orjson.loads(body)) == []
