"""Header fields as they came: pairs of bytes in order, with a look-up by lower-case name made when first asked.

Nearly every field is sent once, so the look-up holds one value per name, the first. Whether a name came more than once
is seen from the count, and only then are all fields gone through again.
"""

from __future__ import annotations

from collections.abc import Sequence

RawHeaders = Sequence[tuple[bytes, bytes]]


class Headers:
    """Names are compared in lower case (RFC 9110, 5.1); values are untouched bytes."""

    __slots__ = ("_first", "raw")

    def __init__(self, raw: RawHeaders = ()) -> None:
        self.raw = raw
        self._first: dict[bytes, bytes] | None = None

    def get(self, name: bytes) -> bytes | None:
        """The first value of a field, `name` in lower case."""
        return (self._first or self._indexed()).get(name)

    def all(self, name: bytes) -> list[bytes]:
        """Every value of a field in order, `name` in lower case."""
        first = self._first or self._indexed()
        if name not in first:
            return []
        if len(first) == len(self.raw):
            return [first[name]]
        return [value for each, value in self.raw if each.lower() == name]

    def text(self, name: bytes) -> str | None:
        """The first value as text; bytes that are no UTF-8 survive as surrogates."""
        value = self.get(name)
        return None if value is None else value.decode("utf-8", "surrogateescape")

    def __contains__(self, name: bytes) -> bool:
        return name in (self._first or self._indexed())

    def _indexed(self) -> dict[bytes, bytes]:
        self._first = {name.lower(): value for name, value in reversed(self.raw)}
        return self._first
