"""Types and defaults of a declaration's fields, in the words of somebody who writes a policy."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AwareDatetime, BaseModel, BeforeValidator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from kapagate.chain.scheme import Scheme
from kapagate.chain.secret import Secret
from kapagate.chain.units import duration, size
from kapagate.kapa.fields import uuid
from kapagate.policy.annotations import LISTS
from kapagate.policy.gateway import State, parse_address, parse_data_address, parse_state
from kapagate.traffic.rate import rate, rates

READINGS: Mapping[Callable[..., Any], str] = {
    duration: "duration",
    size: "size",
    rate: "rate",
    rates: "rate, or list of rates",
    parse_address: "HOST:PORT",
    parse_data_address: "HOST:PORT or unix:PATH",
    parse_state: "`memory` or `sqlite:PATH`",
    uuid: "UUID",
}
"""What a field's own reading takes; units are explained once, above all fields."""

SCALARS: Mapping[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Secret: "secret",
    AwareDatetime: "moment with UTC offset",
    Any: "anything",
}
_BOUNDS = (("ge", "at least {}"), ("gt", "more than {}"), ("le", "at most {}"), ("lt", "less than {}"))
_LENGTHS = (("min_length", "at least {} {}"), ("max_length", "at most {} {}"))
_SECONDS = (("d", 86_400), ("h", 3600))
_BYTES = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))


def type_of(field: FieldInfo) -> str:
    """`list of texts, not empty`, `duration, more than 0s`, `` `window` or `buffer` ``."""
    return worded(field.annotation, field.metadata)


def worded(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    """A type with its bounds. Optional ones read like those that are not: the default says that they are."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in SCALARS:
        return _with_bounds(_scalar(annotation, metadata), metadata, "characters")
    if origin is Annotated:
        return worded(arguments[0], (*arguments[1:], *metadata))
    if origin in (Union, types.UnionType):
        if reading := reading_of(metadata):
            return READINGS[reading]
        alternatives = [each for each in arguments if each is not type(None)]
        if len(alternatives) == 1:
            return worded(alternatives[0], metadata)
        return _with_bounds(" or ".join(dict.fromkeys(map(worded, alternatives))), metadata, "")
    return _with_bounds(_noun(annotation, origin, arguments, metadata), metadata, "entries")


def _scalar(annotation: Any, metadata: Sequence[Any]) -> str:
    if reading := reading_of(metadata):
        return READINGS[reading]
    read = any(isinstance(each, BeforeValidator) for each in metadata)
    return "text or secret" if annotation is Secret and read else SCALARS[annotation]


def _noun(annotation: Any, origin: Any, arguments: tuple[Any, ...], metadata: Sequence[Any]) -> str:
    if reading := reading_of(metadata):
        return READINGS[reading]
    if origin is Literal:
        choices = [f"`{choice}`" for choice in arguments]
        return " or ".join([", ".join(choices[:-1]), choices[-1]] if len(choices) > 1 else choices)
    if origin in LISTS:
        return f"list of {_plural(worded(arguments[0]))}"
    if origin is dict:
        return "mapping" if arguments[1] is Any else f"mapping of names to {_plural(worded(arguments[1]))}"
    if inspect.isclass(annotation) and issubclass(annotation, Scheme):
        return "scheme"
    return title_of(annotation) or "mapping"


def title_of(annotation: Any) -> str:
    """What a model calls itself that can also be written in another way than as a mapping; else nothing."""
    is_model = inspect.isclass(annotation) and issubclass(annotation, BaseModel)
    return str(annotation.model_config.get("title", "")) if is_model else ""


def reading_of(metadata: Sequence[Any]) -> Callable[..., Any] | None:
    """The function of `READINGS` that reads a field's value."""
    found = (getattr(each, "func", None) for each in metadata)
    return next((each for each in found if inspect.isfunction(each) and each in READINGS), None)


def _with_bounds(noun: str, metadata: Sequence[Any], counted: str) -> str:
    reading = reading_of(metadata)
    said = [noun]
    for each in metadata:
        for name, text in _BOUNDS:
            if (bound := getattr(each, name, None)) is not None:
                said.append(text.format(with_unit(bound, reading)))
        for name, text in _LENGTHS:
            if (length := getattr(each, name, None)) is not None:
                said.append("not empty" if (name, length) == ("min_length", 1) else text.format(length, counted))
    return ", ".join(dict.fromkeys(said))


def default_of(field: FieldInfo) -> str:
    """The default as YAML would have it; `required`, or nothing where leaving it out says all."""
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "required"
    if value is None or (isinstance(value, BaseModel) and not title_of(type(value))) or value in ((), {}, ""):
        return ""
    return f"`{_yaml(value, reading_of(field.metadata))}`"


def with_unit(value: float, reading: Callable[..., Any] | None) -> str:
    """`30s` of 30.0 seconds, `90d` of 7,776,000, `32KiB` of 32768 bytes; other numbers as they are."""
    if reading is duration:
        unit, scale = next(((u, s) for u, s in _SECONDS if value >= s and value % s == 0), ("s", 1))
        return f"{value / scale:g}{unit}"
    if reading is size:
        unit, scale = next(((u, s) for u, s in _BYTES if value >= s and value % s == 0), ("B", 1))
        return f"{value // scale:g}{unit}"
    return str(value).removesuffix(".0")


def _yaml(value: Any, reading: Callable[..., Any] | None) -> str:
    if isinstance(value, State):
        return f"sqlite:{value.path}" if value.path else "memory"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_yaml(each, None)}" for name, each in value.items()) + "}"
    return with_unit(value, reading) if isinstance(value, int | float) else str(value)


def _plural(noun: str) -> str:
    first, comma, bounds = noun.partition(",")
    countable = {"scheme", "UUID", "text", "mapping", "secret", "source"}
    return f"{first}s{comma}{bounds}" if first in countable else noun


def models_within(field: FieldInfo) -> Iterator[tuple[type[BaseModel], str]]:
    """The models of a field's mappings, each with how a path goes on: `[]` into a list, `.<name>` below names. Those
    with a title are told of where the title is.
    """
    yield from _within(field.annotation, "")


def _within(annotation: Any, suffix: str) -> Iterator[tuple[type[BaseModel], str]]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if title_of(annotation):
        return
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation, suffix
    elif origin in LISTS:
        yield from _within(arguments[0], f"{suffix}[]")
    elif origin is dict:
        yield from _within(arguments[1], f"{suffix}.<name>")
    else:
        for each in arguments:
            yield from _within(each, suffix)
