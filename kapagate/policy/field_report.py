"""What `kapagate explain --field` tells: a field's documentation, and where a policy sets it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from msgspec import Struct

from kapagate.policy.field import FieldTold, fields_told, home_of, introduction
from kapagate.policy.load import Loaded
from kapagate.policy.table import Table
from kapagate.policy.whereabouts import Whereabouts, whereabouts


class FieldReport(Struct, frozen=True):
    """`set_at`: every place that sets it, the lowest layer first, those that are not in force included; None where not
    a single field was asked for. `environment` is the one in force. `lockable`: it is a step's.
    """

    field: str
    introduction: str
    fields: Sequence[FieldTold]
    set_at: Sequence[Whereabouts] | None
    environment: str | None
    lockable: bool = False


def field_report(loaded: Loaded, table: Table, field: str) -> FieldReport:
    """Of a policy that was loaded without errors. Raises LookupError for a field that there is not."""
    ids = _ids(loaded)
    home = home_of(field, table, ids)
    first = field.partition(".")[0]
    step = first if first in ids and first not in table.filters else ""
    found = whereabouts(home, loaded.read, ids, step) if home.path and home.name != "change" else None
    build = loaded.build
    environment = build.environment.name if build and build.environment else None
    fields = tuple(fields_told(home))
    return FieldReport(field, introduction(home), fields, found, environment, home.kind == "filter")


def _ids(loaded: Loaded) -> Mapping[str, str]:
    """The filters of all steps, of every tenant, by their ids."""
    build = loaded.build
    if build is None or build.ground is None:
        raise LookupError("the policy has errors")
    lanes = (*build.ground.lanes, *build.ground.tenancy.chains.values())
    return {step.id: step.filter for lane in lanes for step in lane}


def field_text(told: FieldReport) -> str:
    """For people."""
    lines = [told.introduction, ""] if told.introduction else []
    for each in told.fields:
        lines += [each.name, *(f"  {line}" for line in _described(each, told.lockable)), ""]
    if told.set_at is None:
        return "\n".join(lines).rstrip()
    if told.set_at:
        return "\n".join([*lines, "set:", *(f"  {_placed(each, told.environment)}" for each in told.set_at)])
    return "\n".join([*lines, "set: nowhere in this policy"])


def _described(told: FieldTold, lockable: bool) -> list[str]:
    default = told.default if told.default in ("", "required") else told.default.strip("`")
    unordered = "none: where its step is locked no layer can change it" if lockable and not told.parts else ""
    said = {
        "type": told.type,
        "default": default or "left out",
        "order": told.order or unordered,
        "examples": ", ".join(_yaml(each) for each in told.examples),
    }
    return [told.description, *(f"{name}: {text}" for name, text in said.items() if text)]


def _yaml(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _placed(each: Whereabouts, environment: str | None) -> str:
    layer = each.origin.layer
    elsewhere = layer.startswith("environment ") and layer != f"environment {environment}"
    return f"{each.of} = {each.value}  {each.origin}" + ("; not in force without --env" if elsewhere else "")
