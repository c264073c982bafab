"""The records that a gateway left, without those of what became of the gateway itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kapagate.ledger.selection import EVERYTHING
from kapagate.stores.audit_search import search


def newest(path: Path, limit: int) -> list[dict[str, Any]]:
    """Of exchanges, the newest first."""
    return of_exchanges(search(path, EVERYTHING, 10_000).records)[:limit]


def of_exchanges(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [record for record in records if not record.get("operation", "").startswith(("system.", "admin."))]
