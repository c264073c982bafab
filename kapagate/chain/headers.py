"""Header fields as they came: pairs of bytes in order, with a look-up by lower-case name made when first asked."""

from __future__ import annotations

from collections.abc import Sequence
from re import compile as pattern
from urllib.parse import quote

RawHeaders = Sequence[tuple[bytes, bytes]]
_PLAIN = pattern(r"[!-$&-~]([ -$&-~]*[!-$&-~])?|")
_SAFE = " !\"#$&'()*+,/:;<=>?@[\\]^`{|}~"


def field_value(text: str) -> bytes:
    """Any text as a field's value: what is not printable ASCII, and '%', is percent-encoded UTF-8."""
    return (text if _PLAIN.fullmatch(text) else quote(text.strip(), safe=_SAFE)).encode("ascii")


class Headers:
    """Names are compared in lower case (RFC 9110, 5.1); values are untouched bytes."""

    __slots__ = ("_index", "raw")

    def __init__(self, raw: RawHeaders = ()) -> None:
        self.raw = raw
        self._index: dict[bytes, list[bytes]] | None = None

    def get(self, name: bytes) -> bytes | None:
        """The first value of a field, `name` in lower case."""
        values = (self._index or self._indexed()).get(name)
        return values[0] if values else None

    def all(self, name: bytes) -> list[bytes]:
        """Every value of a field in order, `name` in lower case."""
        return (self._index or self._indexed()).get(name) or []

    def text(self, name: bytes) -> str | None:
        """The first value as text; bytes that are no UTF-8 survive as surrogates."""
        value = self.get(name)
        return None if value is None else value.decode("utf-8", "surrogateescape")

    def __contains__(self, name: bytes) -> bool:
        return name in (self._index or self._indexed())

    def _indexed(self) -> dict[bytes, list[bytes]]:
        index = self._index = {}
        for name, value in self.raw:
            index.setdefault(name.lower(), []).append(value)
        return index
