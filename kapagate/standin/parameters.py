"""Reads a query parameter by parameter, as Kapa does: unknown ones are ignored, all complaints are made at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from kapagate.standin.complaints import Complaints


class Parameters(Complaints):
    """A reader for each kind of parameter."""

    def __init__(self, query: Mapping[str, str]) -> None:
        super().__init__()
        self._query = query

    def text(self, name: str) -> str:
        return self._query.get(name, "")

    def choice(self, name: str, choices: Collection[str], default: str) -> str:
        value = self._query.get(name, default)
        if value not in choices:
            self.complain(name, f'"{value}" is not a valid choice.')
            return default
        return value

    def words(self, name: str, known: Collection[str]) -> frozenset[str]:
        """A list with commas."""
        said = frozenset(filter(None, self._query.get(name, "").split(",")))
        for word in sorted(said.difference(known)):
            self.complain(name, f'"{word}" is not a valid choice.')
        return said

    def uuids(self, name: str) -> list[str]:
        """A list with commas."""
        try:
            return [str(UUID(each)) for each in self._query.get(name, "").split(",") if each]
        except ValueError:
            self.complain(name, "Must be a valid UUID.")
            return []

    def integer(self, name: str, high: int, default: int) -> int:
        """From 1 to `high`."""
        value = self._query.get(name)
        if not value:
            return default
        if not value.isdecimal() or not 1 <= int(value) <= high:
            self.complain(name, f"Ensure this value is between 1 and {high}.")
            return default
        return int(value)

    def flag(self, name: str) -> bool | None:
        value = self._query.get(name, "").lower()
        if value and value not in ("true", "false"):
            self.complain(name, "Must be a valid boolean.")
        return value == "true" if value else None

    def moment(self, name: str) -> datetime | None:
        """A time with its zone."""
        value = self._query.get(name)
        if not value:
            return None
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            found = None
        if found is None or found.tzinfo is None:
            self.complain(name, "Enter a valid date and time with a zone.")
            return None
        return found
