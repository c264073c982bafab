"""The shapes of request fields: what passes, in the form in which it is sent on.

Kapa checks bounds and choices itself and says so to the client. What is checked here is that a field is what its name
says, so that no free text travels past the guards in a field where nobody looks for one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import orjson

from kapagate.chain import problems
from kapagate.chain.problem import Kind, Problem

Shape = Callable[[Any], Any]
"""The value as it is sent; None: nothing is. Raises ValueError with the rest of a sentence that the name begins."""

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_FLAWS = ("incorrect", "irrelevant", "unaddressed")


def taken(
    document: Any, shapes: Mapping[str, Shape], required: str = "", wrong: Kind = problems.MALFORMED_BODY
) -> dict[str, Any]:
    """The fields of `document` that `shapes` names; null is as good as absent. Raises Problem `wrong`."""
    if not isinstance(document, dict):
        raise malformed("the body must be a JSON object")
    found = {}
    for name, shape in shapes.items():
        if name not in document or (value := document[name]) is None:
            continue
        try:
            value = shape(value)
        except ValueError as cause:
            raise Problem(wrong, f"{name} {cause}") from None
        if value is not None:
            found[name] = value
    if required and required not in found:
        raise Problem(wrong, f"{required} is required")
    return found


def malformed(detail: str) -> Problem:
    return Problem(problems.MALFORMED_BODY, detail)


def is_uuid(value: Any) -> bool:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    return value


def texts(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError("must be an array of strings")
    return value


def uuid(value: Any) -> str:
    if not is_uuid(value):
        raise ValueError("must be a UUID")
    return str(value)


def uuids(value: Any) -> list[str] | None:
    """An empty list asks for nothing in particular."""
    if not isinstance(value, list) or not all(is_uuid(each) for each in value):
        raise ValueError("must be an array of UUIDs")
    return value or None


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be a whole number")
    return value


def count(value: Any) -> int:
    if integer(value) < 0:
        raise ValueError("must not be negative")
    return int(value)


def number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number")
    return value


def duration(value: Any) -> float:
    if number(value) < 0:
        raise ValueError("must not be negative")
    return float(value)


def choice(*words: str) -> Shape:
    def chosen(value: Any) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return str(value)

    return chosen


def origin(value: Any) -> dict[str, str] | None:
    """Kapa's `metadata`: the page alone, without user, query and fragment, which may carry anything."""
    if not isinstance(value, dict):
        raise ValueError("must be an object")
    url = value.get("origin_url")
    if url is None:
        return None
    try:
        parts = urlsplit(text(url))
    except ValueError:
        raise ValueError("must have a URL as origin_url") from None
    is_page = bool(parts.netloc) if parts.scheme in ("http", "https") else not parts.scheme and parts.path[:1] == "/"
    bare = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    return {"origin_url": bare} if is_page else None


def comment(value: Any) -> dict[str, Any]:
    """Kapa's comment on an answer, `{issue, incorrect, irrelevant, unaddressed}`.

    Kapa's own widget sends a string that holds this object. Any other string is the issue itself.
    """
    if isinstance(value, str):
        found = _unwrapped(value)
        return {"issue": value} if found is None else _comment(found, value)
    if not isinstance(value, dict):
        raise ValueError("must be a string or an object")
    return _comment(value)


def _unwrapped(value: str) -> dict[str, Any] | None:
    try:
        found = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _comment(members: dict[str, Any], wrapping: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {name: members[name] for name in _FLAWS if members.get(name) is not None}
    if not all(isinstance(value, bool) for value in found.values()):
        raise ValueError(f"must have true or false as {', '.join(_FLAWS)}")
    issue = members.get("issue")
    if issue is None:
        return found
    if not isinstance(issue, str):
        raise ValueError("must have a string as issue")
    if wrapping is not None and orjson.dumps(issue)[1:-1].decode() not in wrapping:
        # To a step that reads the string as it came, an issue spelt in other escapes is another text than to Kapa.
        raise ValueError("has needless escapes in its issue; send it as an object")
    return {"issue": issue, **found}
