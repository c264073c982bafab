"""Reading claims by name or by dotted path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def claim(claims: Mapping[str, Any], name: str) -> Any:
    """The value of `name`: a claim of just that name, else a path (`realm_access.roles`); None where there is none."""
    if name in claims:
        return claims[name]
    value: Any = claims
    for part in name.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def text_claim(claims: Mapping[str, Any], name: str) -> str | None:
    """A claim that is a non-empty text, else None."""
    value = claim(claims, name)
    return value if isinstance(value, str) and value else None


def names_claim(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A claim that is a list of texts, or one text with blanks between the names (RFC 8693, 4.2); others give ()."""
    value = claim(claims, name)
    if isinstance(value, str):
        return tuple(value.split())
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
