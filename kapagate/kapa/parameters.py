"""The shapes of query parameters (`kapagate.kapa.fields.Shape`): what passes in a query is what its name says.

Bounds are Kapa's to check. An empty value is as good as none.
"""

from __future__ import annotations

import re
from typing import Any

from kapagate.kapa.fields import Shape, is_uuid

LONGEST_SEARCH = 200
_CURSOR = re.compile(r"[A-Za-z0-9+/=_.~:-]{1,1024}")
_NUMBER = re.compile(r"[0-9]{1,9}")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+ -][0-9]{2}:?[0-9]{2})?)?"
)
_ORDERING = re.compile(r"-?[a-z_]{1,64}")


def _matching(pattern: re.Pattern[str], what: str) -> Shape:
    def matching(value: Any) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(f"must be {what}")
        return str(value)

    return matching


cursor = _matching(_CURSOR, "a cursor as Kapa gave it")
number = _matching(_NUMBER, "a whole number")
ordering = _matching(_ORDERING, "the name of a field, with '-' before it for the reverse")


def moment(value: Any) -> str:
    """A date, or a date and time. A '+' that came as a blank is one again."""
    if not _MOMENT.fullmatch(value):
        raise ValueError("must be a date, or a date and time such as 2026-01-31T12:00:00Z")
    return str(value[:11]) + str(value[11:]).replace(" ", "+")


def flag(value: Any) -> str:
    if value.lower() not in ("true", "false"):
        raise ValueError("must be true or false")
    return str(value).lower()


def search(value: Any) -> str:
    if len(value) > LONGEST_SEARCH:
        raise ValueError(f"must have at most {LONGEST_SEARCH} characters")
    return str(value)


def uuids(value: Any) -> str:
    """Ids with commas between them."""
    if not all(map(is_uuid, value.split(","))):
        raise ValueError("must be UUIDs with commas between them")
    return str(value)


def uuid_or_null(value: Any) -> str:
    if value != "null" and not is_uuid(value):
        raise ValueError("must be a UUID or the word null")
    return str(value)


def words(*known: str) -> Shape:
    """Some of the words, with commas between them."""

    def chosen(value: Any) -> str:
        if not set(value.split(",")) <= set(known):
            raise ValueError(f"must be some of {', '.join(known)}, with commas between them")
        return str(value)

    return chosen
