"""Reads a request body field by field, as Kapa does: unknown ones are ignored, all complaints are made at once."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

import orjson

from kapagate.standin.complaints import Complaints
from kapagate.standin.errors import invalid, unreadable, unsupported_media

_ABSENT = object()


def read_fields(content_type: str, body: bytes) -> Fields:
    """Raises KapaError, 415 for what is not announced as JSON, 400 for what is not a JSON object."""
    if content_type != "application/json":
        raise unsupported_media(content_type)
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise unreadable(str(error)) from None
    if not isinstance(value, dict):
        raise invalid({"non_field_errors": [_not_a_dictionary(value)]})
    return Fields(value)


class Fields(Complaints):
    """A reader for each kind of field."""

    def __init__(self, body: dict[str, object]) -> None:
        super().__init__()
        self._body = body

    def raw(self, name: str) -> object:
        """The value, or None when it is absent."""
        return self._body.get(name)

    def text(self, name: str) -> str:
        """A required text that is not blank."""
        value = self._body.get(name, _ABSENT)
        if value is _ABSENT:
            self.complain(name, "This field is required.")
        elif value is None:
            self.complain(name, "This field may not be null.")
        elif not isinstance(value, str):
            self.complain(name, "Not a valid string.")
        elif not value.strip():
            self.complain(name, "This field may not be blank.")
        else:
            return value
        return ""

    def choice(self, name: str, choices: Collection[str], default: str | None = None) -> str:
        """One of `choices`; required when there is no default."""
        value = self._body.get(name, default)
        if value is None:
            self.complain(name, "This field is required.")
        elif isinstance(value, str) and value in choices:
            return value
        else:
            self.complain(name, f'"{value}" is not a valid choice.')
        return ""

    def integer(self, name: str, low: int, high: int, default: int) -> int:
        value = self._body.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            self.complain(name, "A valid integer is required.")
        elif value < low:
            self.complain(name, f"Ensure this value is greater than or equal to {low}.")
        elif value > high:
            self.complain(name, f"Ensure this value is less than or equal to {high}.")
        else:
            return value
        return default

    def flag(self, name: str) -> bool:
        value = self._body.get(name)
        if value is not None and not isinstance(value, bool):
            self.complain(name, "Must be a valid boolean.")
        return value is True

    def uuid(self, name: str, *, required: bool = False) -> str | None:
        value = self._body.get(name)
        if value is None:
            if required:
                self.complain(name, "This field is required.")
            return None
        if not _is_uuid(value):
            self.complain(name, "Must be a valid UUID.")
            return None
        return str(UUID(str(value)))

    def uuids(self, name: str) -> list[str]:
        values = self._items(name)
        if not all(map(_is_uuid, values)):
            self.complain(name, "Must be a valid UUID.")
            return []
        return [str(UUID(str(value))) for value in values]

    def texts(self, name: str) -> list[str]:
        values = self._items(name)
        found = [value for value in values if isinstance(value, str)]
        if len(found) != len(values):
            self.complain(name, "Not a valid string.")
        return found

    def dictionary(self, name: str) -> None:
        """An object whose content nobody looks at."""
        value = self._body.get(name)
        if value is not None and not isinstance(value, dict):
            self.complain(name, _not_a_dictionary(value))

    def _items(self, name: str) -> list[object]:
        value = self._body.get(name)
        if value is None:
            return []
        if isinstance(value, list):
            return value
        self.complain(name, f'Expected a list of items but got type "{type(value).__name__}".')
        return []


def _is_uuid(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        UUID(value)
    except ValueError:
        return False
    return True


def _not_a_dictionary(value: object) -> str:
    return f"Invalid data. Expected a dictionary, but got {type(value).__name__}."
