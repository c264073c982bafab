"""Series of metrics as tests name them: `kapa_queries_total{tenant_id=acme, status=answered}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from msgspec import Struct

_SERIES = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?")
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*("?)([^",{}=]*)\2\s*(?:,|$)')


class Series(Struct, frozen=True):
    """All series with this name and these labels, whatever their others are."""

    name: str
    labels: Mapping[str, str]

    def covers(self, name: str, labels: Mapping[str, str]) -> bool:
        return name == self.name and all(labels.get(label) == value for label, value in self.labels.items())


@lru_cache(maxsize=1024)
def parse_series(text: str) -> Series:
    """Raises ValueError with a sentence."""
    found = _SERIES.fullmatch(text.strip())
    said = (found[2] or "") if found else ""
    if found is None or _LABEL.sub("", said):
        raise ValueError("a series is `name` or `name{label=value, ...}`")
    return Series(found[1], {each[1]: each[3].strip() for each in _LABEL.finditer(said)})
