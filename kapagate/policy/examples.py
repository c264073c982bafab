"""Examples of what a field takes, as a policy would write them: those that the field declares, else those of
`samples.py`, else what its type says. A test gives every one of them to the loader.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AwareDatetime, BaseModel
from pydantic_core import PydanticUndefined

from kapagate.chain.secret import Secret
from kapagate.chain.units import duration, size
from kapagate.kapa.fields import uuid
from kapagate.policy.annotations import LISTS
from kapagate.policy.gateway import parse_address, parse_data_address, parse_state
from kapagate.policy.samples import SAMPLES
from kapagate.policy.wording import reading_of, with_unit
from kapagate.traffic.rate import rate, rates

_MOST = 4
_READINGS: Mapping[Callable[..., Any], Sequence[Any]] = {
    duration: ("30s", "5m"),
    size: ("64KiB", "1MiB"),
    rate: ("60/min", "1000/day"),
    rates: ("60/min", ["60/min", "1000/day"]),
    parse_address: ("127.0.0.1:8081",),
    parse_data_address: ("127.0.0.1:8080", "unix:/run/kapagate/data.sock"),
    parse_state: ("memory", "sqlite:kapagate.db"),
    uuid: ("0d2f4c1a-7b3e-4f5a-9c6d-8e1f2a3b4c5d",),
}
_SCALARS: Mapping[Any, Sequence[Any]] = {
    bool: (True, False),
    Secret: ("${env:SECRET}", "${file:/run/secrets/secret}"),
    AwareDatetime: ("2026-12-31T00:00:00Z",),
}


def examples_of(model: type[BaseModel], name: str) -> list[Any]:
    """Texts, numbers, lists and mappings, as YAML would hold them; none where nothing can be said."""
    field = model.model_fields[name]
    told = field.examples or SAMPLES.get(model.__name__, {}).get(name)
    found = told or _found(field.annotation, field.metadata, field.default)[:_MOST]
    return [each for index, each in enumerate(found) if each not in found[:index]]


def _found(annotation: Any, metadata: Sequence[Any], default: Any = PydanticUndefined) -> list[Any]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if reading := reading_of(metadata):
        return _read(reading, default)
    if origin is Annotated:
        return _found(arguments[0], (*arguments[1:], *metadata), default)
    if origin in (Union, types.UnionType):
        return [each for one in arguments if one is not type(None) for each in _found(one, metadata, default)]
    if origin is Literal:
        return list(arguments)
    if annotation in _SCALARS:
        return list(_SCALARS[annotation])
    if annotation in (int, float):
        return _numbers(default, metadata)
    if origin in LISTS:
        within = _found(arguments[0], ())
        return [within[:2]] if within else []
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return [made] if (made := example_of(annotation)) else []
    if isinstance(default, str) and default:
        return [default]
    return []


def _read(reading: Callable[..., Any], default: Any) -> list[Any]:
    """The default as it would be written, and what else the reading takes."""
    known = list(_READINGS.get(reading, ()))
    if isinstance(default, int | float) and reading in (duration, size):
        return list(dict.fromkeys([with_unit(default, reading), *known[:1]]))
    return known


def _numbers(default: Any, metadata: Sequence[Any]) -> list[Any]:
    if isinstance(default, int | float):
        return [default]
    least = (getattr(each, name, None) for each in metadata for name in ("ge", "gt"))
    return [next((bound + 1 for bound in least if bound is not None), 1)]


def example_of(model: type[BaseModel]) -> dict[str, Any]:
    """A mapping with what the model requires, or else with the first field of which there is an example."""
    found = {
        field.alias or name: told[0]
        for name, field in model.model_fields.items()
        if (field.is_required() or not _requires(model)) and (told := examples_of(model, name))
    }
    return found if _requires(model) else dict(list(found.items())[:1])


def _requires(model: type[BaseModel]) -> bool:
    return any(field.is_required() for field in model.model_fields.values())
