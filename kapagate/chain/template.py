"""Path templates: `/crm/{rest:*}`, `/query/v1/threads/{thread_id}/chat/`."""

from __future__ import annotations

import re

from msgspec import Struct

from kapagate.chain.path import canonical
from kapagate.chain.problem import Problem

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Parameter(Struct, frozen=True):
    """A segment that stands for any one segment, or, with `rest`, for everything behind the slash, be it nothing."""

    name: str
    rest: bool = False


Segment = str | Parameter


def parse_template(text: str) -> tuple[Segment, ...]:
    """Segments between the slashes; a trailing slash gives an empty last segment. Raises ValueError with a sentence."""
    if not text.startswith("/"):
        raise ValueError("a path template starts with '/'")
    segments = tuple(_segment(part) for part in text[1:].split("/"))
    names = [segment.name for segment in segments if isinstance(segment, Parameter)]
    if len(names) != len(set(names)):
        raise ValueError("a path template names each parameter once")
    if any(isinstance(segment, Parameter) and segment.rest for segment in segments[:-1]):
        raise ValueError("{name:*} can only be the last segment")
    if "" in segments[:-1]:
        raise ValueError("a path template has no empty segments")
    return segments


def _segment(part: str) -> Segment:
    if not (part.startswith("{") and part.endswith("}")):
        return _literal(part)
    name, star = (part[1:-3], True) if part.endswith(":*}") else (part[1:-1], False)
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{part!r} is no parameter: write {{name}} or {{name:*}} with lower-case letters, digits and '_'"
        )
    return Parameter(name, star)


def _literal(part: str) -> str:
    if "{" in part or "}" in part:
        raise ValueError(f"{part!r}: a parameter takes a whole segment")
    try:
        same = canonical(b"/" + part.encode()) == "/" + part
    except Problem as cause:
        raise ValueError(f"{part!r} can never match: {cause.detail}") from cause
    if not same:
        raise ValueError(f"{part!r} can never match: paths are compared in their canonical form")
    return part


def opaque_prefix(template: str) -> str:
    """Of `/files/{rest:*}`: `/files/`. Empty where a template is not words and then everything behind them."""
    prefix, _, parameter = template.rpartition("/")
    return prefix + "/" if parameter.endswith(":*}") and "{" not in prefix else ""


def overlap(one: tuple[Segment, ...], other: tuple[Segment, ...]) -> bool:
    """Whether some path matches both templates."""
    for left, right in zip(one, other, strict=False):
        if any(isinstance(segment, Parameter) and segment.rest for segment in (left, right)):
            return True
        if isinstance(left, str) and isinstance(right, str) and left != right:
            return False
        if "" in (left, right) and left != right:
            return False
    return len(one) == len(other)
