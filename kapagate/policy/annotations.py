"""What models say about their fields: which names stand where, and which scalars a field takes.

Pydantic reads `yes` as true and `"3"` as 3, which YAML 1.2 does not; `coerced` finds what it would bend. Text that came
out of one reference may stand for a number: an environment holds nothing but text. And text that other readers take
for something else (`no`, `0777`, a date) is not text enough.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, PlainValidator, WrapValidator

from kapagate.chain.secret import Resolved
from kapagate.policy.scalars import Doubtful

Path = tuple[str | int, ...]
_EXPECTED: dict[Any, str] = {bool: "true or false", int: "a whole number", float: "a number"}
_OWN_READING = (BeforeValidator, PlainValidator, WrapValidator)
LISTS = (list, tuple, set, frozenset, Sequence)


def coerced(model: type[BaseModel], raw: Any) -> Iterator[tuple[Path, str]]:
    """Places whose scalar has another type than the field, and what the field expects."""
    return _in_model(model, raw, ())


def _in_model(model: type[BaseModel], raw: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if not isinstance(raw, dict):
        return
    own = {
        name
        for decorator in model.__pydantic_decorators__.field_validators.values()
        if decorator.info.mode != "after"
        for name in decorator.info.fields
    }
    for name, field in model.model_fields.items():
        key = field.alias or name
        if key in raw and name not in own and "*" not in own:
            yield from _in(field.annotation, field.metadata, raw[key], (*path, key))


def _in(annotation: Any, metadata: Sequence[Any], raw: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if any(isinstance(each, _OWN_READING) for each in metadata):
        return
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _in(arguments[0], arguments[1:], raw, path)
    elif origin in (Union, types.UnionType):
        yield from _in_union(arguments, raw, path)
    elif origin in LISTS and isinstance(raw, list) and arguments:
        for index, item in enumerate(raw):
            yield from _in(arguments[0], (), item, (*path, index))
    elif origin in (dict, Mapping) and isinstance(raw, dict):
        for key, value in raw.items():
            yield from _in(arguments[1], (), value, (*path, key))
    elif inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield from _in_model(annotation, raw, path)
    elif annotation is str and isinstance(raw, Doubtful):
        yield path, f"text in quotes (without them some take it for {raw.taken_for})"
    elif annotation in _EXPECTED and not _is(annotation, raw):
        yield path, _EXPECTED[annotation]


def _in_union(arguments: Sequence[Any], raw: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """A union bends a value only if none of its alternatives takes it as it is."""
    if raw is None and type(None) in arguments:
        return
    if isinstance(raw, Doubtful) and str in arguments:
        yield from _in(str, (), raw, path)
        return
    found: list[tuple[Path, str]] = []
    for each in arguments:
        if each is type(None) or (get_origin(each) is Literal and raw not in get_args(each)):
            continue
        mismatches = list(_in(each, (), raw, path))
        if not mismatches and not (each is str and isinstance(raw, list | dict)):
            return
        found += mismatches
    yield from found[:1]


def _is(expected: type, raw: Any) -> bool:
    if isinstance(raw, (Resolved, dict, list)):
        return True
    if expected is bool or isinstance(raw, bool):
        return expected is bool and isinstance(raw, bool)
    return isinstance(raw, int | float)


def model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The model of the mapping at a path below one of this model."""
    found: list[type[BaseModel]] = [model]
    for part in path:
        after: list[type[BaseModel]] = []
        for each in found:
            field = next((f for n, f in each.model_fields.items() if part == (f.alias or n)), None)
            after += models_in(field.annotation) if field else []
        if after or isinstance(part, str):
            found = after or (found if _is_key(found, part) else [])
    return found[0] if found else None


def _is_key(found: Sequence[type[BaseModel]], part: str | int) -> bool:
    """Whether a part of a path is a key of a mapping of models, which names no field."""
    return not any(part == (field.alias or name) for each in found for name, field in each.model_fields.items())


def names(model: type[BaseModel]) -> list[str]:
    """The keys of a mapping of this model."""
    return [field.alias or name for name, field in model.model_fields.items()]


def homes(model: type[BaseModel], key: str, path: Path = ()) -> Iterator[Path]:
    """The paths, below the model, of mappings that have this key; nearest first."""
    nested = [
        ((*path, field.alias or name), each)
        for name, field in model.model_fields.items()
        for each in models_in(field.annotation)
    ]
    for below, each in nested:
        if key in names(each):
            yield below
    for below, each in nested:
        if len(below) < 8:
            yield from homes(each, key, below)


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models that a type is made of, not those within them."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in models_in(argument)]
